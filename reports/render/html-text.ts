/** Text into HTML: everything that came from outside goes through one of these two. */

/** For element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** JSON for a `<script type="application/json">`: no `<` in it, so no text can close the element or open a comment. */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/**
 * A table that scrolls sideways within itself when the window is narrow, and by keyboard. Cells are HTML.
 * `named`: each cell knows its column's heading, for a style that stacks them.
 */
export function htmlTable(label: string, header: string[], rows: string[][], numericFrom = 1, named = false): string {
  const kind = (index: number) => (index >= numericFrom ? ' class="number"' : '');
  const head = header.map((cell, index) => `<th scope="col"${kind(index)}>${cell}</th>`).join('');
  const body = rows.map(([first = '', ...rest]) => {
    const name = (index: number) => (named ? ` data-name="${escapeHtml(header[index]!)}"` : '');
    const cells = rest.map((cell, index) => `<td${kind(index + 1)}${name(index + 1)}>${cell}</td>`).join('');
    return `<tr><th scope="row"${kind(0)}>${first}</th>${cells}</tr>`;
  });
  return `<div class="table" role="region" aria-label="${escapeHtml(label)}" tabindex="0"><table>
<thead><tr>${head}</tr></thead>
<tbody>${body.join('\n')}</tbody>
</table></div>`;
}

/** A section with a heading that the page's navigation can point at. */
export function htmlSection(id: string, title: string, body: string, lead = ''): string {
  return `<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${lead === '' ? '' : `<p class="lead">${lead}</p>\n`}${body}
</section>`;
}

export function htmlList(sentences: string[], ordered = false): string {
  const tag = ordered ? 'ol' : 'ul';
  return `<${tag} class="sentences">${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('\n')}</${tag}>`;
}
