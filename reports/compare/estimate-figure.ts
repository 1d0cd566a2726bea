/** Figures other than latencies on one side of a comparison, with their resamples: rates, costs, and single figures of a run. Pure. */
import type { Random } from '../../loadgen/random.ts';
import type { RunSeconds } from '../run-seconds.ts';
import { blockLength, dependence, runningSums, sumOverBlocks } from './block-bootstrap.ts';
import { type Drawn, dependenceOfSide, type Estimate, eachResample } from './resampling.ts';

/** A figure that is a quotient of sums over seconds: messages over seconds, CPU over messages. One entry a second. */
export interface Quotient {
  over: Float64Array;
  under: Float64Array;
}

export type FigureName =
  | 'throughput'
  | 'server_cpu_per_message'
  | 'generator_cpu_per_message'
  | 'server_memory_per_connection'
  | 'connect_rate';

export interface Figure {
  name: FigureName;
  label: string;
  unit: 'per second' | 'us' | 'bytes';
  /** Which way is worse. */
  worse: 'higher' | 'lower';
  /** Null where a run has none. */
  of: (run: RunSeconds) => Quotient | number | null;
}

export const FIGURES: readonly Figure[] = [
  {
    name: 'throughput',
    label: 'throughput, delivered',
    unit: 'per second',
    worse: 'lower',
    of: (run) => {
      const { messages_delivered: delivered, http_reqs: calls } = run.counters;
      const counted = delivered ?? calls;
      return counted === undefined
        ? null
        : quotient(
            run,
            counted,
            counted.map(() => 1),
          );
    },
  },
  {
    name: 'server_cpu_per_message',
    label: 'server CPU per message',
    unit: 'us',
    worse: 'higher',
    of: (run) => cpuPerMessage(run, 'server_cpu'),
  },
  {
    name: 'generator_cpu_per_message',
    label: 'generator CPU per message',
    unit: 'us',
    worse: 'higher',
    of: (run) => cpuPerMessage(run, 'agent_cpu'),
  },
  {
    name: 'server_memory_per_connection',
    label: 'server memory per connection',
    unit: 'bytes',
    worse: 'higher',
    of: ({ summary }) => positive(summary?.server.memoryBytesPerConnection),
  },
  {
    name: 'connect_rate',
    label: 'connections opened',
    unit: 'per second',
    worse: 'lower',
    of: ({ summary }) => positive(summary?.connecting.perSecond),
  },
];

/** Null when no run of the side has the figure. Runs without it are left out. */
export function estimateFigure(
  { of }: Figure,
  runs: readonly RunSeconds[],
  resamples: number,
  random: Random,
): Estimate | null {
  const known = runs.map(of).filter((each) => each !== null);
  if (known.length === 0) return null;
  const quotients = known.filter((each) => typeof each !== 'number');
  return quotients.length > 0
    ? estimateQuotient(quotients, resamples, random)
    : estimateMean(known as number[], resamples, random);
}

function estimateQuotient(quotients: Quotient[], resamples: number, random: Random): Estimate {
  const overs = quotients.map(({ over }) => runningSums(over));
  const unders = quotients.map(({ under }) => runningSums(under));
  const value = sumOfLasts(overs) / sumOfLasts(unders);
  const influences = quotients.map(({ over, under }) => over.map((each, second) => each - value * under[second]!));
  const drawn = influences.map((series): Drawn => ({ seconds: series.length, meanLength: blockLength(series) }));
  const resample = (mode: 'drawn' | 'kept', stream: Random): Float64Array => {
    const values = new Float64Array(resamples);
    eachResample(drawn, mode, resamples, stream, (index, picks) => {
      let over = 0;
      let under = 0;
      for (const { run, blocks } of picks) {
        over += sumOverBlocks(overs[run]!, blocks);
        under += sumOverBlocks(unders[run]!, blocks);
      }
      values[index] = under > 0 ? over / under : value;
    });
    return values;
  };
  const resampled = resample('drawn', random.fork('runs and seconds'));
  return {
    value,
    runs: quotients.length,
    ...dependenceOfSide(influences.map((series, run) => dependence(series, drawn[run]!.meanLength))),
    resampled,
    within: quotients.length === 1 ? resampled : resample('kept', random.fork('seconds')),
  };
}

/** One figure a run: only runs can be drawn anew. */
function estimateMean(values: number[], resamples: number, random: Random): Estimate {
  const meanOf = (each: (index: number) => number): number =>
    values.reduce((sum, _, index) => sum + each(index), 0) / values.length;
  const value = meanOf((index) => values[index]!);
  return {
    value,
    runs: values.length,
    pieces: Number.POSITIVE_INFINITY,
    missed: 1,
    resampled: Float64Array.from({ length: resamples }, () => meanOf(() => values[random.integer(values.length)]!)),
    within: new Float64Array(resamples).fill(value),
  };
}

/** us of CPU. */
function cpuPerMessage(run: RunSeconds, gauge: 'server_cpu' | 'agent_cpu'): Quotient | null {
  const sent = run.counters.messages_sent;
  const cores = run.gauges[gauge];
  if (sent === undefined || cores === undefined) return null;
  return quotient(
    run,
    cores.map((each) => each * 1e6),
    sent,
  );
}

/** What can't be below zero and is not above it was not measured. */
function positive(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && value > 0 ? value : null;
}

/** Over the whole seconds of the steady phase in which both are known; null when there is none, or nothing to divide by. */
function quotient({ whole }: RunSeconds, over: Float64Array, under: Float64Array): Quotient | null {
  const seconds: number[] = [];
  for (let second = whole.from; second < whole.to; second++) {
    if (Number.isFinite(over[second]) && Number.isFinite(under[second])) seconds.push(second);
  }
  const result = {
    over: Float64Array.from(seconds, (second) => over[second]!),
    under: Float64Array.from(seconds, (second) => under[second]!),
  };
  return result.under.some((each) => each > 0) ? result : null;
}

function sumOfLasts(sums: Float64Array[]): number {
  return sums.reduce((total, each) => total + each.at(-1)!, 0);
}
