/** Pieces of GitHub-flavoured Markdown. What is long is cut, and says so: a comment has its limit. */
import { formatCount } from './format.ts';

/** GitHub takes no comment of more than 65,536 characters; some are left to what stands around this. */
export const COMMENT_MOST = 60_000;

const ROWS_MOST = 50;
const TEXT_MOST = 1_000;

/**
 * Blocks below each other, without the last ones where they would be longer than `most` characters. The first two stay.
 * Ends with a newline.
 */
export function joinWithin(most: number, blocks: string[]): string {
  const filled = blocks.filter((block) => block !== '');
  const remark = 'More would be too long for a comment; the HTML report has it.';
  const join = (parts: string[]): string => `${parts.join('\n\n')}\n`;
  let text = join(filled);
  for (let kept = filled.length - 1; text.length > most && kept >= 2; kept--)
    text = join([...filled.slice(0, kept), remark]);
  return text;
}

export function section(title: string, body: string): string {
  return `### ${title}\n\n${body}`;
}

/** Shown when it is asked for. */
export function folded(title: string, body: string): string {
  return `<details>\n<summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** Escapes them. */
export function bullets(sentences: string[]): string {
  const shown = sentences.slice(0, ROWS_MOST).map((sentence) => `- ${escapeMarkdown(sentence)}`);
  return [...shown, ...more(sentences.length).map((text) => `- ${text}`)].join('\n');
}

/** Cells are Markdown already. */
export function table(header: string[], rows: string[][], align: Array<'left' | 'right'> = []): string {
  const rule = header.map((_, index) => (align[index] === 'right' ? '---:' : '---'));
  const lines = [header, rule, ...rows.slice(0, ROWS_MOST)].map((cells) => `| ${cells.join(' | ')} |`);
  return [lines.join('\n'), ...more(rows.length)].join('\n\n');
}

function more(count: number): string[] {
  return count > ROWS_MOST ? [`… and ${formatCount(count - ROWS_MOST)} more`] : [];
}

/** Text that Markdown, HTML in Markdown and table cells take literally; no `@name` notifies anybody. */
export function escapeMarkdown(text: string): string {
  return clip(text)
    .replace(/\s+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[\\`*_[\]|#~>]/g, '\\$&')
    .replace(/@(?=\w)/g, '@\u200b');
}

/** A code span: longer fence than any run of backticks inside; `|` would end a table cell even in code. */
export function code(text: string): string {
  const flat = clip(text).replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(flat, '`') + 1);
  return fence.length > 1 ? `${fence} ${flat} ${fence}` : `\`${flat}\``;
}

/** A block of code, whatever is in it. */
export function codeBlock(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text, '`') + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

function longestRun(text: string, character: string): number {
  return Math.max(0, ...(text.match(new RegExp(`${character}+`, 'g')) ?? []).map((run) => run.length));
}

function clip(text: string): string {
  return text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST).toWellFormed()} …` : text;
}
