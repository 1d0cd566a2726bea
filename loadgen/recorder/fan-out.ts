/**
 * When the last receiver of a group message has it: each agent says how many of its users have, and how late the last of them
 * was; the coordinator puts them together. A message counts once all its receivers have it.
 */
import type { Phase } from './samples.ts';

/** What one agent saw of one group message in one interval. */
export interface FanOutRow {
  group: number;
  sender: number;
  /** Number of the message in the (sender, group) stream. */
  number: number;
  phase: Phase;
  /** Arrivals in this interval, and the latest of them after the intended send time, ms. */
  arrivals: number;
  lastMs: number;
}
