/** The end of a run: its last rows are stored, its report is written, and the live page says so. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LiveModel } from '../../reports/live/live-model.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import type { RunSummary } from '../recorder/summary.ts';
import { ceilingRemark, readCeiling } from './ceiling-file.ts';
import { wantsColour } from './flags.ts';
import type { RunPage } from './live-run.ts';
import { takesStandardOutput } from './output-places.ts';
import { outputsOf, secondsOf, writeOutputs } from './outputs.ts';
import type { ResultsSink } from './results-sink.ts';
import type { RunArguments } from './run-flags.ts';
import { lostSentence, waitingSentence } from './run-spool.ts';

export interface ResultPlaces {
  results: ResultsStore;
  sink: ResultsSink;
  /** Has what the report shows where the store can't be asked. */
  live: LiveModel;
  page: RunPage | null;
  /** Of the run. */
  notice: (text: string) => void;
  /** Of the results store: something is wrong with it. */
  trouble: (text: string) => void;
}

/** True when every row of the run is stored or waits on disk. Rejects as `writeOutputs` does. */
export async function keepResult(argv: RunArguments, summary: RunSummary, places: ResultPlaces): Promise<boolean> {
  const { results, sink, live, page, notice, trouble } = places;
  const { runId } = summary.metadata;
  noteCeiling(summary);
  const left = await sink.finish(summary);
  const { waiting, lost, endLost } = left;
  // Not a note of the summary, which keeps it when the rows are delivered long since.
  if (waiting > 0) trouble(waitingSentence(waiting, sink.spooledIn, argv.results));
  if (lost > 0 || endLost) trouble(lostSentence(left, sink.lostBecause));
  const stored = waiting > 0 || endLost ? null : await readBack(results, runId, trouble);
  const html = argv.html ?? defaultReport(runId, notice);
  const model = stored ?? live.model(summary);
  await writeOutputs(
    model,
    {
      ...outputsOf(argv),
      html,
      json: argv.json,
      results: argv.results,
      quiet: takesStandardOutput(argv),
      colour: wantsColour(argv.color, process.stdout),
    },
    stored ? secondsOf(results, runId) : null,
  );
  await page?.end(model, endSentence(html));
  return !endLost;
}

/** For who looks at the live page. `report`: where the HTML went. */
function endSentence(report: string | undefined): string {
  const where = report === undefined || report === '-' ? '' : ` Its report is in ${resolve(report)}.`;
  return `The run has ended; this page shows its result, and stays as it is.${where}`;
}

/** What the generator could do here at most stands beside what was measured, where that is known. */
function noteCeiling({ notes, metadata, config }: RunSummary): void {
  const ceiling = readCeiling();
  if (ceiling === null) return;
  const { cpu, cores } = metadata.machine;
  const remark = ceilingRemark(ceiling, { cpu, cores, plimsollVersion: metadata.plimsollVersion }, config.rateOffered);
  if (remark !== null) notes.push(remark);
}

/** What the report shows; null when the store can't be read, for the summary is not to be lost. */
async function readBack(
  results: ResultsStore,
  runId: string,
  notice: (text: string) => void,
): Promise<ReportModel | null> {
  try {
    return await results.loadRun(runId);
  } catch (error) {
    notice((error as Error).message);
    return null;
  }
}

/** Where the report goes when nobody said where; nowhere if that can't be written. */
function defaultReport(runId: string, notice: (text: string) => void): string | undefined {
  const folder = join('.plimsoll', 'reports');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return join(folder, `${runId}.html`);
  } catch (error) {
    notice(`no HTML report: ${folder} can't be written (${(error as Error).message}); name a place with --html`);
    return undefined;
  }
}
