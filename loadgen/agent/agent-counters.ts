/** Counters of an agent: totals, and increases per second, phase and stream. */
import type { CounterName } from '../recorder/metrics.ts';
import { COUNTERS } from '../recorder/metrics.ts';
import type { CounterRow, Phase } from '../recorder/samples.ts';

const PHASES: readonly Phase[] = ['connect', 'warm-up', 'steady', 'drain'];

type Counts = Record<CounterName, number>;

export class AgentCounters {
  readonly totals = noCounts();
  readonly #source: string;
  readonly #scenarios: readonly string[];
  /** By stream + 1; the first is of what belongs to none. */
  readonly #streams: Array<Record<Phase, Counts>>;

  /** @param scenarios names of the streams; none where there is only one. */
  constructor(source: string, scenarios: readonly string[] = []) {
    this.#source = source;
    this.#scenarios = scenarios;
    this.#streams = Array.from({ length: scenarios.length + 1 }, () => ({
      connect: noCounts(),
      'warm-up': noCounts(),
      steady: noCounts(),
      drain: noCounts(),
    }));
  }

  /** @param stream index of its name in `scenarios`; −1: of none. */
  add(metric: CounterName, phase: Phase, stream = -1, count = 1): void {
    this.totals[metric] += count;
    this.#streams[stream + 1]![phase][metric] += count;
  }

  /** Rows of what came in since the last swap. */
  swap(atMs: number): CounterRow[] {
    const rows: CounterRow[] = [];
    this.#streams.forEach((stream, index) => {
      const scenario = this.#scenarios[index - 1];
      for (const phase of PHASES) {
        for (const metric of COUNTERS) {
          const value = stream[phase][metric];
          if (value === 0) continue;
          const row = { atMs, source: this.#source, metric, phase, value };
          rows.push(scenario === undefined ? row : { ...row, scenario });
          stream[phase][metric] = 0;
        }
      }
    });
    return rows;
  }
}

function noCounts(): Counts {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Counts;
}
