/** Rows that runs left on disk because their results store, or they themselves, went away: found, and delivered. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { resultsFlag } from '../../reports/results/results-flag.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import {
  claimSpool,
  findSpools,
  removeSpool,
  type Spool,
  START_SEGMENT,
  segmentPath,
  segmentsOf,
} from '../../reports/results/spool-directory.ts';
import { formatCount } from '../units.ts';

export const SPOOL_ROOT = join('.plimsoll', 'spool');

/** So much is delivered by whoever opens the store for something else. */
const QUICK_BYTES = 16 * 2 ** 20;

export interface Delivery {
  runId: string;
  rows: number;
  /** What kept the rest from being stored; it still waits. */
  problem: Error | null;
}

/** Rows for `place`, of a run that is over. */
export function isWaitingFor(spool: Spool, place: string): boolean {
  return spool.place === place && !spool.inUse;
}

/** Stores what is in a spool; null: another process has taken it. */
export async function deliverSpool(store: ResultsStore, spool: Spool): Promise<Delivery | null> {
  const path = claimSpool(spool);
  if (path === null) return null;
  let rows = 0;
  try {
    const start = segmentPath(path, START_SEGMENT);
    // Only the first can have been sent before: they are removed as they are stored.
    let doubtful = true;
    for (const segment of segmentsOf(path)) {
      const stored = await store.storeSegment(segment, { doubtful });
      if (segment === start) continue;
      rows += stored;
      rmSync(segment);
      doubtful = false;
    }
    removeSpool(path);
    return { runId: spool.runId, rows, problem: null };
  } catch (error) {
    return { runId: spool.runId, rows, problem: error as Error };
  }
}

/**
 * For a store that was just opened: what waits for it is delivered if it is little, or else named. Each run gives a sentence.
 * Never rejects.
 */
export async function deliverLeftovers(store: ResultsStore, place: string, say: (text: string) => void): Promise<void> {
  for (const spool of findSpools(SPOOL_ROOT)) {
    if (!isWaitingFor(spool, place)) continue;
    if (spool.bytes > QUICK_BYTES) {
      say(`rows of run ${spool.runId} wait on disk: "plimsoll report --flush${resultsFlag(place)}" delivers them`);
      continue;
    }
    const delivery = await deliverSpool(store, spool);
    if (delivery?.problem) say(`rows of run ${spool.runId} keep waiting on disk: ${delivery.problem.message}`);
    else if (delivery && delivery.rows > 0) say(sentenceOf(delivery));
  }
}

export function sentenceOf({ runId, rows }: Delivery): string {
  return `run ${runId}: ${formatCount(rows)} rows delivered that waited on disk`;
}
