/** What every benchmark gets from the command line, and what it gives back. */
import type { Figure } from './figure.ts';

export interface BenchOptions {
  /** Shorter and fewer rounds: shows that everything works, proves nothing. */
  quick: boolean;
  /** Client processes of the message ceiling. */
  clients: number;
  /** Another built checkout of Plimsoll, whose node takes part as “before”; null: none. */
  against: string | null;
  /** Progress, a line each. */
  say: (line: string) => void;
}

export interface BenchResult {
  figures: Figure[];
  /** What a reader has to know to judge the figures. */
  notes: string[];
}

/** Every round measures all variants once, in the same order, before the next round starts. */
export async function inTurns<Variant, Measured>(
  variants: readonly Variant[],
  rounds: number,
  measure: (variant: Variant, round: number) => Promise<Measured>,
): Promise<Map<Variant, Measured[]>> {
  const results = new Map<Variant, Measured[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants) results.get(variant)!.push(await measure(variant, round));
  }
  return results;
}
