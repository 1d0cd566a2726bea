/**
 * When is delivery normal again after a fault, and what did the fault do to it meanwhile? Judged second by second, by when messages
 * were *received*. Pure.
 *
 * Normal is what held in the ten undisturbed seconds before. A second is normal when
 * - connections: at least 99% of the median before are open;
 * - latency: the p99 of `delivery_latency` (and `fanout_latency`) of what was received in it is at most 2 × the median p99 before + 5 ms, or at most the
 *   worst p99 before;
 * - backlog: deliveries that are due at its end are at most so many as are under way at that latency (Little's law: deliveries a
 *   second × p99), or as the most before, plus 1% of a second's deliveries, plus 2.
 * A second in which nothing was received, though something was before, and nothing is due, says nothing. Where users come and go by
 * plan, neither connections nor backlog say anything, and latency alone is judged.
 *
 * Recovery is the time from the fault's beginning to the end of the last second that was not normal before three normal ones in a
 * row, which do not count before the fault itself is over; where the next fault begins, or the record ends, one will do. It is 0
 * where no second was disturbed at all.
 */
export interface FaultSecond {
  /** Start of the second, clock ms. */
  atMs: number;
  connections: number;
  /** Received in this second. */
  delivered: number;
  /** Expected and not delivered at the end of this second. */
  backlog: number;
  /** Of what was received in this second, ms; null: nothing was. */
  p99Ms: number | null;
  maxMs: number | null;
  dropped: number;
  reconnects: number;
}

/** [from, until), clock ms; null: to the end of the record. */
export interface Span {
  fromMs: number;
  untilMs: number | null;
}

/** Whether any of the spans has part of the second that begins at `atMs`. */
export function touches(spans: readonly Span[], atMs: number): boolean {
  return spans.some(({ fromMs, untilMs }) => atMs + 1_000 > fromMs && (untilMs === null || atMs < untilMs));
}

export interface FaultImpact {
  /** Median before the fault, and the fewest meanwhile. */
  connectionsBefore: number;
  connectionsLowest: number;
  /** Median before the fault, and the worst second meanwhile; null: nothing was received. */
  p99BeforeMs: number | null;
  p99WorstMs: number | null;
  latencyWorstMs: number | null;
  backlogHighest: number;
  /** Not started on time, and connections opened again, meanwhile. */
  dropped: number;
  reconnects: number;
}

export interface Recovery {
  /** Null: delivery was not normal again when the record ended, or there was nothing to compare with. */
  recoverySeconds: number | null;
  /** [fault's beginning, recovered), clock ms; null: to the end of the record. */
  untilMs: number | null;
  /** The last second of the record was not disturbed: more of it would not say more unless there is load. */
  calm: boolean;
  impact: FaultImpact;
}

export const RECOVERY = {
  secondsBefore: 10,
  connectionsShare: 0.99,
  latencyFactor: 2,
  latencyExtraMs: 5,
  backlogShareOfSecond: 0.01,
  backlogExtra: 2,
  normalSeconds: 3,
} as const;

/**
 * `fault`: its beginning and end, clock ms (a sudden fault ends when it begins). `seconds`: whole seconds in order, from the
 * beginning of the load. `earlier`: spans of faults before it, which are nothing to compare with. `nextAtMs`: when the next begins.
 */
export function recoveryOf(
  fault: { atMs: number; endedAtMs: number },
  seconds: readonly FaultSecond[],
  {
    earlier = [],
    nextAtMs = Number.POSITIVE_INFINITY,
    usersComeAndGo = false,
  }: { earlier?: readonly Span[]; nextAtMs?: number; usersComeAndGo?: boolean } = {},
): Recovery {
  const before = seconds
    .filter(({ atMs }) => atMs + 1_000 <= fault.atMs && !touches(earlier, atMs))
    .slice(-RECOVERY.secondsBefore);
  const since = seconds.filter(({ atMs }) => atMs + 1_000 > fault.atMs);
  const stateOf = statesBy(before, usersComeAndGo);

  let lastAbnormal = -1;
  let inARow = 0;
  let length = 0;
  for (const second of since) {
    // What the next fault does is not this one's, if this one was over.
    const nextBegins = second.atMs <= nextAtMs && nextAtMs < second.atMs + 1_000;
    if (inARow >= RECOVERY.normalSeconds || (inARow > 0 && nextBegins)) break;
    const state = stateOf(second);
    if (state === 'disturbed') {
      lastAbnormal = length;
      inARow = 0;
    } else if (state === 'normal' && second.atMs + 1_000 >= fault.endedAtMs) inARow++;
    length++;
  }
  const recovered = before.length > 0 && inARow > 0;
  const untilMs = !recovered ? null : lastAbnormal < 0 ? fault.atMs : since[lastAbnormal]!.atMs + 1_000;
  return {
    recoverySeconds: untilMs === null ? null : round((untilMs - fault.atMs) / 1_000),
    untilMs,
    calm: since.length > 0 && stateOf(since.at(-1)!) !== 'disturbed',
    impact: impactOf(before, since.slice(0, length)),
  };
}

type State = 'normal' | 'disturbed' | 'silent';

function statesBy(before: readonly FaultSecond[], usersComeAndGo: boolean): (second: FaultSecond) => State {
  const connections = median(before.map((second) => second.connections)) ?? 0;
  const p99s = before.flatMap(({ p99Ms }) => p99Ms ?? []);
  const p99Most = Math.max(RECOVERY.latencyFactor * (median(p99s) ?? 0) + RECOVERY.latencyExtraMs, ...p99s);
  const perSecond = median(before.map(({ delivered }) => delivered)) ?? 0;
  const backlogMost =
    Math.max((perSecond * p99Most) / 1_000, ...before.map(({ backlog }) => backlog)) +
    RECOVERY.backlogShareOfSecond * perSecond +
    RECOVERY.backlogExtra;
  return (second) => {
    const missing = second.connections < RECOVERY.connectionsShare * connections || second.backlog > backlogMost;
    if (missing && !usersComeAndGo) return 'disturbed';
    // Without messages before, connections are all that can recover.
    if (p99s.length === 0) return 'normal';
    if (second.p99Ms === null) return 'silent';
    return second.p99Ms <= p99Most ? 'normal' : 'disturbed';
  };
}

function impactOf(before: readonly FaultSecond[], meanwhile: readonly FaultSecond[]): FaultImpact {
  const most = (values: Array<number | null>): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const connectionsBefore = median(before.map(({ connections }) => connections)) ?? 0;
  return {
    connectionsBefore,
    connectionsLowest: Math.min(connectionsBefore, ...meanwhile.map(({ connections }) => connections)),
    p99BeforeMs: median(before.flatMap(({ p99Ms }) => p99Ms ?? [])),
    p99WorstMs: most(meanwhile.map(({ p99Ms }) => p99Ms)),
    latencyWorstMs: most(meanwhile.map(({ maxMs }) => maxMs)),
    backlogHighest: most(meanwhile.map(({ backlog }) => backlog)) ?? 0,
    dropped: sum(meanwhile.map(({ dropped }) => dropped)),
    reconnects: sum(meanwhile.map(({ reconnects }) => reconnects)),
  };
}

/** Null of nothing; of an even number the lower one of the two in the middle. */
function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

function round(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
