/** Every row of a comparison with its interval drawn around "no change": the picture that convinces. */
import type { ComparedRow, Comparison, RowVerdict, Tolerance } from '../compare/comparison.ts';
import { signedPercent } from '../compare/conclusion.ts';
import { figureRows, type RowView, trendRows } from './compare-view.ts';
import { formatCount } from './format.ts';
import { escapeHtml, htmlSection } from './html-text.ts';

const CLASSES: Record<RowVerdict, string> = {
  worse: 'worse',
  better: 'better',
  'no difference seen': 'same',
  'too few': 'unsaid',
  'no interval': 'unsaid',
  'not comparable': 'unsaid',
};

export function rowSections(comparison: Comparison): string {
  const { trends, method } = comparison;
  const axis = axisOf(comparison);
  const groups = trends.map(
    (trend) =>
      `<tbody><tr class="group"><th colspan="7" scope="rowgroup"><code>${trend.metric}</code> <span>ms · ${formatCount(trend.count.a)} and ${formatCount(trend.count.b)} samples</span></th></tr>
${trendRows(trend)
  .map((row, index) => rowHtml(row, trend.rows[index]!, axis, method.tolerance))
  .join('\n')}${reasonsHtml(trendRows(trend))}</tbody>`,
  );
  const figures = figureRows(comparison);
  if (figures.length > 0) {
    groups.push(
      `<tbody><tr class="group"><th colspan="7" scope="rowgroup">Throughput and cost</th></tr>
${figures.map((row, index) => rowHtml(row, comparison.figures[index]!, axis, method.tolerance)).join('\n')}${reasonsHtml(figures)}</tbody>`,
    );
  }
  return htmlSection(
    'changes',
    'What changed',
    `<div class="table forest" role="region" aria-label="Changes with their intervals" tabindex="0"><table>
<thead><tr><th scope="col"></th><th scope="col" class="number">a</th><th scope="col" class="number">b</th><th scope="col" class="number">change</th><th scope="col" class="plot-head">${axisHtml(axis)}</th><th scope="col" class="number">interval</th><th scope="col">verdict</th></tr></thead>
${groups.join('\n')}
</table></div>`,
    'Each bar is the interval that holds the change from a to b; the line in the middle is no change, the shaded strip the tolerance. A bar that keeps clear of the line is a difference; rows marked <strong>*</strong> decide about the whole.',
  );
}

/** Why rows have no verdict, once for all that have the same reason. */
function reasonsHtml(rows: readonly RowView[]): string {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of rows) if (reason !== '') byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  const sentences = [...byReason].map(([reason, names]) => `${names.join(', ')}: ${reason}`);
  return sentences.length === 0
    ? ''
    : `\n<tr class="why"><td colspan="7">${escapeHtml(`${sentences.join('. ')}.`)}</td></tr>`;
}

/** Logarithm of the ratio at either end. */
interface Axis {
  half: number;
}

/** Wide enough for the usual rows; a bar that goes on beyond it ends in an arrow. */
function axisOf({ trends, figures }: Comparison): Axis {
  const reach = [...trends.flatMap(({ rows }) => rows), ...figures].flatMap(({ change }) =>
    change === null
      ? []
      : [Math.max(Math.abs(Math.log(change.ratioInterval.low)), Math.abs(Math.log(change.ratioInterval.high)))],
  );
  const sorted = reach.filter(Number.isFinite).sort((x, y) => x - y);
  const wide = sorted[Math.floor(sorted.length * 0.9)] ?? 0;
  const steps = [1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 100].map(Math.log);
  return { half: steps.find((step) => step >= wide * 1.02) ?? steps.at(-1)! };
}

function place({ half }: Axis, ratio: number): number {
  return Math.min(Math.max(50 + (50 * Math.log(ratio)) / half, 0), 100);
}

function axisHtml(axis: Axis): string {
  const mark = (at: number, ratio: number): string => `<span style="left:${at}%">${signedPercent(ratio)}</span>`;
  return `<span class="axis" aria-hidden="true">${mark(0, Math.exp(-axis.half))}${mark(50, 1)}${mark(100, Math.exp(axis.half))}</span><span class="hidden-text">drawn</span>`;
}

function rowHtml(view: RowView, row: ComparedRow, axis: Axis, tolerance: Tolerance): string {
  const { name, a, b, change, interval, verdict, judged, reason } = view;
  const star = judged ? '<abbr class="star" title="decides about the whole">*</abbr>' : '';
  return `<tr class="${CLASSES[verdict]}${judged ? ' judged' : ''}"><th scope="row">${escapeHtml(name)}${star}</th><td class="number">${escapeHtml(a)}</td><td class="number">${escapeHtml(b)}</td><td class="number change">${change}</td><td class="bar">${barHtml(row, axis, tolerance)}</td><td class="number said">${interval}</td><td class="verdict-cell"${reason === '' ? '' : ` title="${escapeHtml(reason)}"`}>${verdict}</td></tr>`;
}

function barHtml({ change }: ComparedRow, axis: Axis, { share }: Tolerance): string {
  const zone = `<i class="zone" style="left:${place(axis, 1 / (1 + share)).toFixed(2)}%;right:${(100 - place(axis, 1 + share)).toFixed(2)}%"></i>`;
  if (change === null) return `<span class="lane" aria-hidden="true">${zone}</span>`;
  const { low, high } = change.ratioInterval;
  const [from, to] = [place(axis, low), place(axis, high)];
  const cut = `${Math.log(low) < -axis.half ? ' cut-low' : ''}${Math.log(high) > axis.half ? ' cut-high' : ''}`;
  return `<span class="lane" aria-hidden="true">${zone}<i class="interval${cut}" style="left:${from.toFixed(2)}%;right:${(100 - to).toFixed(2)}%"></i><i class="estimate" style="left:${place(axis, change.ratio).toFixed(2)}%"></i></span>`;
}

export const ROW_STYLE = `
.forest table { table-layout: auto; }
.forest .group th { padding-top: 22px; font-weight: 600; color: var(--ink); }
.forest .group th span { font-weight: 400; color: var(--muted); margin-left: 8px; font-size: 13px; }
.forest tbody th { white-space: nowrap; }
.forest .star { color: var(--accent); font-weight: 700; text-decoration: none; margin-left: 3px; }
.forest .judged th, .forest .judged .change { font-weight: 640; }
.forest .plot-head { width: 36%; padding-inline: 16px; }
.axis { display: block; position: relative; height: 18px; margin-inline: 24px; }
.axis span { position: absolute; transform: translateX(-50%); }
.forest .bar { position: relative; min-width: 220px; vertical-align: middle; padding-inline: 40px; }
.lane { display: block; position: relative; height: 22px; }
.lane::before { content: ""; position: absolute; left: 50%; top: -11px; bottom: -11px; border-left: 1.5px solid var(--line-strong); z-index: 1; }
.lane i { position: absolute; display: block; z-index: 2; }
.lane .zone { z-index: 0; }
.zone { top: -11px; bottom: -11px; background: var(--shade); }
.interval { top: 9px; height: 4px; border-radius: 2px; background: var(--tone); }
.interval.cut-low::before, .interval.cut-high::after { content: ""; position: absolute; top: -4px; border: 6px solid transparent; }
.interval.cut-low::before { left: -9px; border-left: 0; border-right: 8px solid var(--tone); }
.interval.cut-high::after { right: -9px; border-right: 0; border-left: 8px solid var(--tone); }
.estimate { top: 5px; width: 12px; height: 12px; margin-left: -6px; border-radius: 50%; background: var(--tone); border: 2px solid var(--surface); }
.forest tr { --tone: var(--muted); }
.forest .worse { --tone: var(--fail); } .forest .better { --tone: var(--pass); }
.forest .worse .verdict-cell, .forest .worse .change { color: var(--fail); } .forest .better .verdict-cell, .forest .better .change { color: var(--pass); }
.forest .same .verdict-cell, .forest .unsaid .verdict-cell { color: var(--muted); }
.forest .verdict-cell { min-width: 9.5em; }
.forest .said, .forest .why { color: var(--muted); }
.forest .why td { font-size: 13px; border-top: 0; padding-top: 0; }
.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1px; margin-top: clamp(28px, 4vw, 44px); background: var(--line); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.sides > div { background: var(--surface); padding: 18px 22px; border-top: 4px solid var(--side); }
.sides h2 { font-size: 15px; } .sides .runs { font-size: 14px; margin-top: 6px; }
.sides .runs li { list-style: none; } .sides ul { padding: 0; } .sides .when { color: var(--muted); }
.unlike { margin-top: 28px; border-left: 3px solid var(--warn); }
.unlike .table { border-radius: 0 12px 12px 0; margin-top: 0; border-left: 0; }
.unlike p { padding: 14px 16px 0; background: var(--surface); font-weight: 600; color: var(--warn); }
.hero.same { --tone: var(--ink); }
@media (max-width: 900px) {
  .forest thead { display: none; }
  .forest table, .forest tbody { display: block; }
  .forest tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) repeat(3, minmax(84px, 16%)); align-items: baseline; }
  .forest tbody tr > * { border-top: 0; padding: 9px 12px 0 12px; }
  .forest tbody tr + tr { border-top: 1px solid var(--line); }
  .forest tbody th { white-space: normal; }
  .forest .group th { grid-column: 1 / -1; padding-block: 18px 8px; }
  .forest .why td { grid-column: 1 / -1; padding-bottom: 9px; }
  .forest .bar { grid-column: 1 / -1; min-width: 0; padding: 6px 24px 0; }
  .forest .said { grid-column: 1 / 3; text-align: left; padding-bottom: 9px; }
  .forest .verdict-cell { grid-column: 3 / -1; text-align: right; padding-bottom: 9px; min-width: 0; }
  .forest .said:empty { display: none; }
  .forest .said:empty + .verdict-cell { grid-column: 1 / -1; text-align: left; }
  .lane::before, .zone { top: -3px; bottom: -3px; }
  .sides { grid-template-columns: minmax(0, 1fr); }
}
@media print { .interval, .estimate, .zone { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .forest .plot-head { width: 34%; } .forest .bar { min-width: 0; } }
`;
