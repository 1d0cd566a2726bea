/** Marks of the faults for the time charts: when each began, and how long its effects lasted. */
import type { ReportModel } from '../report-model.ts';
import type { FaultMark } from './chart-model.ts';
import type { TimeAxis } from './chart-series.ts';

/**
 * In the order of time. A mark stands at the start of the point in which its fault began, for there its effect is drawn too. One that had not recovered reaches to the end of the last phase; one that was not carried out has no mark.
 */
export function faultMarks({ summary }: ReportModel, axis: TimeAxis): FaultMark[] {
  if (summary === null) return [];
  const { phases } = summary;
  const steadyMs = phases.find(({ phase }) => phase === 'steady')?.startMs ?? axis.startMs;
  const end = ((phases.at(-1)?.endMs ?? axis.startMs) - axis.startMs) / 1_000;
  return summary.faults
    .filter(({ problem }) => problem === undefined)
    .map(({ kind, atSeconds, startMs, recoverySeconds, forSeconds = 0 }) => {
      const began = ((startMs ?? steadyMs + atSeconds * 1_000) - axis.startMs) / 1_000;
      const from = Math.floor(began / axis.stepSeconds) * axis.stepSeconds;
      const to = recoverySeconds === null ? Math.max(end, began) : began + Math.max(recoverySeconds, forSeconds);
      return { name: kind, from, to };
    })
    .sort((a, b) => a.from - b.from);
}
