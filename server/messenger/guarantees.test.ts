/**
 * The guarantees of the messenger against random histories: sends, repeats, acknowledgements, broken connections and
 * links, deaths of volumes, stores that can not be written or read, in interleavings drawn from a seed.
 *
 * A failure prints the shortest history with its seed and path; PLIMSOLL_TEST_SEED and PLIMSOLL_TEST_PATH play it again.
 * PLIMSOLL_HISTORIES is how many are played.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { histories } from '../testing/history.ts';
import { problemsOf } from '../testing/history-world.ts';

const HISTORIES = Number(process.env.PLIMSOLL_HISTORIES ?? 300);
const SEED = Number(process.env.PLIMSOLL_TEST_SEED ?? 20_231_114);
const PATH = process.env.PLIMSOLL_TEST_PATH;
const TIMEOUT_MS = 60_000 + HISTORIES * 100;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

it(
  `holds its guarantees in ${HISTORIES} random histories`,
  async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        expect(await problemsOf(history, (ms) => vi.advanceTimersByTime(ms))).toEqual([]);
      }),
      { numRuns: HISTORIES, seed: SEED, ...(PATH === undefined ? null : { path: PATH, endOnFailure: true }) },
    );
  },
  TIMEOUT_MS,
);
