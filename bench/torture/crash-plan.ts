/** When and what the crash test kills: drawn from a seed, so that a run can be repeated (as far as processes repeat). Pure. */
import type { Random } from '../../loadgen/random.ts';

export interface Kill {
  /** Pause before it. */
  afterMs: number;
  /**
   * `one` or `two` shard processes; one and `again` the one that takes its place, while it is starting; one and so many after
   * it that others take its volumes over (`takeover`); one in the middle of a `rolling` restart; the whole `node` at once; the
   * `supervisor` alone, whose shard processes then end by themselves; `power`: the node, and its unsynced writes.
   */
  what: 'one' | 'two' | 'again' | 'takeover' | 'rolling' | 'node' | 'supervisor' | 'power';
  /** For `again`: how long the new process lives. For `rolling`: when in the restart. */
  againAfterMs: number;
}

/** Of a hundred. */
const CHANCES: Array<[upTo: number, what: Kill['what']]> = [
  [50, 'one'],
  [64, 'two'],
  [76, 'again'],
  [80, 'takeover'],
  [88, 'rolling'],
  [95, 'node'],
  [100, 'supervisor'],
];

/** More than enough for `kills` killed processes, for one may die before it is its turn. Pauses are mostly short, so that a kill also hits what the one before has set in motion. */
export function planKills(random: Random, kills: number, power: boolean): Kill[] {
  return Array.from({ length: 2 * kills }, () => {
    const dice = random.integer(100);
    const afterMs = 100 + Math.min(random.exponential(power ? 1_200 : 900), 5_000);
    const againAfterMs = random.integer(400);
    if (power) return { afterMs, what: 'power', againAfterMs };
    const [, what] = CHANCES.find(([upTo]) => dice < upTo)!;
    return { afterMs, what, againAfterMs };
  });
}
