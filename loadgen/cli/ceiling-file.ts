/** `.plimsoll/ceiling.json`: what `plimsoll doctor --ceiling` measured, for runs in the same folder to be held against. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Ceiling } from '../null-server/ceiling.ts';
import { formatCount } from '../units.ts';

export const CEILING_FILE = join('.plimsoll', 'ceiling.json');

export function writeCeiling(ceiling: Ceiling): void {
  mkdirSync(dirname(CEILING_FILE), { recursive: true });
  writeFileSync(CEILING_FILE, `${JSON.stringify(ceiling, null, 2)}\n`);
}

/** Null when there is none, or one that does not read. */
export function readCeiling(): Ceiling | null {
  try {
    const ceiling = JSON.parse(readFileSync(CEILING_FILE, 'utf8')) as Ceiling;
    return Number.isFinite(ceiling.messagesPerSecond) && !Number.isNaN(Date.parse(ceiling.measuredAt)) ? ceiling : null;
  } catch {
    return null;
  }
}

/**
 * What a run says of the ceiling beside its result; null when it was measured on another machine. `rate`: messages/s that the run
 * offered.
 */
export function ceilingRemark(
  ceiling: Ceiling,
  here: { cpu: string; cores: number; plimsollVersion: string },
  rate: number,
): string | null {
  if (ceiling.cpu !== here.cpu || ceiling.cores !== here.cores) return null;
  const { messagesPerSecond, measuredAt, plimsollVersion, agents } = ceiling;
  const version = plimsollVersion === here.plimsollVersion ? '' : ` with Plimsoll ${plimsollVersion}`;
  const share = Math.round((rate / messagesPerSecond) * 100);
  return (
    `The generator's own ceiling here: ${formatCount(messagesPerSecond)} messages/s, ${agents} agent process${agents === 1 ? '' : 'es'} ` +
    `against the null server (measured ${measuredAt.slice(0, 10)}${version}); this run offered ${share}% of it.`
  );
}
