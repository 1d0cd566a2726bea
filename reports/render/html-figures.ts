/** The frames that the charts are drawn into; until a script draws, they say in words what there is to see. */
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { Chart, ChartData, ChartVariant } from './chart-model.ts';
import { escapeHtml, htmlSection } from './html-text.ts';

const WIDE = new Set(['latency', 'heat', 'throughput', 'distribution']);

export function chartSections(data: ChartData): string {
  const kind = (wanted: Chart['kind']) => data.charts.filter((chart) => chart.kind === wanted);
  return [
    htmlSection(
      'charts',
      'Over time',
      `${chartFigures(kind('time'))}\n${ZOOM_BAR}`,
      [ZOOM_HELP, foldNote(data), faultNote(data)].filter(Boolean).join(' '),
    ),
    htmlSection('distribution', 'How latency is distributed', chartFigures(kind('distribution'))),
  ].join('\n');
}

/** What became of the seconds of a long run. */
function foldNote({ time }: ChartData): string {
  if (time.step === 1) return '';
  return `Each point stands for ${time.step} seconds: the worst second’s percentiles, the mean of rates, the highest of CPU, memory and delays, the fewest connections.`;
}

function faultNote({ faults, time }: ChartData): string {
  if (faults.length === 0) return '';
  const point = time.step === 1 ? 'second' : `${time.step} seconds`;
  return `A line marks the start of the ${point} in which a fault began, the tint how long it was felt.`;
}

/** Frames for charts, for any page made by `renderPage` whose `data` holds these charts. */
export function chartFigures(charts: readonly Chart[]): string {
  return `<div class="charts">${charts.map((chart, index) => figure(chart, isAlone(charts, index))).join('\n')}</div>`;
}

/** Would it leave half a row empty beside it? */
function isAlone(charts: readonly Chart[], index: number): boolean {
  const isWide = (at: number): boolean => at < 0 || at >= charts.length || WIDE.has(charts[at]!.id);
  if (isWide(index) || !isWide(index + 1)) return false;
  let first = index;
  while (!isWide(first - 1)) first--;
  return (index - first) % 2 === 0;
}

/** Stands once in a page that has time charts, after them. */
export const ZOOM_BAR =
  '<p class="zoom" hidden><span class="range"></span> <button type="button" class="quiet">Show all</button></p>';

/** HTML: how time charts are zoomed and read. */
export const ZOOM_HELP =
  'Drag across a chart to zoom all of them, double-click to see everything again. With the keyboard: arrows read values, <kbd>+</kbd> and <kbd>−</kbd> zoom, <kbd>Esc</kbd> shows all.';

function figure(chart: Chart, alone: boolean): string {
  const { id, title, about, variants } = chart;
  const first = variants[0]!;
  return `<figure class="chart${WIDE.has(id) ? ' wide' : alone ? ' alone' : ''}" data-chart="${id}" aria-labelledby="chart-${id}">
<div class="chart-head">
<h3 id="chart-${id}">${title} <span class="unit">${escapeHtml(first.unit)}</span></h3>
<div class="chart-tools">${selector(title, variants)}${scaleSwitch(variants)}</div>
</div>
<div class="legend" role="group" aria-label="Lines of ${escapeHtml(title)}"></div>
<div class="plot" tabindex="0" role="group" aria-roledescription="chart" aria-label="${escapeHtml(first.words)}"><p>${escapeHtml(first.words)}</p></div>
<figcaption>${escapeHtml(about)}</figcaption>
</figure>`;
}

function selector(title: string, variants: ChartVariant[]): string {
  if (variants.length < 2) {
    const [only] = variants;
    // Which latency it is, no title says.
    return only?.unit === 'ms' && isTrend(only.label) ? `<code>${escapeHtml(only.label)}</code>` : '';
  }
  const options = variants.map(({ label }, index) => `<option value="${index}">${escapeHtml(label)}</option>`);
  return `<label><span class="hidden-text">What to show in ${escapeHtml(title)}</span><select>${options.join('')}</select></label>`;
}

function isTrend(label: string): boolean {
  return (TRENDS as readonly string[]).includes(label);
}

function scaleSwitch(variants: ChartVariant[]): string {
  if (variants.length < 2 || !variants.every(({ unit, heat }) => unit === 'ms' && heat === undefined)) return '';
  return '<label class="check"><input type="checkbox"> logarithmic</label>';
}
