/** Runs that outlived their samples: a store's retention drops those, and keeps what was judged. */
import type { ReportModel } from './report-model.ts';

/** For whoever looks at such a run. */
export const SAMPLES_GONE =
  'The samples of this run are not in the results store any more (PLIMSOLL_RESULTS_RETENTION drops old ones), so there is nothing to draw second by second. Its figures are those that were kept when it ended.';

/** True of a run that was judged by samples of which none is left. */
export function samplesGone({ summary, percentiles, counters, gauges }: ReportModel): boolean {
  if (summary === null) return false;
  const left = [percentiles, counters, gauges].some((series) => Object.keys(series).length > 0);
  return !left && summary.results.metrics.length > 0;
}
