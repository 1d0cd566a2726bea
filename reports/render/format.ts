/** Numbers as people read them: thousands separators, units, a sensible number of digits. Same text on every machine and in every locale. */

/** `50000` → `50,000`; rounds to a whole number. */
export function formatCount(value: number): string {
  return groupThousands(Math.round(value).toString());
}

/** Three significant digits, more only where the whole part has them: `0.0421`, `3.14`, `18.4`, `231,481`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(Math.max(2 - magnitude, 0), 6);
  const text = value.toFixed(decimals);
  return groupThousands(text.includes('.') ? text.replace(/\.?0+$/, '') : text);
}

/** A latency: `0.42 ms`, `18.4 ms`, `1.25 s`, `2 min 5 s`. */
export function formatMs(ms: number): string {
  if (Math.abs(ms) < 1000) return `${formatNumber(ms)} ms`;
  if (Math.abs(ms) < 60_000) return `${formatNumber(ms / 1000)} s`;
  return formatDuration(ms / 1000);
}

/** A latency as a table cell in milliseconds, without the unit and with digits that line up: `0.42`, `18.40`, `1,250`. */
export function formatMsCell(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  return groupThousands(ms.toFixed(Math.abs(ms) >= 1000 ? 0 : Math.abs(ms) >= 100 ? 1 : 2));
}

/** Seconds as `850 ms`, `22.4 s`, `1 min 30 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 1) return `${formatNumber(seconds * 1000)} ms`;
  if (seconds < 60) return `${formatNumber(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return joinParts(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  return joinParts(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

/** A position in a run: `0:07`, `1:30`, `1:02:05`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const rest = `${String(Math.floor(whole / 60) % 60).padStart(whole >= 3600 ? 2 : 1, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
}

/** Decimal units, 1 kB = 1,000 B: `640 B`, `5.63 kB`, `1.21 GB`. */
export function formatBytes(bytes: number): string {
  const { divisor, unit } = byteUnit(bytes);
  return `${formatNumber(bytes / divisor)} ${unit}`;
}

/** The decimal unit that suits a size, for axes and columns that share one. */
export function byteUnit(bytes: number): { divisor: number; unit: 'B' | 'kB' | 'MB' | 'GB' | 'TB' } {
  const size = Math.abs(bytes);
  if (size >= 1e12) return { divisor: 1e12, unit: 'TB' };
  if (size >= 1e9) return { divisor: 1e9, unit: 'GB' };
  if (size >= 1e6) return { divisor: 1e6, unit: 'MB' };
  if (size >= 1e3) return { divisor: 1e3, unit: 'kB' };
  return { divisor: 1, unit: 'B' };
}

/** `38.6/s`, `231,481/s`. */
export function formatRate(perSecond: number): string {
  return `${formatNumber(perSecond)}/s`;
}

/** A share of one as a percentage: `0.0864%`, `99.2%`. */
export function formatPercent(share: number): string {
  return `${formatNumber(share * 100)}%`;
}

/** `2026-03-14 09:26:53 UTC`, from ms since the epoch or an ISO date; a text that is no date comes back as it is. */
export function formatDate(moment: number | string): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return String(moment);
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `1 agent`, `3 agents`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

function groupThousands(digits: string): string {
  const [whole = '', fraction] = digits.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function joinParts(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
