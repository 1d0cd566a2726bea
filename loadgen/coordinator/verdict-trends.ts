/** What must not grow while the load is steady: the backlog, the server's memory. Pure. */
import { METHOD, round } from './method.ts';
import { mean, slopeOf } from './statistics.ts';

export interface SteadySecond {
  atMs: number;
  /** Sent and delivered since the start of the run. */
  sent: number;
  delivered: number;
  serverRssBytes: number | null;
  /** Open connections, as the agents count them. */
  connections: number;
}

export interface TrendInput {
  /** Of the steady phase. */
  seconds: SteadySecond[];
  steadySeconds: number;
  offeredMessages: number;
  /** Messages wait for users who are offline by plan, so that the backlog says nothing. */
  usersComeAndGo: boolean;
}

const SETTLED_SHARE = 0.05;

/** The backlog (sent − delivered) must not grow: the upper 95% bound of its slope stays within a tolerance. */
export function backlogGrowth(input: TrendInput): string | null {
  const { seconds } = input;
  if (seconds.length === 0 || input.usersComeAndGo) return null;
  const start = seconds[0]!.atMs;
  const slope = slopeOf(
    seconds.map(({ atMs }) => (atMs - start) / 1_000),
    seconds.map(({ sent, delivered }) => sent - delivered),
  );
  const rate = input.offeredMessages / Math.max(input.steadySeconds, 1);
  // A short run or a slow rate has a wide interval for want of data, not for want of capacity: the estimate must exceed too.
  const tolerance = Math.max(rate * METHOD.backlogToleranceShareOfRate, 1);
  if (slope === null || slope.upper95 <= tolerance || slope.perSecond <= tolerance) return null;
  return `the backlog (sent, not yet delivered) grew by ${round(slope.perSecond)} messages a second`;
}

/** Server memory may grow within a budget (write buffers of the store fill); certain growth beyond it is a leak or a limit. */
export function memoryGrowth(input: TrendInput): string | null {
  const known = settled(input.seconds).filter((second) => second.serverRssBytes !== null);
  if (known.length < 20) return null;
  const start = known[0]!.atMs;
  const values = known.map((second) => second.serverRssBytes!);
  const slope = slopeOf(
    known.map(({ atMs }) => (atMs - start) / 1_000),
    values,
  );
  const budget = Math.max(METHOD.memoryGrowthPerMinuteShare * mean(values), METHOD.memoryGrowthPerMinuteBytes);
  // A heap breathes: in less than a minute it must really have grown by what a minute may have.
  if (slope === null || slope.lower95 * Math.min(known.length, 60) <= budget) return null;
  return `the server's memory grew by ${round((slope.perSecond * 60) / 1e6)} MB a minute (budget ${round(budget / 1e6)} MB)`;
}

/** The last stretch with about as many connections as in the end: memory that comes with connections is no leak. */
function settled(seconds: SteadySecond[]): SteadySecond[] {
  const last = seconds.at(-1)?.connections ?? 0;
  const moved = seconds.findLastIndex(({ connections }) => Math.abs(connections - last) > SETTLED_SHARE * last);
  return seconds.slice(moved + 1);
}
