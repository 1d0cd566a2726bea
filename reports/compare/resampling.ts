/** Draws resamples of one side of a comparison: first runs, where there are several, then seconds within each run drawn. Pure. */
import type { Random } from '../../loadgen/random.ts';
import { type Blocks, drawBlocks, roomForBlocks } from './block-bootstrap.ts';

/** One run of a side, as far as drawing is concerned. */
export interface Drawn {
  seconds: number;
  /** Mean length of its blocks, seconds. */
  meanLength: number;
}

/** A figure of one side, and what resampling made of it. Values may have any unit. */
export interface Estimate {
  value: number;
  runs: number;
  /** Independent pieces that its seconds come to, over all runs. Infinity: a figure that has no seconds. */
  pieces: number;
  /** Factor by which resampled seconds vary too little: `dependence`. */
  missed: number;
  /** Runs and seconds drawn anew. Of a single run, its seconds alone. */
  resampled: Float64Array;
  /** Seconds drawn anew of the very same runs; the same as `resampled` for a single run. */
  within: Float64Array;
}

/** `ofRuns`: the dependence of each run of the side. */
export function dependenceOfSide(ofRuns: ReadonlyArray<{ missed: number; pieces: number }>): {
  missed: number;
  pieces: number;
} {
  return {
    missed: ofRuns.reduce((sum, { missed }) => sum + missed, 0) / ofRuns.length,
    pieces: ofRuns.reduce((sum, { pieces }) => sum + pieces, 0),
  };
}

/** One run that was drawn: its index and the blocks of its seconds. */
export interface Pick {
  run: number;
  blocks: Blocks;
}

/**
 * Calls `visit` for each of `count` resamples. `runs: 'drawn'` draws as many runs as there are, with repetition, and then
 * seconds within each; `'kept'` takes each run once and draws only seconds. The picks are reused: read them at once.
 */
export function eachResample(
  runs: readonly Drawn[],
  mode: 'drawn' | 'kept',
  count: number,
  random: Random,
  visit: (index: number, picks: Pick[]) => void,
): void {
  const longest = Math.max(1, ...runs.map(({ seconds }) => seconds));
  const picks: Pick[] = runs.map((_, run) => ({ run, blocks: roomForBlocks(longest) }));
  for (let index = 0; index < count; index++) {
    for (let i = 0; i < picks.length; i++) {
      const pick = picks[i]!;
      pick.run = mode === 'kept' || runs.length === 1 ? i : random.integer(runs.length);
      const { seconds, meanLength } = runs[pick.run]!;
      drawBlocks(pick.blocks, seconds, meanLength, random);
    }
    visit(index, picks);
  }
}
