/** A run as one self-contained page: opens from disk, asks the network for nothing, works in light, in dark and on paper. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ReportModel } from '../report-model.ts';
import { chartData } from './chart-data.ts';
import { formatDate } from './format.ts';
import { backgroundSections } from './html-background.ts';
import { CHART_SCRIPT } from './html-chart-script.ts';
import { chartSections } from './html-figures.ts';
import { metricSection } from './html-metrics.ts';
import { overviewSections, runLine, runName } from './html-overview.ts';
import { PAGE_SCRIPT, THEME_SCRIPT } from './html-page-script.ts';
import { STYLE } from './html-style.ts';
import { escapeHtml, jsonForScript } from './html-text.ts';
import { VERDICT_LABELS } from './summary-view.ts';

const MARK =
  '<svg class="mark-plimsoll" viewBox="0 0 24 24" width="26" height="26" aria-hidden="true"><circle cx="12" cy="12" r="7.5" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M0.5 12h23" stroke="currentColor" stroke-width="1.8"/></svg>';

const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 24 24%22%3E%3Cg fill=%22none%22 stroke=%22%231668b8%22 stroke-width=%222.4%22%3E%3Ccircle cx=%2212%22 cy=%2212%22 r=%227.5%22/%3E%3Cpath d=%22M0 12h24%22/%3E%3C/g%3E%3C/svg%3E';

const LINKS = [
  ['verdict', 'Verdict'],
  ['thresholds', 'Thresholds'],
  ['ledger', 'Ledger'],
  ['faults', 'Faults'],
  ['charts', 'Over time'],
  ['distribution', 'Distribution'],
  ['metrics', 'Metrics'],
  ['environment', 'Environment'],
  ['scenario', 'Scenario'],
  ['repeat', 'Run again'],
  ['notes', 'Notes'],
] as const;

/** The whole document. Also for runs without an end (`summary` null), and without a single sample. */
export function renderHtml(model: ReportModel): string {
  const data = chartData(model);
  const { script: library, style: libraryStyle } = chartLibrary();
  const scripts = [library, CHART_SCRIPT, PAGE_SCRIPT];
  const title = `${pageVerdict(model)}: ${runName(model)} – Plimsoll`;
  const main = [overviewSections(model), chartSections(data), metricSection(model), backgroundSections(model)].join(
    '\n',
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy([THEME_SCRIPT, ...scripts])}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Plimsoll">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${ICON}">
<script>${THEME_SCRIPT}</script>
<style>${libraryStyle}
${STYLE}</style>
</head>
<body>
<a class="skip" href="#verdict">Skip to the verdict</a>
<header class="top">
<p class="brand">${MARK}<span>Plimsoll</span></p>
<p class="run"><strong>${escapeHtml(runName(model))}</strong><span>${escapeHtml(runLine(model))}</span></p>
<button type="button" class="quiet theme">Theme</button>
</header>
<nav aria-label="Sections">${navigation(main)}</nav>
<main>
${main}
</main>
<footer><p>${footerText(model)}</p></footer>
<p class="hidden-text" id="reading" aria-live="polite"></p>
<script type="application/json" id="report-data">${jsonForScript(data)}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

/** Links to the sections that this report has. */
function navigation(main: string): string {
  return LINKS.filter(([id]) => main.includes(`<section id="${id}"`))
    .map(([id, label]) => `<a href="#${id}">${label}</a>`)
    .join('');
}

function pageVerdict({ summary, status }: ReportModel): string {
  if (summary !== null) return VERDICT_LABELS[summary.verdict];
  return status === 'running' ? 'RUNNING' : 'INTERRUPTED';
}

function footerText({ summary, runId }: ReportModel): string {
  if (summary === null) return `Run ${escapeHtml(runId)}`;
  const { plimsollVersion, generatedAt } = summary.metadata;
  return escapeHtml(`Run ${runId} · summary made ${formatDate(generatedAt)} by Plimsoll ${plimsollVersion}`);
}

/** Nothing from anywhere; of scripts, exactly those of this page. A slip in escaping could then show, but not run. */
function contentPolicy(scripts: string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${hashes.join(' ')}; base-uri 'none'; form-action 'none'`;
}

function chartLibrary(): { script: string; style: string } {
  const { resolve } = createRequire(import.meta.url);
  const read = (file: string) => readFileSync(resolve(`uplot/dist/${file}`), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}
