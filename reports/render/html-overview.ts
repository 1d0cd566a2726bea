/** The top of the page, all that most readers need: verdict, claim, key figures, thresholds, ledger, faults. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { chooseDistribution, percentileOf } from './chart-distribution.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import {
  formatBytes,
  formatCount,
  formatDate,
  formatDuration,
  formatMs,
  formatNumber,
  formatPercent,
} from './format.ts';
import { escapeHtml, htmlList, htmlSection, htmlTable } from './html-text.ts';
import {
  connectionFigures,
  fansOut,
  furtherReasons,
  latencyLimit,
  ledgerGap,
  lossRateBound,
  lossSentence,
  notMeasured,
  offeredLoad,
  serverHeldNote,
  thresholdRows,
  trendValues,
  VERDICT_LABELS,
  verdictMeaning,
} from './summary-view.ts';

interface KeyFigure {
  label: string;
  value: string;
  note: string;
  bad?: boolean;
}

export function overviewSections(model: ReportModel): string {
  const { summary } = model;
  if (summary === null) return unfinishedHero(model);
  return [hero(summary), thresholdSection(summary), ledgerSection(summary), faultSection(summary)].join('\n');
}

export function runName(model: ReportModel): string {
  const { summary, runId, name } = model;
  return summary === null ? name || runId : summary.metadata.name || summary.config.scenario;
}

function hero(summary: RunSummary): string {
  const { verdict, config, metadata } = summary;
  const early = metadata.complete ? '' : '<span class="early">stopped early</span>';
  const reasons = furtherReasons(summary);
  return `<section id="verdict" class="hero ${verdict}" aria-labelledby="verdict-title">
<p class="eyebrow">${escapeHtml(config.description || config.scenario)}</p>
<h1 id="verdict-title"><span class="verdict">${VERDICT_LABELS[verdict]}</span>${early}</h1>
<p class="claim">${escapeHtml(summary.claim)}</p>
<p class="meaning">${escapeHtml(verdictMeaning(summary))}</p>
${reasons.length === 0 ? '' : `<div class="reasons">${htmlList(reasons)}</div>`}
${keyFigureList(keyFigures(summary))}
</section>`;
}

function keyFigures(summary: RunSummary): KeyFigure[] {
  const { server, generator, kernel, connecting, config, ledger } = summary;
  const delivery = trendValues(summary, 'delivery_latency');
  const limit = latencyLimit(summary, 'delivery_latency', 'p(99)');
  const memory = server.memoryBytesPerConnection;
  const others = [
    generator.memoryBytesPerConnection === null ? '' : `generator ${formatBytes(generator.memoryBytesPerConnection)}`,
    kernel.memoryBytesPerConnection === null
      ? ''
      : `kernel, both ends, ${formatBytes(kernel.memoryBytesPerConnection)}`,
  ].filter(Boolean);
  const limitText = limit === null ? 'no limit set' : `limit ${formatMs(limit)}`;
  return [
    {
      label: 'Connections',
      value: formatCount(connectionFigures(summary).held),
      note: `${formatCount(config.connectionsRequested)} asked for, ${formatCount(connecting.failed)} failed${serverHeldNote(summary)}`,
      bad: server.connectionsPeak < config.connectionsRequested,
    },
    {
      label: 'Delivery, p99',
      value: delivery === null ? '–' : formatMs(delivery['p(99)']),
      note: delivery === null ? 'no message was delivered' : `${limitText}, median ${formatMs(delivery.med)}`,
      bad: delivery !== null && limit !== null && delivery['p(99)'] >= limit,
    },
    {
      label: 'Messages lost',
      value: formatCount(ledger.lost),
      note: ledger.acknowledged === 0 ? 'none acknowledged' : lossNote(summary),
      bad: ledger.lost > 0,
    },
    {
      label: 'Server memory per connection',
      value: memory === null ? '–' : formatBytes(memory),
      note: [memory === null ? notMeasured(summary) : '', ...others].filter(Boolean).join('; '),
    },
  ];
}

function lossNote({ ledger }: RunSummary): string {
  const of = `of ${formatCount(ledger.acknowledged)} acknowledged`;
  return ledger.lost > 0 ? of : `${of}: rate below ${formatPercent(lossRateBound(ledger.acknowledged))} at 95%`;
}

function keyFigureList(figures: KeyFigure[]): string {
  const items = figures.map(
    ({ label, value, note, bad }) =>
      `<div${bad ? ' class="bad"' : ''}><dt>${label}</dt><dd class="value">${unitSpan(value)}</dd><dd class="note">${escapeHtml(note)}</dd></div>`,
  );
  return `<dl class="figures">${items.join('\n')}</dl>`;
}

/** `18.4 ms` with the unit in smaller type. */
function unitSpan(value: string): string {
  const match = /^([\d.,]+) ([^\d\s]+)$/.exec(value);
  return match ? `${match[1]} <span class="unit">${escapeHtml(match[2]!)}</span>` : escapeHtml(value);
}

function unfinishedHero(model: ReportModel): string {
  const running = model.status === 'running';
  const sum = (name: string) => (model.counters[name] ?? []).reduce((total, { value }) => total + value, 0);
  const delivery = chooseDistribution(model.distributions, 'delivery_latency');
  const figures: KeyFigure[] = [
    {
      label: 'Messages sent',
      value: formatCount(sum('messages_sent')),
      note: 'until the last second that was recorded',
    },
    { label: 'Acknowledged', value: formatCount(sum('messages_acknowledged')), note: 'stored by the server' },
    {
      label: 'Delivered',
      value: formatCount(sum('messages_delivered')),
      note: 'losses are known only when a run ends in order',
    },
    {
      label: 'Delivery, p99',
      value: delivery ? formatMs(percentileOf(delivery, 0.99)) : '–',
      note: delivery ? `of ${formatCount(delivery.count)} samples` : 'no message was delivered',
    },
  ];
  const claim = running
    ? 'The run has not ended yet, so there is no verdict.'
    : 'The run was cut short before it could be judged. What was recorded until then is shown here.';
  return `<section id="verdict" class="hero unfinished" aria-labelledby="verdict-title">
<p class="eyebrow">Run ${escapeHtml(model.runId)}</p>
<h1 id="verdict-title"><span class="verdict">${running ? 'RUNNING' : 'INTERRUPTED'}</span></h1>
<p class="claim">${claim}</p>
<p class="meaning">Without an end there are no thresholds, no closed ledger and no phases to show.</p>
${keyFigureList(figures)}
</section>`;
}

function thresholdSection(summary: RunSummary): string {
  const rows = thresholdRows(summary);
  if (rows.length === 0) return htmlSection('thresholds', 'Thresholds', '<p>This scenario sets no threshold.</p>');
  const withBars = rows.some(({ loadRatio }) => loadRatio !== null);
  const body = rows.map(({ outcome, metric, expression, measured, loadRatio }) => [
    `<span class="mark ${outcome}">${outcome === 'unjudged' ? 'not judged' : outcome}</span>`,
    `<code class="of">${escapeHtml(metric)}</code> <code>${escapeHtml(expression)}</code>`,
    `<span class="${outcome === 'failed' ? 'measured failed' : 'measured'}">${escapeHtml(measured)}</span>`,
    ...(withBars ? [loadRatio === null ? '' : loadBar(loadRatio, outcome !== 'failed')] : []),
  ]);
  const header = ['Result', 'Threshold', 'Measured', ...(withBars ? ['Load against the limit'] : [])];
  return htmlSection(
    'thresholds',
    'Thresholds',
    `<div class="thresholds">${htmlTable('Thresholds', header, body, Number.POSITIVE_INFINITY)}</div>`,
  );
}

/** A ship's side: the line is the limit, the fill how deep she lies. The line stands at four fifths of the width. */
function loadBar(ratio: number, ok: boolean): string {
  const width = Math.min(ratio * 80, 100);
  const words = `${formatPercent(ratio)} of the limit`;
  return `<span class="load ${ok ? 'ok' : 'failed'}"><span class="track">${width > 0 ? `<span class="fill" style="width:${width.toFixed(2)}%"></span>` : ''}</span><span class="share">${words}</span></span>`;
}

function ledgerSection({ ledger, config }: RunSummary): string {
  const cell = (label: string, value: number, what: string, bad = false) =>
    `<div${bad && value > 0 ? ' class="bad"' : ''}><dt>${label}</dt><dd class="value">${formatCount(value)}</dd><dd class="note">${what}</dd></div>`;
  const gap = ledgerGap(ledger);
  const closing = gap ?? 'The ledger closes: delivered, lost and pending add up to what was sent.';
  return htmlSection(
    'ledger',
    'Every message accounted for',
    `<dl class="ledger">
${cell('Sent', ledger.sent, fansOut(config) ? `handed to the socket, once for each of ${formatNumber(config.fanOut!)} receiving devices` : 'handed to the socket')}
${cell('Acknowledged', ledger.acknowledged, 'stored, says the server')}
${cell('Delivered', ledger.delivered, 'reached the other user')}
${cell('Lost', ledger.lost, 'acknowledged, never arrived', true)}
${cell('Duplicated', ledger.duplicated, 'arrived again', true)}
${cell('Reordered', ledger.reordered, 'arrived after a later one', true)}
${cell('Pending', ledger.pending, 'outcome unknown at the end')}
</dl>
<p class="aside">Losses: ${lossSentence(ledger)}. <span${gap === null ? '' : ' class="failed"'}>${escapeHtml(closing)}</span></p>`,
  );
}

function faultSection(summary: RunSummary): string {
  if (summary.faults.length === 0) return '';
  const rows = faultRows(summary).map(({ kind, at, recovered, bad, lost, detail, impact }) => [
    `<code>${escapeHtml(kind)}</code>${[detail, impact].map((text) => `<span class="what">${escapeHtml(text)}</span>`).join('')}`,
    at,
    `<span class="mark ${bad ? 'failed' : 'held'}">${recovered}</span>`,
    lost,
  ]);
  const note = faultLossNote(summary);
  const lead =
    'Recovered: from the fault’s beginning until connections, latency and backlog were what they were before, to the second. ' +
    'The charts show the faults and how long their effects lasted.';
  const header = ['Fault', 'At', 'Recovered', 'Messages lost'];
  return htmlSection(
    'faults',
    'Faults',
    `<p class="lead">${lead}</p>\n<div class="faults">${htmlTable('Faults', header, rows)}</div>${note === null ? '' : `\n<p class="aside">${note}</p>`}`,
  );
}

/** Run, date and load in one line, for the page's header. */
export function runLine(model: ReportModel): string {
  const { summary } = model;
  if (summary === null) return '';
  const { metadata, config } = summary;
  return `${formatDate(metadata.startedAt)} · ${offeredLoad(config)} for ${formatDuration(config.durationSeconds)}`;
}
