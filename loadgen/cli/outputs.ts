/** Writes a run's results where they were asked for. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { renderHtml } from '../../reports/render/render-html.ts';
import { renderJson } from '../../reports/render/render-json.ts';
import { renderMarkdown, renderMarkdownUnfinished } from '../../reports/render/render-markdown.ts';
import { renderText, renderTextUnfinished } from '../../reports/render/render-text.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import { UsageError } from './exit-codes.ts';

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

export function writeOutputs(model: ReportModel, options: OutputOptions): void {
  const { summary } = model;
  if (options.html !== undefined) write('html', options.html, renderHtml(model));
  if (options.markdown !== undefined)
    write('markdown', options.markdown, summary ? renderMarkdown(summary) : renderMarkdownUnfinished(model));
  if (options.summaryJson !== undefined || options.json) {
    if (!summary)
      throw new UsageError(
        `run ${model.runId} was cut short before it had a summary; plimsoll report ${model.runId} --html shows what there is`,
      );
    if (options.summaryJson !== undefined) write('summary-json', options.summaryJson, renderJson(summary));
    if (options.json) process.stdout.write(renderJson(summary));
  }
  if (options.quiet || options.json) return;
  const files = [
    { label: 'HTML report', value: options.html },
    { label: 'Summary JSON', value: options.summaryJson },
    { label: 'Markdown', value: options.markdown },
  ];
  const text = {
    colour: options.colour,
    outputs: files.flatMap(({ label, value }) => (value === undefined || value === '-' ? [] : [{ label, value }])),
  };
  process.stdout.write(summary ? renderText(summary, text) : renderTextUnfinished(model, text));
}

/** `-` is standard output. A place that can't be written is an error that names the flag. */
function write(flag: string, path: string, content: string): void {
  if (path === '-') {
    process.stdout.write(content);
    return;
  }
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true });
    writeFileSync(path, content);
  } catch (error) {
    throw new Error(`--${flag}: ${path} can't be written: ${(error as Error).message}`, { cause: error });
  }
}
