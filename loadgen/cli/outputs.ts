/** Writes a run's results where they were asked for. */
import type { SecondLoader } from '../../reports/interval-histogram.ts';
import { renderCsv } from '../../reports/render/render-csv.ts';
import { renderHlog } from '../../reports/render/render-hlog.ts';
import { renderHtml } from '../../reports/render/render-html.ts';
import { renderJson } from '../../reports/render/render-json.ts';
import { renderJUnit } from '../../reports/render/render-junit.ts';
import { renderMarkdown, renderMarkdownUnfinished } from '../../reports/render/render-markdown.ts';
import { renderText, renderTextUnfinished } from '../../reports/render/render-text.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import { resultsFlag } from '../../reports/results/results-flag.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import { DEFAULT_RESULTS_URL } from '../../reports/results/results-store-open.ts';
import { UsageError } from './exit-codes.ts';
import { type OutputForm, writeOutput } from './output-places.ts';

export type OutputOptions = Record<OutputForm, string | undefined> & {
  /** Print the summary JSON instead of the text. */
  json: boolean;
  /** Print nothing but what was asked for. */
  quiet: boolean;
  /** Say on standard error which files were written, where the text that names them is not printed. Default false. */
  nameFiles?: boolean;
  /** The results URL, for commands that sentences name. Default: the default store's. */
  results?: string;
  colour: boolean;
};

/** The flags of a command, as these options. */
export function outputsOf(
  argv: Partial<Record<OutputForm, string | undefined>>,
): Record<OutputForm, string | undefined> {
  const { html, summaryJson, markdown, junit, hlog, csv } = argv;
  return { html, summaryJson, markdown, junit, hlog, csv };
}

/**
 * After all that is possible was written and printed, rejects with a UsageError when the summary was asked for of a run that
 * has none; with an Error when something could not be written.
 *
 * @param load the run's single seconds; null: they were not stored.
 */
export async function writeOutputs(
  model: ReportModel,
  options: OutputOptions,
  load: SecondLoader | null,
): Promise<void> {
  const { summary } = model;
  const written: Array<{ label: string; value: string }> = [];
  const problems: string[] = [];
  const write = async (
    form: OutputForm,
    label: string,
    render: () => string | AsyncIterable<string>,
  ): Promise<void> => {
    const value = options[form];
    if (value === undefined) return;
    try {
      await writeOutput(form, value, render());
      if (value !== '-') written.push({ label, value });
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  const unjudged = options.json || options.summaryJson !== undefined ? noSummary(model, options.results) : null;
  await write('html', 'HTML report', () => renderHtml(model));
  if (summary) await write('summaryJson', 'Summary JSON', () => renderJson(summary));
  await write('markdown', 'Markdown', () => (summary ? renderMarkdown(summary) : renderMarkdownUnfinished(model)));
  await write('junit', 'JUnit XML', () => renderJUnit(model));
  await write('hlog', 'HdrHistogram log', () => renderHlog(model, stored(load, '--hlog')));
  await write('csv', 'CSV', () => renderCsv(model, stored(load, '--csv')));
  if (options.json && summary) process.stdout.write(renderJson(summary));
  else if (!options.quiet && !options.json) {
    const text = {
      colour: options.colour,
      outputs: written,
      ...(process.stdout.columns > 0 && { columns: process.stdout.columns }),
    };
    process.stdout.write(summary ? renderText(summary, text) : renderTextUnfinished(model, text));
  }
  if (options.nameFiles && (options.quiet || options.json))
    for (const { label, value } of written) process.stderr.write(`${label}: ${value}\n`);
  if (problems.length > 0) throw new Error([...problems, ...(unjudged === null ? [] : [unjudged])].join('\n'));
  if (unjudged !== null) throw new UsageError(unjudged);
}

/** Single seconds of a run, out of the store. */
export function secondsOf(store: ResultsStore, runId: string): SecondLoader {
  return {
    histograms: (metric, window) => store.loadIntervals(runId, metric, window),
    sources: (metric, window) => store.loadSources(runId, metric, window),
  };
}

function noSummary({ summary, status, runId }: ReportModel, results = DEFAULT_RESULTS_URL): string | null {
  if (summary !== null) return null;
  const why = status === 'running' ? 'has not ended yet, and has no summary' : 'was cut short before it had a summary';
  return `run ${runId} ${why}; plimsoll report ${runId} --html report.html${resultsFlag(results)} shows what there is`;
}

function stored(load: SecondLoader | null, flag: string): SecondLoader {
  if (load === null) throw new Error(`${flag} can't be written: the results of this run could not be stored`);
  return load;
}
