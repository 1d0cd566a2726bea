/** The thresholds of one run: looked at while it goes on, and judged at its end. */
import type { ViewOptions } from './metric-view.ts';
import type { RunMetrics } from './run-metrics.ts';
import type { ThresholdResult } from './summary.ts';
import type { Threshold } from './thresholds.ts';
import { evaluateThresholds, thresholdsToAbort } from './thresholds-evaluation.ts';

/** A threshold that ended the run. */
export interface Breach {
  threshold: Threshold;
  /** What failed, as of then. */
  value: number;
  /** Seconds since the load began. */
  atSeconds: number;
}

/** Rows come in once a second. */
const INTERVAL_MS = 1_000;

export class ThresholdWatch {
  readonly #thresholds: readonly Threshold[];
  readonly #breaches: Breach[] = [];
  #nextMs = 0;

  constructor(thresholds: readonly Threshold[]) {
    this.#thresholds = thresholds;
  }

  get breaches(): readonly Breach[] {
    return this.#breaches;
  }

  /**
   * What ends the run now; nothing once something did. Cheap to call with every batch of rows: it looks once a second.
   *
   * @param elapsedMs since the load began, above 0.
   */
  look(metrics: RunMetrics, windowOf: ViewOptions['windowOf'], elapsedMs: number): readonly Breach[] {
    if (elapsedMs < this.#nextMs || this.#breaches.length > 0) return [];
    this.#nextMs = elapsedMs + INTERVAL_MS;
    for (const failed of thresholdsToAbort(this.#thresholds, metrics.view({ windowOf, live: true }), elapsedMs))
      this.#breaches.push({ ...failed, atSeconds: elapsedMs / 1_000 });
    return this.#breaches;
  }

  /** Upper limits of trends, of the phase as a whole, that what was measured so far does not keep. */
  exceeded(metrics: RunMetrics, windowOf: ViewOptions['windowOf']): ThresholdResult[] {
    const limits = this.#thresholds.filter(
      ({ aggregation, operator, windowMs }) =>
        aggregation.type === 'trend' && operator.startsWith('<') && windowMs === null,
    );
    return evaluateThresholds(limits, metrics.view({ windowOf, live: true })).filter(
      ({ ok, value }) => !ok && value !== null,
    );
  }

  /** One result per threshold, in order. What ended the run has failed, even if later samples put it right. */
  judge(metrics: RunMetrics, windowOf: ViewOptions['windowOf']): ThresholdResult[] {
    return evaluateThresholds(this.#thresholds, metrics.view({ windowOf })).map((result, index) => {
      const breach = this.#breaches.find(({ threshold }) => threshold === this.#thresholds[index]);
      if (breach === undefined) return result;
      const value = result.ok ? breach.value : result.value;
      return { ...result, value, ok: false, endedRunAtSeconds: breach.atSeconds };
    });
  }
}

/** `the threshold sent_latency p(99)<5 failed with 8.2, 12.1 s into the load, which ends the run` */
export function breachSentence({ threshold, value, atSeconds }: Breach): string {
  const rounded = value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
  return `the threshold ${threshold.metric} ${threshold.source} failed with ${rounded}, ${atSeconds.toFixed(1)} s into the load, which ends the run`;
}
