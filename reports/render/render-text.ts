/** The summary that closes a run in the terminal: the verdict first, then what supports it, as wide as the terminal. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import { formatCount, formatDuration, formatNumber, formatPlural, formatRate } from './format.ts';
import {
  agentPlaces,
  fansOut,
  furtherReasons,
  gaugeValues,
  heldOfAsked,
  ledgerGap,
  lossSentence,
  memoryRows,
  offeredLoad,
  runNotes,
  serverHeldNote,
  thresholdRows,
  VERDICT_LABELS,
} from './summary-view.ts';
import { padEnd, padStart, painter, printable, visibleWidth, wrapText } from './terminal-text.ts';
import { latencyBlock } from './text-latency.ts';
import { bullet, heading, joinBlocks, type Layout, layoutOf, row } from './text-layout.ts';

export interface TextOptions {
  /** ANSI colours; never set with `--no-color`. */
  colour?: boolean;
  /** Columns of the terminal; 100 where there is none. */
  columns?: number;
  /** Files written and the like, shown last: `{ label: 'HTML report', value: 'r.html' }`. */
  outputs?: Array<{ label: string; value: string }>;
}

const COLUMNS = 100;

/** Ends with a newline. */
export function renderText(summary: RunSummary, options: TextOptions = {}): string {
  const layout = layoutOf(painter(options.colour ?? false), options.columns ?? COLUMNS);
  const blocks = [
    verdictBlock(summary, layout),
    thresholdBlock(summary, layout),
    messageBlock(summary, layout),
    latencyBlock(summary, layout),
    resourceBlock(summary, layout),
    faultBlock(summary, layout),
    validityBlock(summary, layout),
    listBlock('NOTES', runNotes(summary), layout),
    outputBlock(summary.metadata.runId, options, layout),
  ];
  return joinBlocks(blocks);
}

/** For a run that was never judged: says so, and where to look. Ends with a newline. */
export function renderTextUnfinished(model: ReportModel, options: TextOptions = {}): string {
  const running = model.status === 'running';
  const sentence = running
    ? 'The run has not ended yet, so there is no verdict.'
    : 'The run was cut short before it could be judged; what was recorded until then is kept.';
  const counters = Object.entries(model.counters).map(([name, points]): [string, string] => [
    name.replaceAll('_', ' '),
    formatCount(points.reduce((sum, point) => sum + point.value, 0)),
  ]);
  const longest = Math.max(0, ...counters.map(([name]) => name.length));
  const widest = Math.max(0, ...counters.map(([, total]) => total.length));
  const layout = layoutOf(painter(options.colour ?? false), options.columns ?? COLUMNS, longest);
  const label = layout.paint(running ? 'RUNNING' : 'INTERRUPTED', 'yellow', 'bold');
  return joinBlocks([
    [`${label}  ${layout.paint(printable(model.name || model.runId), 'dim')}`, ...wrapText(sentence, layout.width)],
    [
      ...row(layout, 'command', model.command),
      ...counters.map(([name, total]) => padEnd(name, layout.labels) + padStart(total, widest)),
    ],
    outputBlock(model.runId, options, layout),
  ]);
}

function verdictBlock(summary: RunSummary, layout: Layout): string[] {
  const { paint, width } = layout;
  const { verdict, config, metadata, failures, ledger } = summary;
  const colour = verdict === 'pass' ? 'green' : verdict === 'fail' ? 'red' : 'yellow';
  const name = metadata.name === '' ? config.scenario : metadata.name;
  const gap = ledgerGap(ledger);
  const missed = furtherReasons(summary, [...failures, ...(gap === null ? [] : [gap])]);
  return [
    `${paint(VERDICT_LABELS[verdict], colour, 'bold')}  ${paint(printable(name), 'dim')}`,
    ...wrapText(summary.claim, width),
    ...missed.flatMap((reason) => bullet(layout, reason, paint('✗', colour))),
  ];
}

function thresholdBlock(summary: RunSummary, layout: Layout): string[] {
  const { paint, width } = layout;
  const rows = thresholdRows(summary).map((each) => ({
    ...each,
    metric: printable(each.metric),
    expression: printable(each.expression),
  }));
  if (rows.length === 0) return [...heading(layout, 'THRESHOLDS'), 'none set'];
  const most = (texts: string[]): number => Math.max(...texts.map(visibleWidth));
  const metricWidth = most(rows.map((each) => each.metric));
  const expressionWidth = most(rows.map((each) => each.expression));
  const beside = metricWidth + expressionWidth + 6 + most(rows.map((each) => each.measured)) <= width;
  return [
    ...heading(layout, 'THRESHOLDS'),
    ...rows.flatMap(({ outcome, metric, expression, measured }) => {
      const mark = { held: paint('✓', 'green'), failed: paint('✗', 'red'), unjudged: paint('–', 'dim') }[outcome];
      const value = (text: string): string => paint(text, outcome === 'failed' ? 'red' : 'none');
      if (beside)
        return [`${mark} ${padEnd(metric, metricWidth)}  ${padEnd(expression, expressionWidth)}  ${value(measured)}`];
      return [
        ...bullet(layout, `${metric} ${expression}`, mark),
        ...wrapText(measured, width - 4).map((line) => `    ${value(line)}`),
      ];
    }),
  ];
}

function messageBlock({ ledger, config }: RunSummary, layout: Layout): string[] {
  const { paint, width } = layout;
  const counts: Array<[string, number, boolean]> = [
    ['sent', ledger.sent, false],
    ['acknowledged', ledger.acknowledged, false],
    ['delivered', ledger.delivered, false],
    ['lost', ledger.lost, true],
    ['duplicated', ledger.duplicated, true],
    ['reordered', ledger.reordered, true],
    ['pending', ledger.pending, false],
  ];
  const cells = counts.map(([label, value, bad]) => {
    const text = formatCount(value);
    return {
      label,
      text,
      wide: Math.max(label.length, text.length),
      style: bad && value > 0 ? 'red' : 'none',
    } as const;
  });
  const widest = Math.max(...cells.map(({ text }) => text.length));
  const beside = cells.reduce((sum, { wide }) => sum + wide + 2, -2) <= width;
  const each = fansOut(config)
    ? `, each counted once for every device it is to reach (${formatNumber(config.fanOut!)} in the mean)`
    : '';
  return [
    ...heading(layout, 'MESSAGES', `offered ${offeredLoad(config)}${each}`),
    ...(beside
      ? [
          paint(cells.map(({ label, wide }) => padStart(label, wide)).join('  '), 'dim'),
          cells.map(({ text, wide, style }) => paint(padStart(text, wide), style)).join('  '),
        ]
      : cells.map(({ label, text, style }) => padEnd(label, layout.labels) + paint(padStart(text, widest), style))),
    ...row(layout, 'losses', lossSentence(ledger)),
  ];
}

function resourceBlock(summary: RunSummary, layout: Layout): string[] {
  const { server, generator, connecting, config, metadata } = summary;
  const places = agentPlaces(summary);
  const memory = memoryRows(summary).map(({ label, value }) => `${value} ${label}`.trimEnd());
  const rows: Array<[string, string]> = [
    [
      'connections',
      `${heldOfAsked(summary)}, ${formatCount(connecting.failed)} failed, opened in ` +
        `${formatDuration(connecting.seconds)} (${formatRate(connecting.perSecond)})${serverHeldNote(summary)}`,
    ],
    ['memory per conn.', memory.join(' · ')],
    ['CPU, server', cpuText(summary, 'server_cpu', server.cpuSeconds)],
    ['CPU, generator', cpuText(summary, 'agent_cpu', generator.cpuSeconds) + perMessageText(generator)],
    [
      'ran on',
      `${formatPlural(metadata.machine.cores, 'core')}, ${formatPlural(config.shards, 'shard process', 'shard processes')}, ` +
        `${formatPlural(config.agents, 'agent')}, durability ${config.durability}`,
    ],
    ...(places === null ? [] : [['agents on', places] as [string, string]]),
  ];
  return [...heading(layout, 'CONNECTIONS AND COST'), ...rows.flatMap(([label, value]) => row(layout, label, value))];
}

function cpuText(summary: RunSummary, gauge: 'server_cpu' | 'agent_cpu', cpuSeconds: number): string {
  const cores = gaugeValues(summary, gauge);
  const peak = cores === null ? '' : `, at most ${formatNumber(cores.max)} cores at once`;
  return `${formatDuration(cpuSeconds)} of CPU time${peak}`;
}

function perMessageText({ cpuMicrosecondsPerMessage }: RunSummary['generator']): string {
  return cpuMicrosecondsPerMessage === null ? '' : `, ${formatNumber(cpuMicrosecondsPerMessage)} µs a message`;
}

function faultBlock(summary: RunSummary, layout: Layout): string[] {
  const { paint, width } = layout;
  const rows = faultRows(summary);
  if (rows.length === 0) return [];
  const note = faultLossNote(summary);
  return [
    ...heading(layout, 'FAULTS'),
    ...rows.flatMap(({ kind, at, recovered, bad, lost, detail, impact }) => [
      ...bullet(
        layout,
        `${kind} at ${at}: recovered ${recovered}, ${lost} lost`,
        bad ? paint('✗', 'red') : paint('✓', 'green'),
      ),
      ...[detail, impact]
        .filter((text) => text !== '')
        .flatMap((text) => wrapText(text, width - 2).map((line) => `  ${paint(line, 'dim')}`)),
    ]),
    ...(note === null ? [] : wrapText(note, width)),
  ];
}

function validityBlock(summary: RunSummary, layout: Layout): string[] {
  const { valid, reasons } = summary.validity;
  if (valid && reasons.length === 0)
    return [...heading(layout, 'VALIDITY'), `${layout.paint('✓', 'green')} the load generator was not the limit`];
  return listBlock('VALIDITY', furtherReasons(summary, reasons), layout);
}

function listBlock(title: string, sentences: string[], layout: Layout): string[] {
  if (sentences.length === 0) return [];
  return [...heading(layout, title), ...sentences.flatMap((sentence) => bullet(layout, sentence, '·'))];
}

function outputBlock(runId: string, { outputs = [] }: TextOptions, layout: Layout): string[] {
  return [
    ...row(layout, 'run', runId),
    ...outputs.flatMap(({ label, value }) => row(layout, label, value, (line) => layout.paint(line, 'bold'))),
  ];
}
