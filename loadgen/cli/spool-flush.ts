/** `plimsoll report --flush`: what waits on disk goes to the results store. */
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { findSpools, placeOf, type Spool } from '../../reports/results/spool-directory.ts';
import { formatBytes } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { deliverSpool, isWaitingFor, SPOOL_ROOT, sentenceOf } from './spool-delivery.ts';

/** The exit code; one sentence a run. Throws Error when the store is still away: everything is kept then. */
export async function flushSpools(results: string, say: (text: string) => void): Promise<number> {
  const place = placeOf(results);
  const found = findSpools(SPOOL_ROOT);
  const waiting = found.filter((spool) => isWaitingFor(spool, place));
  const others = found.filter((spool) => !waiting.includes(spool));
  for (const spool of others) say(whyNot(spool, place));
  if (waiting.length === 0) {
    say(`no rows wait for ${place}`);
    return EXIT.pass;
  }
  const store = await openResultsStore(results).catch((error: Error) => {
    const bytes = formatBytes(waiting.reduce((sum, spool) => sum + spool.bytes, 0));
    throw new Error(`${error.message} ${bytes} of rows keep waiting in ${SPOOL_ROOT}.`, { cause: error });
  });
  try {
    let failed = false;
    for (const spool of waiting) {
      const delivery = await deliverSpool(store, spool);
      if (delivery === null) say(`run ${spool.runId}: another process delivers its rows`);
      else if (delivery.problem === null) say(sentenceOf(delivery));
      else {
        failed = true;
        say(`run ${spool.runId}: the rest of its rows keep waiting. ${delivery.problem.message}`);
      }
    }
    return failed ? EXIT.other : EXIT.pass;
  } finally {
    await store.close();
  }
}

function whyNot({ runId, place, path, inUse }: Spool, wanted: string): string {
  if (place === null) return `${path} has no readable mark: it stays as it is`;
  if (place !== wanted) return `run ${runId}: its rows wait for ${place}; name that with --results`;
  return `run ${runId}: ${inUse ? 'still under way, and delivers its rows by itself' : 'stays as it is'}`;
}
