/** Runs that outlived their samples: a store's retention drops those, and keeps what was judged and what was rolled up. */
import type { ReportModel } from './report-model.ts';

/** For whoever looks at such a run. */
export const SAMPLES_GONE =
  'The samples of this run are not in the results store any more (PLIMSOLL_RESULTS_RETENTION drops old ones): all that there is to draw second by second are latencies, if they were rolled up. Its figures are those that were kept when it ended.';

/** True of a run that was judged by samples of which none is left; its latencies may be. */
export function samplesGone({ summary, counters, gauges }: ReportModel): boolean {
  if (summary === null) return false;
  const left = [counters, gauges].some((series) => Object.keys(series).length > 0);
  return !left && summary.results.metrics.length > 0;
}
