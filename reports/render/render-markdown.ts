/** A run's summary for a comment on a pull request: the verdict, what supports it, the rest folded away. */
import type { RunSummary, TrendValues } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import {
  formatBytes,
  formatCount,
  formatDate,
  formatDuration,
  formatMsCell,
  formatPlural,
  formatRate,
} from './format.ts';
import {
  bullets,
  COMMENT_MOST,
  code,
  codeBlock,
  escapeMarkdown,
  folded,
  joinWithin,
  section,
  table,
} from './markdown-text.ts';
import {
  agentPlaces,
  furtherReasons,
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
} from './summary-view.ts';

const MARKS = { pass: '✅', fail: '❌', inconclusive: '⚠️' } as const;

/** GitHub-flavoured; ends with a newline, no longer than a comment may be. Everything that came from outside is escaped. */
export function renderMarkdown(summary: RunSummary): string {
  const { config, metadata, verdict } = summary;
  const name = metadata.name === '' ? config.scenario : metadata.name;
  const blocks = [
    `## ${MARKS[verdict]} ${VERDICT_LABELS[verdict]}: ${escapeMarkdown(name)}`,
    `**${escapeMarkdown(summary.claim)}**`,
    bullets(furtherReasons(summary)),
    thresholds(summary),
    latencies(summary),
    ledger(summary),
    cost(summary),
    faults(summary),
    notes(summary),
    otherLatencies(summary),
    details(summary),
  ];
  return joinWithin(COMMENT_MOST, blocks);
}

/** For a run that was never judged. Ends with a newline. */
export function renderMarkdownUnfinished(model: ReportModel): string {
  const running = model.status === 'running';
  const totals = Object.entries(model.counters).map(([metric, points]) => [
    code(metric),
    formatCount(points.reduce((sum, point) => sum + point.value, 0)),
  ]);
  return joinWithin(COMMENT_MOST, [
    `## ⚠️ ${running ? 'RUNNING' : 'INTERRUPTED'}: ${escapeMarkdown(model.name || model.runId)}`,
    running
      ? 'The run has not ended yet, so there is no verdict.'
      : 'The run was cut short before it could be judged; what was recorded until then is kept.',
    totals.length === 0 ? 'Nothing was recorded.' : table(['recorded so far', 'total'], totals),
    codeBlock(model.command, 'sh'),
  ]);
}

function cost(summary: RunSummary): string {
  const { server, generator, connecting, config } = summary;
  const memory = memoryRows(summary).map(({ label, value }) => `${value} ${label}`.trim());
  const rows = [
    [
      'Connections',
      `${heldOfAsked(summary)}, ${formatCount(connecting.failed)} failed, ` +
        `opened in ${formatDuration(connecting.seconds)} (${formatRate(connecting.perSecond)})${serverHeldNote(summary)}`,
    ],
    ['Offered rate', offeredLoad(config)],
    ['Memory per connection', memory.join(' · ')],
    ['CPU time', `${formatDuration(server.cpuSeconds)} server · ${formatDuration(generator.cpuSeconds)} generator`],
  ];
  return section('Load and cost', table(['', 'measured'], rows));
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

/** As users see them: from the intended time. */
function latencies(summary: RunSummary): string {
  const rows = latencyRows(summary).filter(({ basis }) => basis !== 'service');
  const body = rows.length === 0 ? 'No sample was recorded.' : latencyTable(rows);
  return section('Latency in the steady phase', body);
}

function otherLatencies(summary: RunSummary): string {
  const service = latencyRows(summary)
    .filter(({ basis }) => basis === 'service')
    .map(({ label, values }) => ({ label: `${label}, service time`, values }));
  const streams = scenarioRows(summary).map(({ scenario, label, values }) => ({
    label: `${label}, ${escapeMarkdown(scenario)}`,
    values,
  }));
  const rows = [...service, ...streams];
  if (rows.length === 0) return '';
  return folded(streams.length === 0 ? 'Service times' : 'Service times, and streams of messages', latencyTable(rows));
}

function latencyTable(rows: Array<{ label: string; values: TrendValues }>): string {
  const columns = ['avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'] as const;
  const header = ['ms', ...columns.map((column) => column.replace(/[()]/g, '')), 'count'];
  return table(
    header,
    rows.map(({ label, values }) => [
      label,
      ...columns.map((column) => formatMsCell(values[column])),
      formatCount(values.count),
    ]),
    header.map((_, index) => (index === 0 ? 'left' : 'right')),
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
    ['Processes', `${formatPlural(config.shards, 'shard')}, ${formatPlural(config.agents, 'agent')}`],
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
  return folded('How it was measured', `${table(['', ''], rows)}${derivation}`);
}
