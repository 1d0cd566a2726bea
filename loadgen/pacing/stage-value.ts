/** A quantity that goes linearly through stages, such as the users online: its value at a time. Pure. */
import type { RateStage } from './rate-curve.ts';

/** The value `ms` after the start; before it the first, after the end the last. 0 without stages. A stage of 0 ms is a jump. */
export function stageValueAt(stages: readonly RateStage[], ms: number): number {
  let startMs = 0;
  let value = stages[0]?.fromRate ?? 0;
  for (const { fromRate, toRate, durationMs } of stages) {
    if (ms < startMs) break;
    const share = durationMs === 0 ? 1 : Math.min((ms - startMs) / durationMs, 1);
    value = fromRate + (toRate - fromRate) * share;
    startMs += durationMs;
  }
  return value;
}
