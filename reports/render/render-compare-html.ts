/** A comparison as one self-contained page: verdict and conditions first, every change with its interval, both overlaid. */
import type { RunsOfSide } from '../compare/compare-runs.ts';
import type { ComparedSide, Comparison } from '../compare/comparison.ts';
import { compareCharts, SIDE_COLOURS } from './compare-charts.ts';
import { COMPARISON_LABELS, lossRows, methodSentences } from './compare-view.ts';
import { formatDate, formatPlural } from './format.ts';
import { ROW_STYLE, rowSections } from './html-compare-rows.ts';
import { chartFigures, ZOOM_BAR, ZOOM_HELP } from './html-figures.ts';
import { renderPage } from './html-page.ts';
import { escapeHtml, htmlList, htmlSection, htmlTable } from './html-text.ts';

const LINKS = [
  ['verdict', 'Verdict'],
  ['changes', 'What changed'],
  ['messages', 'Messages'],
  ['charts', 'Over time'],
  ['distribution', 'Distribution'],
  ['method', 'Method'],
] as const;

const TONES = { worse: 'fail', better: 'pass', 'no difference seen': 'same', 'not judged': 'inconclusive' } as const;

/** `a` and `b` are the runs that the comparison was made of. */
export function renderCompareHtml(comparison: Comparison, a: RunsOfSide, b: RunsOfSide): string {
  const data = compareCharts(comparison, a, b);
  const time = data.charts.filter(({ kind }) => kind === 'time');
  const distribution = data.charts.filter(({ kind }) => kind === 'distribution');
  return renderPage({
    title: `${COMPARISON_LABELS[comparison.verdict]}: ${b.label} against ${a.label} – Plimsoll`,
    brandName: `${b.label} against ${a.label}`,
    runLine: `${formatPlural(a.runs.length, 'run')} and ${formatPlural(b.runs.length, 'run')}`,
    nav: LINKS,
    style: ROW_STYLE,
    main: [
      hero(comparison),
      rowSections(comparison),
      lossSection(comparison),
      htmlSection('charts', 'Over time', `${chartFigures(time)}\n${ZOOM_BAR}`, ZOOM_HELP),
      htmlSection('distribution', 'How latency is distributed', chartFigures(distribution)),
      htmlSection('method', 'Method', htmlList(methodSentences(comparison))),
    ].join('\n'),
    data,
    footer: `Compared by Plimsoll, seed ${comparison.method.seed}`,
  });
}

function hero(comparison: Comparison): string {
  const { verdict, sentence, remarks, a, b } = comparison;
  return `<section id="verdict" class="hero ${TONES[verdict]}" aria-labelledby="verdict-title">
<p class="eyebrow">b against a</p>
<h1 id="verdict-title"><span class="verdict">${COMPARISON_LABELS[verdict]}</span></h1>
<p class="claim">${escapeHtml(sentence)}</p>
${remarks.length === 0 ? '' : `<div class="reasons">${htmlList(remarks)}</div>`}
<div class="sides">${sideHtml('a', a)}${sideHtml('b', b)}</div>
${unlikeHtml(comparison)}
</section>`;
}

function sideHtml(name: 'a' | 'b', { label, runs }: ComparedSide): string {
  const items = runs.map(({ runId, startedAtMs, verdict, status, tags }) => {
    const labels = Object.entries(tags).map(([key, value]) => ` · ${key}=${value}`);
    return `<li><code>${escapeHtml(runId)}</code> <span class="when">${escapeHtml(`${formatDate(startedAtMs)} · ${verdict ?? status}${labels.join('')}`)}</span></li>`;
  });
  return `<div style="--side: var(--${SIDE_COLOURS[name]})"><h2>${name} · ${escapeHtml(label)}</h2><ul class="runs">${items.join('')}</ul></div>`;
}

function unlikeHtml({ unlike }: Comparison): string {
  if (unlike.length === 0) return '';
  const rows = unlike.map(({ what, a, b }) => [what, a, b].map(escapeHtml));
  return `<div class="unlike"><p>The conditions were not the same: part of any difference may come from them.</p>
${htmlTable('Conditions that differ', ['condition', 'a', 'b'], rows, 9)}</div>`;
}

function lossSection(comparison: Comparison): string {
  const rows = lossRows(comparison).map(({ name, a, b, verdict }) => [
    name,
    a,
    b,
    `<span${verdict === 'worse' ? ' class="failed"' : ''}>${verdict}</span>`,
  ]);
  if (rows.length === 0) return '';
  return htmlSection(
    'messages',
    'Messages',
    htmlTable('Lost, duplicated and reordered messages', ['', 'a', 'b', 'verdict'], rows),
    'These are counted, not estimated: any in b where a had none is a regression.',
  );
}
