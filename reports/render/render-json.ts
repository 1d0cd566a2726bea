/** The machine-readable summary, as text that is the same for the same run whatever built it. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';

/** Two-space JSON with object keys in alphabetical order and a closing newline. Numbers that JSON can't hold become null. */
export function renderJson(summary: RunSummary): string {
  return `${JSON.stringify(summary, (_key, value: unknown) => sortKeys(value), 2)}\n`;
}

function sortKeys(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
