/** What streams and blocks come to: connections, rates, fan-out. Pure. */
import { createRateCurve } from '../pacing/rate-curve.ts';
import { stageValueAt } from '../pacing/stage-value.ts';
import { type GroupPopulation, meanFanOut } from './groups.ts';
import type { BlockPlan, StreamPlan } from './plan.ts';

/** So long before a jump it has not come yet. */
const EDGE_MS = 1e-6;

/** At the busiest moment; what goes linearly is highest where a piece of it ends. */
export function connectionsAtMost(blocks: BlockPlan[], devices: number): number {
  const edges = blocks.flatMap(({ online }) => {
    let at = 0;
    return (online ?? []).flatMap(({ durationMs }) => {
      const startMs = at;
      at += durationMs;
      // A jump counts from both sides.
      return [startMs, Math.max(at - EDGE_MS, startMs), at];
    });
  });
  const online = (ms: number): number =>
    blocks.reduce((sum, { online, users }) => sum + (online === null ? users : stageValueAt(online, ms)), 0);
  return Math.round(Math.max(online(0), ...edges.map(online)) * devices);
}

/** As the agents count them: whole users of a block, every device of each. */
export function connectionsAtStart(blocks: BlockPlan[], devices: number): number {
  const users = blocks.map(({ online, users }) => (online === null ? users : Math.round(stageValueAt(online, 0))));
  return Math.round(users.reduce((sum, count) => sum + count, 0) * devices);
}

/** Messages/s of all open streams: mean over the steady phase, and the highest at any moment. */
export function offeredInAll(
  streams: StreamPlan[],
  warmUpMs: number,
  steadyMs: number,
): { rate: number; ratePeak: number } {
  const curves = streams.flatMap(({ pace, startMs }) =>
    pace.model === 'open' ? [{ startMs, curve: createRateCurve(pace.stages), stages: pace.stages }] : [],
  );
  const until = (ms: number): number =>
    curves.reduce((sum, { startMs, curve }) => sum + curve.eventsUntil(Math.max(ms - startMs, 0)), 0);
  const edges = curves.flatMap(({ startMs, stages }) => {
    let at = startMs;
    return [startMs, ...stages.map(({ durationMs }) => (at += durationMs))];
  });
  const at = (ms: number): number => curves.reduce((sum, { startMs, curve }) => sum + curve.rateAt(ms - startMs), 0);
  // Linear pieces are highest at their ends; a jump counts from both sides.
  const ratePeak = Math.max(0, ...edges.flatMap((ms) => [at(ms), at(ms - EDGE_MS)]));
  return { rate: (until(warmUpMs + steadyMs) - until(warmUpMs)) / (steadyMs / 1000), ratePeak };
}

/** Deliveries that a message of the open streams leads to, in the mean. */
export function fanOutOf(streams: StreamPlan[], devices: number, groups: GroupPopulation | null): number {
  if (groups === null) return devices;
  const total = (to: 'user' | 'group'): number =>
    streams.reduce(
      (sum, stream) =>
        sum + (stream.to === to && stream.pace.model === 'open' ? createRateCurve(stream.pace.stages).total : 0),
      0,
    );
  const [users, grouped] = [total('user'), total('group')];
  if (users + grouped === 0) return devices;
  return (devices * (users + grouped * meanFanOut(groups))) / (users + grouped);
}
