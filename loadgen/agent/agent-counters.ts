/** Counters of an agent: totals, and increases per second and phase. */
import type { CounterName } from '../recorder/metrics.ts';
import { COUNTERS } from '../recorder/metrics.ts';
import type { CounterRow, Phase } from '../recorder/samples.ts';

const PHASES: readonly Phase[] = ['connect', 'warm-up', 'steady', 'drain'];

export class AgentCounters {
  readonly totals = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
  #source: string;
  #interval = new Map(
    PHASES.map((phase) => [
      phase,
      Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>,
    ]),
  );

  constructor(source: string) {
    this.#source = source;
  }

  add(metric: CounterName, phase: Phase): void {
    this.totals[metric]++;
    this.#interval.get(phase)![metric]++;
  }

  /** Rows of what came in since the last swap. */
  swap(atMs: number): CounterRow[] {
    const rows: CounterRow[] = [];
    for (const [phase, counts] of this.#interval) {
      for (const metric of COUNTERS) {
        if (counts[metric] === 0) continue;
        rows.push({ atMs, source: this.#source, metric, phase, value: counts[metric] });
        counts[metric] = 0;
      }
    }
    return rows;
  }
}
