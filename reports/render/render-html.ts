/** A run as one self-contained page: opens from disk, asks the network for nothing, works in light, in dark and on paper. */
import type { ReportModel } from '../report-model.ts';
import { chartData } from './chart-data.ts';
import { formatDate } from './format.ts';
import { backgroundSections } from './html-background.ts';
import { chartSections } from './html-figures.ts';
import { metricSection } from './html-metrics.ts';
import { overviewSections, runLine, runName } from './html-overview.ts';
import { type PageParts, renderPage } from './html-page.ts';
import { shardSection } from './html-shards.ts';
import { VERDICT_LABELS } from './summary-view.ts';

const LINKS = [
  ['verdict', 'Verdict'],
  ['thresholds', 'Thresholds'],
  ['ledger', 'Ledger'],
  ['faults', 'Faults'],
  ['charts', 'Over time'],
  ['distribution', 'Distribution'],
  ['shards', 'Shards'],
  ['metrics', 'Metrics'],
  ['environment', 'Environment'],
  ['scenario', 'Scenario'],
  ['repeat', 'Run again'],
  ['notes', 'Notes'],
] as const;

/** The whole document. Also for runs without an end (`summary` null), and without a single sample. */
export function renderHtml(model: ReportModel): string {
  return renderPage(reportParts(model));
}

/** What the document consists of. */
export function reportParts(model: ReportModel): PageParts {
  const data = chartData(model);
  return {
    title: `${pageVerdict(model)}: ${runName(model)} – Plimsoll`,
    brandName: runName(model),
    runLine: runLine(model),
    nav: LINKS,
    main: [
      overviewSections(model),
      chartSections(data),
      shardSection(model),
      metricSection(model),
      backgroundSections(model),
    ].join('\n'),
    data,
    footer: footerText(model),
  };
}

function pageVerdict({ summary, status }: ReportModel): string {
  if (summary !== null) return VERDICT_LABELS[summary.verdict];
  return status === 'running' ? 'RUNNING' : 'INTERRUPTED';
}

function footerText({ summary, runId }: ReportModel): string {
  if (summary === null) return `Run ${runId}`;
  const { plimsollVersion, generatedAt } = summary.metadata;
  return `Run ${runId} · summary made ${formatDate(generatedAt)} by Plimsoll ${plimsollVersion}`;
}
