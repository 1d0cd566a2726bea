/** The spool of one run, made where runs keep theirs. */
import { resultsFlag } from '../../reports/results/results-flag.ts';
import { createSpool, placeOf } from '../../reports/results/spool-directory.ts';
import { SpoolWriter } from '../../reports/results/spool-writer.ts';
import { formatCount } from '../units.ts';
import type { RowsLeft } from './results-sink.ts';
import { SPOOL_ROOT } from './spool-delivery.ts';

/** A folder that can't be made is said; the run goes on, and rows wait in memory, as far as they fit. */
export function openSpool(options: {
  runId: string;
  results: string;
  limitBytes: number;
  onNotice: (text: string) => void;
}): SpoolWriter {
  const { runId, results, limitBytes, onNotice } = options;
  let directory: string | null = null;
  try {
    directory = createSpool(SPOOL_ROOT, runId, placeOf(results));
  } catch (error) {
    onNotice(`${SPOOL_ROOT} can't be written (${(error as Error).message}); rows wait in memory for the results store`);
  }
  return new SpoolWriter({ runId, directory, limitBytes, onTrouble: onNotice });
}

/** The results store as messages name it. */
export function shownPlace(results: string): string {
  return results.startsWith('chdb:') ? results : placeOf(results);
}

export function waitingSentence(rows: number, where: string, results: string): string {
  const [are, them] = rows === 1 ? ['row of this run waits', 'it'] : ['rows of this run wait', 'them'];
  return `${formatCount(rows)} ${are} on disk in ${where}; "plimsoll report --flush${resultsFlag(results)}" delivers ${them} when ${shownPlace(results)} takes rows again`;
}

export function lostSentence({ lost, endLost }: RowsLeft, because: string | null): string {
  const what = [
    ...(lost > 0 ? [`${formatCount(lost)} ${lost === 1 ? 'row' : 'rows'} of this run`] : []),
    ...(endLost ? [lost > 0 ? 'its end' : 'the end of this run'] : []),
  ].join(' and ');
  const are = lost > 1 || (lost > 0 && endLost) ? 'are' : 'is';
  const why = because === null ? '' : `, because ${because}`;
  return `${what} ${are} lost${why}${endLost ? '; what is printed below is all that is left of it' : ''}`;
}
