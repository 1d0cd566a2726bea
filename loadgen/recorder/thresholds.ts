/**
 * k6's threshold grammar: `aggregation_method operator value`, e.g. `p(99)<100`, with three extensions:
 *
 *   aggregation_method  trend: avg min med max p(N) · counter: count rate · rate: rate · gauge: value, and also avg min max
 *   operator            > >= < <= == === !=
 *   value               a number without a unit; trends are in milliseconds, rates from 0 to 1
 *   ` over 30s`         asks the same of every 30 seconds within the phase instead of the phase as a whole
 *   no method           of a gauge means its value: `server_memory_bytes_per_connection: ['<8000']`
 *
 * The metric may carry k6's tag selector, `delivery_latency{phase:warm-up,scenario:groups}`.
 */
import { suggestion } from '../closest-name.ts';
import { parseDuration } from '../units.ts';
import type { CounterName, GaugeName, RateName, TrendName } from './metrics.ts';
import { type Known, parseSelector, type SelectedMetric, type Tags } from './thresholds-selector.ts';

export type { Tags };

/** As in k6's options: text, or the object form. */
export type ThresholdSpec =
  | string
  | { threshold: string; abortOnFail?: boolean | undefined; delayAbortEval?: string | undefined };

export type Aggregation =
  | { type: 'trend'; name: TrendName; method: 'avg' | 'min' | 'max' }
  /** `med` is percentile 50. */
  | { type: 'trend'; name: TrendName; method: 'percentile'; percentile: number }
  | { type: 'counter'; name: CounterName; method: 'count' | 'rate' }
  | { type: 'rate'; name: RateName; method: 'rate' }
  /** `value` is the last one; over a window, the mean in it, as `avg`. */
  | { type: 'gauge'; name: GaugeName; method: 'value' | 'avg' | 'min' | 'max' };

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

const METHODS = {
  trend: ['avg', 'min', 'med', 'max', 'p(N)'],
  counter: ['count', 'rate'],
  rate: ['rate'],
  gauge: ['value', 'avg', 'min', 'max'],
} as const;

/** Read the `thresholds` of k6's options. Throws ThresholdError with every problem found. */
export function parseThresholds(
  thresholds: Readonly<Record<string, readonly ThresholdSpec[]>>,
  known: Known = {},
): Threshold[] {
  const problems: string[] = [];
  const parsed = Object.entries(thresholds).flatMap(([metric, specs]) =>
    specs.flatMap((spec) => {
      try {
        return [parseThreshold(metric, spec, known)];
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
export function parseThreshold(metric: string, spec: ThresholdSpec, known: Known = {}): Threshold {
  const {
    threshold,
    abortOnFail = false,
    delayAbortEval = '0',
  } = typeof spec === 'string' ? { threshold: spec } : spec;
  const source = threshold.trim();
  const where = `the threshold "${source}" of ${metric}`;
  const selected = parseSelector(metric, known, fail);
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
  if (metric.type === 'rate' && method === 'rate') return { type: 'rate', name: metric.name, method };
  if (metric.type === 'gauge') {
    if (method === '') return { type: 'gauge', name: metric.name, method: 'value' };
    if (method === 'value' || method === 'avg' || method === 'min' || method === 'max')
      return { type: 'gauge', name: metric.name, method };
  }

  if (method === '')
    fail(`${where} names no method, which only a gauge may do (known: ${METHODS[metric.type].join(', ')})`);
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
