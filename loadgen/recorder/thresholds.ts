/**
 * k6's threshold grammar: `aggregation_method operator value`, e.g. `p(99)<100`, and one extension, ` over 30s`, which asks the
 * same of every 30 seconds within the phase instead of the phase as a whole.
 *
 *   aggregation_method  trend: avg min med max p(N) · counter: count rate · gauge: value
 *   operator            > >= < <= == === !=
 *   value               a number without a unit; trends are in milliseconds
 *
 * The metric may carry k6's tag selector, `delivery_latency{phase:warm-up}`; known tags are `phase` and `source`.
 */
import { suggestion } from '../closest-name.ts';
import { parseDuration } from '../units.ts';
import { COUNTERS, type CounterName, GAUGES, type GaugeName, TRENDS, type TrendName } from './metrics.ts';
import type { Phase } from './samples.ts';

/** As in k6's options: text, or the object form. */
export type ThresholdSpec =
  | string
  | { threshold: string; abortOnFail?: boolean | undefined; delayAbortEval?: string | undefined };

/** Which samples of a metric are meant; without a phase, those that the summary shows. */
export interface Tags {
  phase?: Phase;
  /** `agent-0`, `shard-1`, … */
  source?: string;
}

export type Aggregation =
  | { type: 'trend'; name: TrendName; method: 'avg' | 'min' | 'max' }
  /** `med` is percentile 50. */
  | { type: 'trend'; name: TrendName; method: 'percentile'; percentile: number }
  | { type: 'counter'; name: CounterName; method: 'count' | 'rate' }
  | { type: 'gauge'; name: GaugeName; method: 'value' };

export type ThresholdOperator = '>' | '>=' | '<' | '<=' | '==' | '===' | '!=';

export interface Threshold {
  /** Metric and tags as written. */
  metric: string;
  /** The expression as written, trimmed. */
  source: string;
  aggregation: Aggregation;
  tags: Tags;
  operator: ThresholdOperator;
  limit: number;
  /** Length of the sliding window of ` over 30s`, whole seconds in ms; null: the whole. */
  windowMs: number | null;
  /** End the run as soon as this fails, … */
  abortOnFail: boolean;
  /** … but not before the load has run this long. */
  delayAbortEvalMs: number;
}

/** One sentence a problem. */
export class ThresholdError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ThresholdError';
    this.problems = problems;
  }
}

const PHASES: readonly Phase[] = ['connect', 'warm-up', 'steady', 'drain'];

const METHODS = {
  trend: ['avg', 'min', 'med', 'max', 'p(N)'],
  counter: ['count', 'rate'],
  gauge: ['value'],
} as const;

/** Read the `thresholds` of k6's options. Throws ThresholdError with every problem found. */
export function parseThresholds(thresholds: Readonly<Record<string, readonly ThresholdSpec[]>>): Threshold[] {
  const problems: string[] = [];
  const parsed = Object.entries(thresholds).flatMap(([metric, specs]) =>
    specs.flatMap((spec) => {
      try {
        return [parseThreshold(metric, spec)];
      } catch (error) {
        problems.push((error as Error).message);
        return [];
      }
    }),
  );
  if (problems.length > 0) throw new ThresholdError([...new Set(problems)]);
  return parsed;
}

/** Read one threshold of a metric. Throws ThresholdError. */
export function parseThreshold(metric: string, spec: ThresholdSpec): Threshold {
  const {
    threshold,
    abortOnFail = false,
    delayAbortEval = '0',
  } = typeof spec === 'string' ? { threshold: spec } : spec;
  const source = threshold.trim();
  const where = `the threshold "${source}" of ${metric}`;
  const selected = parseMetric(metric);
  // `<=` before `<` and so on: the longest operator wins.
  const match = /^(.*?)(===|==|!=|<=|>=|<|>)(.*?)(?:\sover\s+(\S.*))?$/s.exec(source);
  if (!match) fail(`${where} is not of the form "method operator value"; write one like p(99)<100`);
  const [, method, operator, value, window] = match;
  const limit = parseLimit(value!.trim());
  if (limit === undefined)
    fail(`${where} compares with "${value!.trim()}", which is not a number; write one like p(99)<100`);
  const windowMs = window === undefined ? null : parseSpan(window, where);
  if (windowMs !== null && windowMs !== 0 && windowMs % 1000 !== 0)
    fail(`${where} has a window of ${window}; write whole seconds`);
  if (windowMs === 0) fail(`${where} has a window of 0 s; write one like "over 30s"`);
  const aggregation = parseMethod(method!.trim(), selected, where);
  if (windowMs !== null && aggregation.type === 'gauge') {
    fail(`${where} asks for windows, which a gauge does not have; leave out "over ${window}"`);
  }
  return {
    metric,
    source,
    aggregation,
    tags: selected.tags,
    operator: operator as ThresholdOperator,
    limit,
    windowMs,
    abortOnFail,
    delayAbortEvalMs: parseSpan(delayAbortEval, where),
  };
}

type SelectedMetric = (
  | { type: 'trend'; name: TrendName }
  | { type: 'counter'; name: CounterName }
  | { type: 'gauge'; name: GaugeName }
) & { tags: Tags };

function parseMetric(written: string): SelectedMetric {
  const match = /^([^{}]+?)\s*(?:\{([^{}]*)\})?$/.exec(written.trim());
  if (!match) fail(`"${written}" is not a metric; write a name, or name{tag:value}`);
  const name = match[1]!.trim();
  const tags = parseTags(match[2] ?? '', written);
  for (const [type, names] of [
    ['trend', TRENDS],
    ['counter', COUNTERS],
    ['gauge', GAUGES],
  ] as const) {
    if ((names as readonly string[]).includes(name)) return { type, name, tags } as SelectedMetric;
  }
  return fail(`a threshold names the unknown metric "${name}"${suggestion(name, [...TRENDS, ...COUNTERS, ...GAUGES])}`);
}

function parseTags(text: string, metric: string): Tags {
  const tags: Tags = {};
  for (const part of text.split(',').filter((part) => part.trim() !== '')) {
    const colon = part.indexOf(':');
    const key = (colon < 0 ? part : part.slice(0, colon)).trim();
    const value = colon < 0 ? '' : part.slice(colon + 1).trim();
    if (key !== 'phase' && key !== 'source')
      fail(`the metric "${metric}" has the unknown tag "${key}"${suggestion(key, ['phase', 'source'])}`);
    if (value === '') fail(`the metric "${metric}" gives the tag "${key}" no value; write ${key}:value`);
    if (key === 'source') tags.source = value;
    else if ((PHASES as readonly string[]).includes(value)) tags.phase = value as Phase;
    else fail(`the metric "${metric}" has the unknown phase "${value}"${suggestion(value, PHASES)}`);
  }
  return tags;
}

function parseMethod(method: string, metric: SelectedMetric, where: string): Aggregation {
  const percentile = /^p\(\s*([\d.]+)\s*\)$/.exec(method)?.[1];
  if (percentile !== undefined && metric.type === 'trend') {
    const value = parseLimit(percentile);
    if (value === undefined || value > 100)
      fail(`${where} asks for percentile ${percentile}; percentiles go from 0 to 100`);
    return { type: 'trend', name: metric.name, method: 'percentile', percentile: value };
  }
  if (metric.type === 'trend') {
    if (method === 'med') return { type: 'trend', name: metric.name, method: 'percentile', percentile: 50 };
    if (method === 'avg' || method === 'min' || method === 'max') return { type: 'trend', name: metric.name, method };
  }
  if (metric.type === 'counter' && (method === 'count' || method === 'rate'))
    return { type: 'counter', name: metric.name, method };
  if (metric.type === 'gauge' && method === 'value') return { type: 'gauge', name: metric.name, method };

  const bare = /^p\s*([\d.]+)$/.exec(method)?.[1];
  const closest =
    metric.type === 'trend' && bare ? `; did you mean "p(${bare})"?` : suggestion(method, METHODS[metric.type]);
  return fail(`${where} uses "${method}", which does not fit a ${metric.type}${closest}`);
}

function parseLimit(text: string): number | undefined {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
    ? Number(text)
    : undefined;
}

function parseSpan(text: string, where: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    return fail(`${where} is wrong: ${(error as Error).message}`);
  }
}

function fail(problem: string): never {
  throw new ThresholdError([problem]);
}
