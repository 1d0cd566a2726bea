/** Writes a run's results where they were asked for. */
import { renderHtml } from '../../reports/render/render-html.ts';
import { renderJson } from '../../reports/render/render-json.ts';
import { renderMarkdown, renderMarkdownUnfinished } from '../../reports/render/render-markdown.ts';
import { renderText, renderTextUnfinished } from '../../reports/render/render-text.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import { UsageError } from './exit-codes.ts';
import { writeOutput } from './output-places.ts';

export interface OutputOptions {
  html: string | undefined;
  summaryJson: string | undefined;
  markdown: string | undefined;
  /** Print the summary JSON instead of the text. */
  json: boolean;
  /** Print nothing but what was asked for. */
  quiet: boolean;
  colour: boolean;
}

/**
 * Throws UsageError when the summary is asked for of a run that has none; an Error, after all else is written and printed,
 * when a file can't be written.
 */
export function writeOutputs(model: ReportModel, options: OutputOptions): void {
  const { summary } = model;
  const { summaryJson, json } = options;
  if ((summaryJson !== undefined || json) && !summary)
    throw new UsageError(
      `run ${model.runId} was cut short before it had a summary; plimsoll report ${model.runId} --html shows what there is`,
    );
  const written: Array<{ label: string; value: string }> = [];
  const problems: string[] = [];
  const write = (form: 'html' | 'markdown' | 'summaryJson', label: string, render: () => string): void => {
    const value = options[form];
    if (value === undefined) return;
    try {
      writeOutput(form, value, render());
      if (value !== '-') written.push({ label, value });
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  write('html', 'HTML report', () => renderHtml(model));
  write('summaryJson', 'Summary JSON', () => renderJson(summary!));
  write('markdown', 'Markdown', () => (summary ? renderMarkdown(summary) : renderMarkdownUnfinished(model)));
  if (json) process.stdout.write(renderJson(summary!));
  else if (!options.quiet) {
    const text = { colour: options.colour, outputs: written };
    process.stdout.write(summary ? renderText(summary, text) : renderTextUnfinished(model, text));
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
}
