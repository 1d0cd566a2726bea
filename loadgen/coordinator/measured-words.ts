/** A measured value with its unit, as the reasons of a verdict write it. */
import { RATES, TRENDS } from '../recorder/metrics.ts';
import { formatBytes } from '../units.ts';
import { round } from './method.ts';

/** `241.9 ms`, `2.5%`, `18/s`, `12`: of a metric's value as a threshold measured it. */
export function measuredWords(metric: string, threshold: string, value: number): string {
  const name = metric.replace(/\s*\{.*$/, '');
  const isOneOf = (names: readonly string[]): boolean => names.includes(name);
  if (isOneOf(RATES)) return `${round(value * 100)}%`;
  if (/^\s*rate/.test(threshold)) return `${round(value)}/s`;
  if (isOneOf(TRENDS)) return /^\s*count/.test(threshold) ? round(value) : `${round(value)} ms`;
  if (name.endsWith('_loop_delay')) return `${round(value)} ms`;
  if (/_bytes(_per_connection)?$/.test(name)) return formatBytes(value);
  if (name.endsWith('_microseconds_per_message')) return `${round(value)} µs`;
  if (name.endsWith('_cpu')) return `${round(value)} cores`;
  return round(value);
}
