/** What the page does besides charts. Scripts are text, since they run in the reader's browser only; render-html.test.ts runs them in one. */

/** Runs in the head, before anything is painted: the theme that was chosen last time. */
export const THEME_SCRIPT = `
try {
  const chosen = localStorage.getItem('plimsoll-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch { /* pages from disk may have no storage: the system's theme it is */ }
`;

/** Theme switch, copying of the command, printing. Tells the charts by a \`themechange\` event on the document. */
export const PAGE_SCRIPT = `
(() => {
  'use strict';
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const button = document.querySelector('button.theme');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);
  const label = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', 'Switch to the ' + (isDark() ? 'light' : 'dark') + ' theme');
  };
  const announce = () => {
    label();
    document.dispatchEvent(new Event('themechange'));
  };
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try { localStorage.setItem('plimsoll-theme', root.dataset.theme); } catch { /* then for this visit only */ }
    announce();
  });
  dark.addEventListener('change', announce);
  label();

  document.addEventListener('click', async ({ target }) => {
    const copy = target.closest('button.copy');
    if (!copy) return;
    const code = copy.parentElement.querySelector('code');
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      copy.textContent = 'Selected';
    }
    setTimeout(() => { copy.textContent = 'Copy'; }, 2000);
  });

  let before;
  addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    root.dataset.theme = 'light';
    announce();
  });
  addEventListener('afterprint', () => {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    announce();
  });
})();
`;
