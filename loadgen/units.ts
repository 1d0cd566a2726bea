/**
 * Quantities as people write them: durations (`1h30m`), numbers and counts (`50k`, `500M`, `5e8`, `50_000`), bytes (`64KiB`).
 *
 * A duration always names its unit. k6 reads a bare number as milliseconds, most other tools read seconds; a bare number
 * other than 0 is refused here instead of guessed.
 */

/** A quantity that cannot be read. The message is one sentence that shows what was written and what would be right. */
export class UnitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnitError';
  }
}

const MILLISECONDS_PER: Record<string, number> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
};

const EXPONENTS: Record<string, number> = { k: 3, K: 3, M: 6, G: 9, B: 9, T: 12 };

const BYTES_PER: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
};

/** Milliseconds of a duration such as `1h30m`, `90s`, `1.5s` or `250ms`; `0` needs no unit. Throws UnitError. */
export function parseDuration(written: string | number): number {
  const text = String(written).trim();
  if (/^0+(\.0+)?$/.test(text)) return 0;
  if (/^\d+(\.\d+)?$/.test(text)) {
    throw new UnitError(`the duration "${text}" has no unit; write ${text}s for seconds or ${text}ms for milliseconds`);
  }
  if (!/^(\d+(\.\d+)?(ms|us|µs|d|h|m|s))+$/.test(text)) {
    throw new UnitError(`"${written}" is not a duration; write one like 1h30m, 90s or 250ms`);
  }
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|µs|d|h|m|s)/g)) {
    milliseconds += Number(amount) * MILLISECONDS_PER[unit!]!;
  }
  return milliseconds;
}

/** A finite number ≥ 0 such as `41.7`, `50k`, `500M`, `2.5B`, `5e8` or `50_000`. Throws UnitError. */
export function parseNumber(written: string | number): number {
  const text = String(written).trim();
  const match = /^(\d[\d_]*(?:\.\d+)?)(?:([kKMGBT])|[eE]\+?(-?\d{1,3}))?$/.exec(text);
  // Scaling in decimal text keeps 1.1M exactly 1,100,000.
  const value = match
    ? Number(`${match[1]!.replaceAll('_', '')}e${match[3] ?? EXPONENTS[match[2] ?? ''] ?? 0}`)
    : Number.NaN;
  if (!Number.isFinite(value)) {
    throw new UnitError(`"${written}" is not a number of 0 or more; write one like 50000, 50k, 500M or 5e8`);
  }
  return value;
}

/** A whole number from 0 to 2^53 − 1, written as in `parseNumber`. Throws UnitError. */
export function parseCount(written: string | number): number {
  const value = parseNumber(written);
  if (!Number.isSafeInteger(value)) {
    throw new UnitError(`"${written}" is not a whole number; write one like 50000, 50k or 500M`);
  }
  return value;
}

/** Bytes of `100`, `64KB` (64,000), `64KiB` (65,536), `2TB`; whole. Throws UnitError. */
export function parseBytes(written: string | number): number {
  const match = /^([\d_.]+(?:e\d+)?) ?([a-z]+)?$/i.exec(String(written).trim());
  const factor = match ? BYTES_PER[(match[2] ?? 'B').toLowerCase()] : undefined;
  if (!match || factor === undefined || !/^\d[\d_]*(\.\d+)?(e\d+)?$/i.test(match[1]!)) {
    throw new UnitError(`"${written}" is not a number of bytes; write one like 100, 64KB (64,000) or 64KiB (65,536)`);
  }
  return Math.round(parseNumber(match[1]!) * factor);
}

/** `90000` → `1m30s`, `250` → `250ms`, `1500` → `1.5s`, `0.25` → `250µs`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  if (milliseconds === 0) return '0s';
  if (milliseconds < 1) return `${trimmed(milliseconds * 1000)}µs`;
  if (milliseconds < 1000) return `${trimmed(milliseconds)}ms`;
  let rest = milliseconds;
  let text = '';
  for (const unit of ['d', 'h', 'm']) {
    const amount = Math.floor(rest / MILLISECONDS_PER[unit]!);
    rest -= amount * MILLISECONDS_PER[unit]!;
    if (amount > 0) text += `${amount}${unit}`;
  }
  return rest > 0 ? `${text}${trimmed(rest / 1000)}s` : text;
}

/** Thousands separated, whole: `231481.48` → `231,481`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A number for reading: whole with separators from 100 up, one decimal from 1, three significant digits below. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return formatCount(value);
  if (size >= 1) return value.toFixed(1);
  return String(Number(value.toPrecision(3)));
}

/** Decimal units, three significant digits: `2e12` → `2 TB`, `1234` → `1.23 kB`, `999` → `999 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let index = 0;
  let value = bytes;
  while (index < units.length - 1 && Math.abs(Number(value.toPrecision(3))) >= 1000) {
    value /= 1000;
    index += 1;
  }
  return `${Math.abs(value) >= 1000 ? formatCount(value) : Number(value.toPrecision(3))} ${units[index]}`;
}

/** At most three decimals, no trailing zeros. */
function trimmed(value: number): string {
  return String(Number(value.toFixed(3)));
}
