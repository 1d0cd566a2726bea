/**
 * The shell that every page of Plimsoll shares, from the report to the comparison and the live page: self-contained, asks the
 * network for nothing, works in light, in dark and on paper.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ChartData } from './chart-model.ts';
import { CHART_SCRIPT } from './html-chart-script.ts';
import { PAGE_SCRIPT, THEME_SCRIPT } from './html-page-script.ts';
import { STYLE } from './html-style.ts';
import { escapeHtml, jsonForScript } from './html-text.ts';

/** Plain text throughout, except `main`. */
export interface PageParts {
  /** Of the window, or the tab. */
  title: string;
  /** What the page is about, in bold beside the mark: the name of the run. */
  brandName: string;
  /** After it: when, and under what load; may be empty. */
  runLine: string;
  /** Links to sections by their ids; those that `main` lacks are left out. The first is where "skip" leads. */
  nav: ReadonlyArray<readonly [id: string, label: string]>;
  /** HTML of the sections. The charts in it stand in `chartFigures(data.charts)`. */
  main: string;
  data: ChartData;
  /** Run in this order after the chart library, the script that draws the charts and that of the page. */
  scripts?: readonly string[];
  footer: string;
  /** After the style sheet that all pages share. */
  style?: string;
  /** Lets scripts speak to the server that the page came from, and to no other. Default false: to nobody. */
  connects?: boolean;
}

const MARK =
  '<svg class="mark-plimsoll" viewBox="0 0 24 24" width="26" height="26" aria-hidden="true"><circle cx="12" cy="12" r="7.5" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M0.5 12h23" stroke="currentColor" stroke-width="1.8"/></svg>';

const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 24 24%22%3E%3Cg fill=%22none%22 stroke=%22%231668b8%22 stroke-width=%222.4%22%3E%3Ccircle cx=%2212%22 cy=%2212%22 r=%227.5%22/%3E%3Cpath d=%22M0 12h24%22/%3E%3C/g%3E%3C/svg%3E';

/** The whole document. */
export function renderPage(parts: PageParts): string {
  const { title, brandName, runLine, main, data, footer } = parts;
  const library = chartLibrary();
  const scripts = [library.script, CHART_SCRIPT, PAGE_SCRIPT, ...(parts.scripts ?? [])];
  const links = parts.nav.filter(([id]) => main.includes(`<section id="${id}"`));
  const [skipTo, skipLabel] = links[0] ?? ['main', 'content'];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy([THEME_SCRIPT, ...scripts], parts.connects ?? false)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Plimsoll">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${ICON}">
<script>${THEME_SCRIPT}</script>
<style>${library.style}
${STYLE}${parts.style ?? ''}</style>
</head>
<body>
<a class="skip" href="#${skipTo}">Skip to ${escapeHtml(skipLabel.toLowerCase())}</a>
<header class="top">
<p class="brand">${MARK}<span>Plimsoll</span></p>
<p class="run"><strong>${escapeHtml(brandName)}</strong><span>${escapeHtml(runLine)}</span></p>
<button type="button" class="quiet theme">Theme</button>
</header>
<nav aria-label="Sections">${links.map(([id, label]) => `<a href="#${id}">${escapeHtml(label)}</a>`).join('')}</nav>
<main id="main" tabindex="-1">
${main}
</main>
<footer><p>${escapeHtml(footer)}</p></footer>
<p class="hidden-text" id="reading" aria-live="polite"></p>
<script type="application/json" id="report-data">${jsonForScript(data)}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

/** Of scripts, exactly those of this page: a slip in escaping could then show, but not run. */
function contentPolicy(scripts: string[], connects: boolean): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  const connect = connects ? " connect-src 'self';" : '';
  return `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${hashes.join(' ')};${connect} base-uri 'none'; form-action 'none'`;
}

function chartLibrary(): { script: string; style: string } {
  const { resolve } = createRequire(import.meta.url);
  const read = (file: string) => readFileSync(resolve(`uplot/dist/${file}`), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}
