/** A run's summary for a pull request or an issue: the verdict, what supports it, the rest folded away. */
import type { RunSummary, TrendValues } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import { formatBytes, formatCount, formatDate, formatDuration, formatMsCell, formatRate } from './format.ts';
import {
  agentPlaces,
  heldOfAsked,
  latencyRows,
  lossSentence,
  memoryRows,
  offeredLoad,
  runNotes,
  scenarioRows,
  serverHeldNote,
  thresholdRows,
  VERDICT_LABELS,
  verdictReasons,
} from './summary-view.ts';

const MARKS = { pass: '✅', fail: '❌', inconclusive: '⚠️' } as const;

/** GitHub-flavoured; ends with a newline. Everything that came from outside is escaped. */
export function renderMarkdown(summary: RunSummary): string {
  const { config, metadata, verdict } = summary;
  const name = metadata.name === '' ? config.scenario : metadata.name;
  return joinBlocks([
    `## ${MARKS[verdict]} ${VERDICT_LABELS[verdict]}: ${escapeMarkdown(name)}`,
    `**${escapeMarkdown(summary.claim)}**`,
    bullets(verdictReasons(summary)),
    keyFigures(summary),
    thresholds(summary),
    ledger(summary),
    latencies(summary),
    faults(summary),
    notes(summary),
    details(summary),
  ]);
}

/** For a run that was never judged. Ends with a newline. */
export function renderMarkdownUnfinished(model: ReportModel): string {
  const running = model.status === 'running';
  const totals = Object.entries(model.counters).map(([metric, points]) => [
    code(metric),
    formatCount(points.reduce((sum, point) => sum + point.value, 0)),
  ]);
  return joinBlocks([
    `## ⚠️ ${running ? 'RUNNING' : 'INTERRUPTED'}: ${escapeMarkdown(model.runId)}`,
    running
      ? 'The run has not ended yet, so there is no verdict.'
      : 'The run was cut short before it could be judged; what was recorded until then is kept.',
    totals.length === 0 ? 'Nothing was recorded.' : table(['recorded so far', 'total'], totals),
    codeBlock(model.command, 'sh'),
  ]);
}

function keyFigures(summary: RunSummary): string {
  const { server, connecting, config } = summary;
  const rows = [
    [
      'Connections',
      `${heldOfAsked(summary)}, ${formatCount(connecting.failed)} failed, ` +
        `opened in ${formatDuration(connecting.seconds)} (${formatRate(connecting.perSecond)})${serverHeldNote(summary)}`,
    ],
    ['Offered rate', offeredLoad(config)],
    ...memoryRows(summary).map(({ label, value }) => [
      label === '' ? 'Memory per connection' : `Memory per connection, ${label}`,
      value,
    ]),
    ['CPU time, server', formatDuration(server.cpuSeconds)],
    ['CPU time, generator', formatDuration(summary.generator.cpuSeconds)],
  ];
  return table(['', 'measured'], rows);
}

function thresholds(summary: RunSummary): string {
  const rows = thresholdRows(summary).map(({ outcome, metric, expression, measured }) => [
    { held: '✓', failed: '✗', unjudged: '–' }[outcome],
    code(metric),
    code(expression),
    outcome === 'failed' ? `**${measured}**` : measured,
  ]);
  return section('Thresholds', rows.length === 0 ? 'None set.' : table(['', 'metric', 'threshold', 'measured'], rows));
}

function ledger({ ledger: totals }: RunSummary): string {
  const names = ['sent', 'acknowledged', 'delivered', 'lost', 'duplicated', 'reordered', 'pending'] as const;
  const counts = table(
    [...names],
    [names.map((name) => formatCount(totals[name]))],
    names.map(() => 'right'),
  );
  return section('Every message accounted for', `${counts}\n\nLosses: ${lossSentence(totals)}.`);
}

function latencies(summary: RunSummary): string {
  const columns = ['avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'] as const;
  const cells = (values: TrendValues): string[] => [
    ...columns.map((column) => formatMsCell(values[column])),
    formatCount(values.count),
  ];
  const rows = [
    ...latencyRows(summary).map(({ label, basis, values }) => [
      basis === 'service' ? `${label}, service time` : label,
      ...cells(values),
    ]),
    ...scenarioRows(summary).map(({ scenario, label, values }) => [
      `${label}, ${escapeMarkdown(scenario)}`,
      ...cells(values),
    ]),
  ];
  if (rows.length === 0) return section('Latency', 'No sample was recorded.');
  const header = ['ms', ...columns.map((column) => column.replace(/[()]/g, '')), 'count'];
  return section(
    'Latency in the steady phase',
    table(
      header,
      rows,
      header.map((_, index) => (index === 0 ? 'left' : 'right')),
    ),
  );
}

function faults(summary: RunSummary): string {
  if (summary.faults.length === 0) return '';
  const rows = faultRows(summary).map(({ kind, at, recovered, bad, lost, detail, impact }) => [
    escapeMarkdown(kind),
    at,
    bad ? `**${recovered}**` : recovered,
    lost,
    escapeMarkdown(detail),
    escapeMarkdown(impact),
  ]);
  const note = faultLossNote(summary);
  const faultTable = table(['fault', 'at', 'recovered', 'lost', 'what was done', 'what it did to delivery'], rows);
  return section('Faults', note === null ? faultTable : `${faultTable}\n\n${note}`);
}

function notes(summary: RunSummary): string {
  const lines = runNotes(summary);
  return lines.length === 0 ? '' : section('Notes', bullets(lines));
}

function details(summary: RunSummary): string {
  const { config, metadata } = summary;
  const places = agentPlaces(summary);
  const { machine } = metadata;
  const rows = [
    ['Run', code(metadata.runId)],
    ['Started', formatDate(metadata.startedAt)],
    ['Scenario', `${code(config.scenario)}, seed ${config.seed}, ${formatDuration(config.durationSeconds)}`],
    ['Target', `${code(config.target)}, store ${code(config.store)}, durability ${escapeMarkdown(config.durability)}`],
    ['Processes', `${formatCount(config.shards)} shards, ${formatCount(config.agents)} agents`],
    ...(places === null ? [] : [['Agents on', escapeMarkdown(places)]]),
    ['Machine', escapeMarkdown(`${machine.cores} cores, ${machine.cpu}, ${formatBytes(machine.memoryBytes)} memory`)],
    [
      'Software',
      escapeMarkdown(`Plimsoll ${metadata.plimsollVersion}, Node ${machine.node}, kernel ${machine.kernel}`),
    ],
    [
      'Tags',
      Object.entries(metadata.tags)
        .map(([key, value]) => code(`${key}=${value}`))
        .join(' ') || 'none',
    ],
  ];
  const derivation =
    config.derivation.length === 0 ? '' : `\n\nHow the load was derived:\n\n${bullets(config.derivation)}`;
  return `<details>\n<summary>How it was measured</summary>\n\n${table(['', ''], rows)}${derivation}\n\n</details>`;
}

function joinBlocks(blocks: string[]): string {
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function section(title: string, body: string): string {
  return `### ${title}\n\n${body}`;
}

function bullets(sentences: string[]): string {
  return sentences.map((sentence) => `- ${escapeMarkdown(sentence)}`).join('\n');
}

function table(header: string[], rows: string[][], align: Array<'left' | 'right'> = []): string {
  const rule = header.map((_, index) => (align[index] === 'right' ? '---:' : '---'));
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Text that Markdown, HTML in Markdown and table cells take literally; no `@name` notifies anybody. */
function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[\\`*_[\]|#~>]/g, '\\$&')
    .replace(/@(?=\w)/g, '@\u200b');
}

/** A code span: longer fence than any run of backticks inside; `|` would end a table cell even in code. */
function code(text: string): string {
  const flat = text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(flat, '`') + 1);
  return fence.length > 1 ? `${fence} ${flat} ${fence}` : `\`${flat}\``;
}

function codeBlock(text: string, language: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text, '`') + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

function longestRun(text: string, character: string): number {
  return Math.max(0, ...(text.match(new RegExp(`${character}+`, 'g')) ?? []).map((run) => run.length));
}
