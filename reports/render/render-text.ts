/** The summary that closes a run in the terminal: the verdict first, then what supports it. At most 100 columns. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import { formatCount, formatDuration, formatMsCell, formatNumber, formatPlural, formatRate } from './format.ts';
import {
  agentPlaces,
  fansOut,
  gaugeValues,
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
import { type Paint, padEnd, padStart, painter, printable, wrapText } from './terminal-text.ts';

export interface TextOptions {
  /** ANSI colours; never set with `--no-color`. */
  colour?: boolean;
  /** Files written and the like, shown last: `{ label: 'HTML report', value: 'r.html' }`. */
  outputs?: Array<{ label: string; value: string }>;
}

const WIDTH = 100;
const LABEL_WIDTH = 17;

/** Ends with a newline. */
export function renderText(summary: RunSummary, options: TextOptions = {}): string {
  const paint = painter(options.colour ?? false);
  const blocks = [
    verdictBlock(summary, paint),
    thresholdBlock(summary, paint),
    messageBlock(summary, paint),
    latencyBlock(summary, paint),
    resourceBlock(summary, paint),
    faultBlock(summary, paint),
    validityBlock(summary, paint),
    listBlock('NOTES', runNotes(summary), paint),
    outputBlock(summary.metadata.runId, options, paint),
  ];
  return joinBlocks(blocks);
}

/** For a run that was never judged: says so, and where to look. Ends with a newline. */
export function renderTextUnfinished(model: ReportModel, options: TextOptions = {}): string {
  const paint = painter(options.colour ?? false);
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
  const rows = [
    ...wrapText(sentence, WIDTH - 2),
    '',
    row('command', model.command),
    ...counters.map(([name, total]) => padEnd(name, Math.max(LABEL_WIDTH, longest + 2)) + padStart(total, widest)),
  ];
  const label = paint(running ? 'RUNNING' : 'INTERRUPTED', 'yellow', 'bold');
  return joinBlocks([
    [`${label}  ${paint(printable(model.runId), 'dim')}`, ...rows],
    outputBlock(model.runId, options, paint),
  ]);
}

function joinBlocks(blocks: string[][]): string {
  const shown = blocks.filter((block) => block.length > 0);
  return `\n${shown.map((block) => block.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')).join('\n\n')}\n\n`;
}

function verdictBlock(summary: RunSummary, paint: Paint): string[] {
  const { verdict, config, metadata } = summary;
  const colour = verdict === 'pass' ? 'green' : verdict === 'fail' ? 'red' : 'yellow';
  const name = metadata.name === '' ? config.scenario : metadata.name;
  return [
    `${paint(VERDICT_LABELS[verdict], colour, 'bold')}  ${paint(printable(name), 'dim')}`,
    ...wrapText(summary.claim, WIDTH - 2),
    ...verdictReasons(summary).flatMap((reason) => bullet(reason, paint('✗', colour))),
  ];
}

function thresholdBlock(summary: RunSummary, paint: Paint): string[] {
  const rows = thresholdRows(summary).map((each) => ({
    ...each,
    metric: printable(each.metric),
    expression: printable(each.expression),
  }));
  if (rows.length === 0) return [heading('THRESHOLDS', paint), 'none set'];
  const metricWidth = Math.max(...rows.map((each) => each.metric.length));
  const expressionWidth = Math.max(...rows.map((each) => each.expression.length));
  return [
    heading('THRESHOLDS', paint),
    ...rows.map(({ outcome, metric, expression, measured }) => {
      const mark = { held: paint('✓', 'green'), failed: paint('✗', 'red'), unjudged: paint('–', 'dim') }[outcome];
      return `${mark} ${padEnd(metric, metricWidth)}  ${padEnd(expression, expressionWidth)}  ${paint(measured, outcome === 'failed' ? 'red' : 'none')}`;
    }),
  ];
}

function messageBlock({ ledger, config }: RunSummary, paint: Paint): string[] {
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
    const width = Math.max(label.length, text.length);
    return { label: padStart(label, width), value: paint(padStart(text, width), bad && value > 0 ? 'red' : 'none') };
  });
  return [
    `${heading('MESSAGES', paint)}  ${paint(`offered ${offeredLoad(config)}${fansOut(config) ? `, each counted once for every device it is to reach (${formatNumber(config.fanOut!)} in the mean)` : ''}`, 'dim')}`,
    paint(cells.map((cell) => cell.label).join('  '), 'dim'),
    cells.map((cell) => cell.value).join('  '),
    row('losses', lossSentence(ledger)),
  ];
}

function latencyBlock(summary: RunSummary, paint: Paint): string[] {
  const rows = latencyRows(summary);
  if (rows.length === 0) return [heading('LATENCY', paint), 'no sample was recorded'];
  const columns = ['avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'] as const;
  const header = columns.map((column) => padStart(column.replace(/[()]/g, ''), 9)).join('');
  return [
    `${heading('LATENCY', paint)}  ${paint('steady phase, milliseconds', 'dim')}`,
    paint(`${' '.repeat(24)}${header}${padStart('count', 11)}`, 'dim'),
    ...rows.map(({ label, basis, values }) => {
      const cells = columns.map((column) => padStart(formatMsCell(values[column]), 9)).join('');
      const line = `${padEnd(basis === 'service' ? '' : label, 14)}${padEnd(basis ?? '', 10)}${cells}${padStart(formatCount(values.count), 11)}`;
      return basis === 'service' ? paint(line, 'dim') : line;
    }),
    ...scenarioRows(summary).map(({ scenario, label, values }, index, all) => {
      const name = all[index - 1]?.scenario === scenario ? '' : printable(scenario).slice(0, 13);
      const cells = columns.map((column) => padStart(formatMsCell(values[column]), 9)).join('');
      return `${padEnd(name, 14)}${padEnd(label.slice(0, 10), 10)}${cells}${padStart(formatCount(values.count), 11)}`;
    }),
  ];
}

function resourceBlock(summary: RunSummary, paint: Paint): string[] {
  const { server, generator, connecting, config, metadata } = summary;
  const failed = connecting.failed > 0 ? `, ${formatCount(connecting.failed)} failed` : ', 0 failed';
  const places = agentPlaces(summary);
  const memory = memoryRows(summary).map(({ label, value }) => `${value} ${label}`.trimEnd());
  return [
    heading('CONNECTIONS AND COST', paint),
    row(
      'connections',
      `${heldOfAsked(summary)}${failed}, opened in ` +
        `${formatDuration(connecting.seconds)} (${formatRate(connecting.perSecond)})${serverHeldNote(summary)}`,
    ),
    row('memory per conn.', memory.join(' · ')),
    row('CPU, server', cpuText(summary, 'server_cpu', server.cpuSeconds)),
    row('CPU, generator', cpuText(summary, 'agent_cpu', generator.cpuSeconds) + perMessageText(generator)),
    row(
      'ran on',
      `${formatPlural(metadata.machine.cores, 'core')}, ${formatPlural(config.shards, 'shard process', 'shard processes')}, ` +
        `${formatPlural(config.agents, 'agent')}, durability ${config.durability}`,
    ),
    ...(places === null ? [] : [row('agents on', places)]),
  ];
}

function cpuText(summary: RunSummary, gauge: 'server_cpu' | 'agent_cpu', cpuSeconds: number): string {
  const cores = gaugeValues(summary, gauge);
  const peak = cores === null ? '' : `, at most ${formatNumber(cores.max)} cores at once`;
  return `${formatDuration(cpuSeconds)} of CPU time${peak}`;
}

function perMessageText({ cpuMicrosecondsPerMessage }: RunSummary['generator']): string {
  return cpuMicrosecondsPerMessage === null ? '' : `, ${formatNumber(cpuMicrosecondsPerMessage)} µs a message`;
}

function faultBlock(summary: RunSummary, paint: Paint): string[] {
  const rows = faultRows(summary);
  if (rows.length === 0) return [];
  const note = faultLossNote(summary);
  return [
    heading('FAULTS', paint),
    ...rows.flatMap(({ kind, at, recovered, bad, lost, detail, impact }) => [
      `${bad ? paint('✗', 'red') : paint('✓', 'green')} ${printable(kind)} at ${at}: recovered ${recovered}, ${lost} lost`,
      ...[detail, impact]
        .filter((text) => text !== '')
        .flatMap((text) => wrapText(text, WIDTH - 4).map((line) => `  ${paint(line, 'dim')}`)),
    ]),
    ...(note === null ? [] : wrapText(note, WIDTH - 2)),
  ];
}

function validityBlock({ validity }: RunSummary, paint: Paint): string[] {
  if (validity.valid && validity.reasons.length === 0) {
    return [heading('VALIDITY', paint), `${paint('✓', 'green')} the load generator was not the limit`];
  }
  return listBlock('VALIDITY', validity.reasons, paint);
}

function listBlock(title: string, sentences: string[], paint: Paint): string[] {
  if (sentences.length === 0) return [];
  return [heading(title, paint), ...sentences.flatMap((sentence) => bullet(sentence, '·'))];
}

function outputBlock(runId: string, { outputs = [] }: TextOptions, paint: Paint): string[] {
  return [
    row('run', runId),
    ...outputs.map(({ label, value }) => padEnd(label, LABEL_WIDTH) + paint(printable(value), 'bold')),
  ];
}

function heading(title: string, paint: Paint): string {
  return paint(title, 'bold');
}

function bullet(sentence: string, mark: string): string[] {
  return wrapText(sentence, WIDTH - 4).map((line, index) => `${index === 0 ? mark : ' '} ${line}`);
}

function row(label: string, value: string): string {
  const lines = wrapText(value, WIDTH - 2 - LABEL_WIDTH);
  return lines.map((line, index) => `${padEnd(index === 0 ? label : '', LABEL_WIDTH)}${line}`).join('\n  ');
}
