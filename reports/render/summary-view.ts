/** What every renderer says of a finished run, as rows and sentences: the terminal, Markdown and HTML differ in form only. */
import { MEMORY_CONNECTIONS_LEAST, RATES, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type {
  GaugeMetric,
  LedgerTotals,
  MetricSummary,
  RunSummary,
  ThresholdResult,
  TrendValues,
  Verdict,
} from '../../loadgen/recorder/summary.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatNumber,
  formatPercent,
  formatRate,
} from './format.ts';

export const VERDICT_LABELS: Record<Verdict, string> = { pass: 'PASS', fail: 'FAIL', inconclusive: 'INCONCLUSIVE' };

/** What a verdict means, for readers who see the word for the first time; of a pass, also what it leaves open. Ends with a full stop. */
export function verdictMeaning(summary: RunSummary): string {
  if (summary.verdict !== 'pass') return MEANINGS[summary.verdict];
  const rows = thresholdRows(summary);
  const open = rows
    .filter(({ outcome }) => outcome === 'unjudged')
    .map(({ metric, expression }) => `${metric} ${expression}`);
  const messages =
    summary.ledger.sent > 0 ? 'every acknowledged message is accounted for' : 'there was no message to account for';
  if (rows.length === 0) return `No threshold was set, and ${messages}.`;
  if (open.length === 0) return `Every threshold held, and ${messages}.`;
  const held =
    open.length === rows.length ? 'No threshold could be judged' : 'Every threshold that could be judged held';
  return `${held}, and ${messages}. Not judged, for there was nothing to measure: ${open.join(', ')}.`;
}

const MEANINGS: Record<Exclude<Verdict, 'pass'>, string> = {
  fail: 'The server missed what was asked of it, and the load generator is above suspicion.',
  inconclusive:
    'The run can’t be counted for or against the server, because the load generator or the machine may have been the limit.',
};

export interface LatencyRow {
  metric: TrendName;
  /** `delivery`, `sent`, … */
  label: string;
  /** `intended`: from the planned send time; `service`: from the actual one; null: the metric knows no difference. */
  basis: 'intended' | 'service' | null;
  values: TrendValues;
}

const LATENCY_ORDER: ReadonlyArray<{ metric: TrendName; label: string }> = [
  { metric: 'delivery_latency', label: 'delivery' },
  { metric: 'sent_latency', label: 'sent' },
  { metric: 'delivered_latency', label: 'delivered' },
  { metric: 'fanout_latency', label: 'fan-out' },
  { metric: 'fanout_last_latency', label: 'fan-out, last' },
  { metric: 'connect_latency', label: 'connect' },
  { metric: 'resume_latency', label: 'resume' },
  { metric: 'http_req_duration', label: 'HTTP calls' },
  { metric: 'send_slip', label: 'send slip' },
];

/** Latencies that have samples, the ones that matter most first, each followed by its service time. */
export function latencyRows(summary: RunSummary): LatencyRow[] {
  const rows: LatencyRow[] = [];
  for (const { metric, label } of LATENCY_ORDER) {
    const intended = trendValues(summary, metric);
    const service = trendValues(summary, `${metric}_service`);
    if (intended) rows.push({ metric, label, basis: service ? 'intended' : null, values: intended });
    if (service) rows.push({ metric: `${metric}_service` as TrendName, label, basis: 'service', values: service });
  }
  return rows;
}

/** Streams of messages, of whose latencies from the intended time there are samples; none where there is only one stream. */
export function scenarioRows(summary: RunSummary): Array<{ scenario: string; label: string; values: TrendValues }> {
  return (summary.results.scenarios ?? []).flatMap(({ name, metrics }) =>
    LATENCY_ORDER.flatMap(({ metric, label }) => {
      const found = metrics.find((each) => each.name === metric);
      return found?.type === 'trend' && metric !== 'send_slip' ? [{ scenario: name, label, values: found.values }] : [];
    }),
  );
}

/** Values of a trend that has samples. */
export function trendValues(summary: RunSummary, name: string): TrendValues | null {
  const metric = findMetric(summary, name);
  return metric?.type === 'trend' && metric.values.count > 0 ? metric.values : null;
}

export function gaugeValues(summary: RunSummary, name: string): GaugeMetric['values'] | null {
  const metric = findMetric(summary, name);
  return metric?.type === 'gauge' ? metric.values : null;
}

function findMetric(summary: RunSummary, name: string): MetricSummary | undefined {
  return summary.results.metrics.find((metric) => metric.name === name);
}

/** What losing nothing, or something, in `acknowledged` messages proves. Zero in n means a rate below 3/n at 95% (the rule of three). */
export function lossSentence(ledger: LedgerTotals): string {
  const n = ledger.acknowledged;
  if (n === 0) return 'no message was acknowledged, so nothing is known about losses';
  if (ledger.lost === 0) return `none in ${formatCount(n)}: loss rate below ${formatPercent(lossRateBound(n))} at 95%`;
  return `${formatCount(ledger.lost)} in ${formatCount(n)} acknowledged, ${formatPercent(ledger.lost / n)}`;
}

/** 3/n, rounded up to three significant digits so that the printed bound still holds; at most 1. */
export function lossRateBound(n: number): number {
  const bound = Math.min(3 / n, 1);
  const step = 10 ** (Math.floor(Math.log10(bound)) - 2);
  return Math.ceil(bound / step - 1e-9) * step;
}

/** Null when every message is in exactly one of delivered, lost, pending; else the sentence that says what is missing. */
export function ledgerGap(ledger: LedgerTotals): string | null {
  const known = ledger.delivered + ledger.lost + ledger.pending;
  if (known === ledger.sent) return null;
  return `The ledger does not close: ${formatCount(ledger.sent)} sent, but delivered, lost and pending add up to ${formatCount(known)}.`;
}

export interface ThresholdRow {
  /** `unjudged`: there was nothing to judge, or the run was stopped before there was. */
  outcome: 'held' | 'failed' | 'unjudged';
  metric: string;
  expression: string;
  /** With its unit; `not measured` when nothing was. */
  measured: string;
  /** Measured ÷ limit where the limit is an upper one above zero; null where a ratio says nothing. */
  loadRatio: number | null;
}

export function thresholdRows(summary: RunSummary): ThresholdRow[] {
  return summary.results.thresholds.map((result) => ({
    outcome: thresholdOutcome(result, summary.metadata.complete),
    metric: result.metric,
    expression: result.threshold,
    measured: `${result.value === null ? 'not measured' : formatThresholdValue(result, summary)}${endOfRun(result)}`,
    loadRatio: loadRatio(result),
  }));
}

function thresholdOutcome({ ok, value }: ThresholdResult, complete: boolean): ThresholdRow['outcome'] {
  if (value === null && (ok || !complete)) return 'unjudged';
  return ok ? 'held' : 'failed';
}

/** The upper limit in ms that a threshold sets on a percentile of `metric`, such as `p(99)<100`; null when none does. */
export function latencyLimit(summary: RunSummary, metric: string, aggregate: string): number | null {
  for (const { metric: name, threshold } of summary.results.thresholds) {
    const limit = upperLimit(threshold);
    if (name === metric && limit?.aggregate === aggregate) return limit.value;
  }
  return null;
}

function upperLimit(threshold: string): { aggregate: string; value: number } | null {
  const match = /^\s*(.*?)\s*<=?\s*([\d.]+(?:e\d+)?)\s*$/i.exec(threshold);
  return match ? { aggregate: match[1]!.replaceAll(' ', ''), value: Number(match[2]) } : null;
}

function loadRatio({ threshold, value }: ThresholdResult): number | null {
  const limit = upperLimit(threshold);
  return limit === null || value === null || !(limit.value > 0) ? null : value / limit.value;
}

function endOfRun({ endedRunAtSeconds }: ThresholdResult): string {
  return endedRunAtSeconds === undefined ? '' : `, which ended the run after ${formatDuration(endedRunAtSeconds)}`;
}

function formatThresholdValue({ metric, threshold, value }: ThresholdResult, summary: RunSummary): string {
  const name = metric.replace(/\s*\{.*$/, '');
  if ((RATES as readonly string[]).includes(name)) return formatPercent(value!);
  return formatMetricValue(name, /^\s*rate/.test(threshold) ? 'rate' : 'value', value!, summary);
}

/** A metric's value with the unit that its name and kind imply. */
export function formatMetricValue(
  name: string,
  aggregate: 'rate' | 'value',
  value: number,
  summary?: RunSummary,
): string {
  if (aggregate === 'rate') return formatRate(value);
  if (/_bytes(_per_connection)?$/.test(name)) return formatBytes(value);
  if (name.endsWith('_microseconds_per_message')) return `${formatNumber(value)} µs`;
  if (name.endsWith('_seconds')) return formatDuration(value);
  if (name.endsWith('_cpu')) return `${formatNumber(value)} cores`;
  const isTime = name.endsWith('_loop_delay') || (summary && findMetric(summary, name)?.type === 'trend');
  if (isTime || /_(latency|duration|slip|service)$/.test(name)) return formatMs(value);
  return Number.isInteger(value) ? formatCount(value) : formatNumber(value);
}

/** Memory per connection of each party, in words; one row where it is known of nobody. */
export function memoryRows(summary: RunSummary): Array<{ label: string; value: string }> {
  const parties = [
    { label: 'server', ...summary.server },
    { label: 'generator', ...summary.generator },
    { label: 'kernel (both ends)', ...summary.kernel },
  ].map(({ label, memoryBytesPerConnection: bytes }) => ({ label, bytes }));
  if (parties.every(({ bytes }) => bytes === null)) return [{ label: '', value: notMeasured(summary) }];
  return parties.map(({ label, bytes }) => ({ label, value: bytes === null ? 'not measured' : formatBytes(bytes) }));
}

/** Why there is no memory per connection. */
export function notMeasured({ server }: RunSummary): string {
  const few = server.connectionsPeak < MEMORY_CONNECTIONS_LEAST;
  return few ? 'not measured: too few connections' : 'not measured';
}

/** Why the verdict is what it is, then remarks that don't change it. */
export function verdictReasons(summary: RunSummary): string[] {
  const gap = ledgerGap(summary.ledger);
  return [...new Set([...summary.failures, ...summary.validity.reasons, ...(gap === null ? [] : [gap])])];
}

/** Those that the claim does not give already. */
export function furtherReasons(summary: RunSummary, of: string[] = verdictReasons(summary)): string[] {
  return of.filter((reason) => !summary.claim.includes(reason.replace(/\.$/, '')));
}

/** Remarks of the run, with what follows from how it was set up. */
export function runNotes(summary: RunSummary): string[] {
  const notes = [...summary.notes];
  const { complete, machine } = summary.metadata;
  if (!complete) notes.unshift('A signal ended the run early: what follows covers the part that ran.');
  if (machine.sharedMachine && !notes.some((note) => note.includes('lower bound'))) {
    notes.push('Generator and server shared one machine, so a limit found here is a lower bound of the server’s own.');
  }
  return notes;
}

/** `45/s`, `45/s and closed executors`: nobody asked those for a rate. */
export function offeredLoad({ rateOffered, closed = false }: RunSummary['config']): string {
  if (!closed) return formatRate(rateOffered);
  return rateOffered > 0 ? `${formatRate(rateOffered)} and closed executors` : 'closed executors';
}

export interface ConnectionFigures {
  /** Open at most, of those that were asked for. */
  held: number;
  asked: number;
  /** What the server held at most, where that is more: sockets of clients that had gone linger. Else null. */
  serverHeld: number | null;
}

export function connectionFigures({ server, config }: RunSummary): ConnectionFigures {
  const { connectionsPeak: peak } = server;
  const asked = config.connectionsRequested;
  return { held: Math.min(peak, asked), asked, serverHeld: peak > asked ? peak : null };
}

/** `300 of 300` */
export function heldOfAsked(summary: RunSummary): string {
  const { held, asked } = connectionFigures(summary);
  return `${formatCount(held)} of ${formatCount(asked)}`;
}

/** `; the server held up to 390`, or nothing. */
export function serverHeldNote(summary: RunSummary): string {
  const { serverHeld } = connectionFigures(summary);
  return serverHeld === null ? '' : `; the server held up to ${formatCount(serverHeld)}`;
}

/** Does a message of this run reach several devices, so that the ledger counts each of these deliveries? */
export function fansOut(config: RunSummary['config']): boolean {
  return (config.fanOut ?? 1) > 1;
}

/** Where the agents ran and how well their clocks are known: `alpha (agent-0; clock known to ±0.21 ms)`; null on one host. */
export function agentPlaces({ agents = [] }: RunSummary): string | null {
  const places = new Map<string, { host: string; boundMs: number; names: string[] }>();
  for (const { name, host, clockBoundMs } of agents) {
    const key = `${host} ${clockBoundMs}`;
    const place = places.get(key) ?? { host, boundMs: clockBoundMs, names: [] };
    place.names.push(name);
    places.set(key, place);
  }
  if (places.size <= 1 && agents.every(({ clockBoundMs }) => clockBoundMs === 0)) return null;
  return [...places.values()]
    .map(({ host, boundMs, names }) => {
      const clock = boundMs === 0 ? 'the coordinator’s clock' : `clock known to ±${formatMs(boundMs)}`;
      return `${host} (${names.join(', ')}; ${clock})`;
    })
    .join(', ');
}
