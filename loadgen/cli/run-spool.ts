/** The spool of one run, made where runs keep theirs. */
import { DEFAULT_RESULTS_URL } from '../../reports/results/results-store-open.ts';
import { createSpool, placeOf } from '../../reports/results/spool-directory.ts';
import { SpoolWriter } from '../../reports/results/spool-writer.ts';
import { formatCount } from '../units.ts';
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
  const flag = results === DEFAULT_RESULTS_URL ? '' : ` --results ${shownPlace(results)}`;
  return `${formatCount(rows)} rows wait in ${where}; "plimsoll report --flush${flag}" delivers them when ${shownPlace(results)} is back`;
}

export function lostSentence(rows: number): string {
  return `${formatCount(rows)} rows could be kept nowhere, the end of the run among them; what is printed below is all that is left of it`;
}
