/** The top of the live page: how far the run is, the figures of this moment, and what is wrong. */
import { formatCount, formatDuration, formatMs, formatNumber, formatPlural } from '../render/format.ts';
import { escapeHtml, htmlList } from '../render/html-text.ts';
import type { LiveRun, LiveStatus } from './live-status.ts';

const PHASES: Record<string, string> = {
  start: 'Starting server and agents',
  connect: 'Opening connections',
  'warm-up': 'Warm-up: load that is not judged yet',
  steady: 'Steady phase: this is what thresholds look at',
  drain: 'Drain: waiting for messages under way',
  finish: 'Closing the ledger',
};

const NOTICES_SHOWN = 8;

export function liveHero(run: LiveRun, status: LiveStatus): string {
  const { troubles, notices } = status;
  return `<p class="eyebrow">${escapeHtml(run.description || run.scenario)}</p>
<h1 id="verdict-title"><span class="verdict">RUNNING</span><span class="early">${escapeHtml(status.phase)}</span></h1>
<p class="claim">${escapeHtml(PHASES[status.phase] ?? status.phase)}, ${progressWords(status)}.</p>
${progressBar(status)}
<div class="reasons${troubles.length === 0 ? '' : ' troubled'}">${troubles.length === 0 ? '<p>Nothing is wrong so far.</p>' : htmlList([...troubles])}</div>
<dl class="figures">${figures(run, status).join('\n')}</dl>
${notices.length === 0 ? '' : `<details class="notices"><summary>${formatPlural(notices.length, 'notice')}</summary>${htmlList(notices.slice(-NOTICES_SHOWN))}</details>`}`;
}

function figures(run: LiveRun, status: LiveStatus): string[] {
  const { connections, connectionsRequested, deliveryP50Ms, deliveryP99Ms, serverCpu, agentCpu } = status;
  const cores = (value: number | null) => (value === null ? '–' : value.toFixed(value < 1 ? 2 : 1));
  return [
    figure('Connections', formatCount(connections), '', `of ${formatCount(connectionsRequested)} at the start`),
    figure(
      'Delivery, p99',
      ...valueAndUnit(deliveryP99Ms === null ? '–' : formatMs(deliveryP99Ms)),
      deliveryP50Ms === null ? 'no message in the last 5 s' : `of the last 5 s; median ${formatMs(deliveryP50Ms)}`,
    ),
    figure(
      'Delivered',
      ...perSecond(status.deliveredPerSecond),
      `${formatNumber(status.sentPerSecond)}/s sent${run.rateOffered > 0 ? `, ${formatNumber(run.rateOffered)}/s offered when steady` : ''}`,
    ),
    figure(
      'Server CPU',
      cores(serverCpu),
      serverCpu === null ? '' : 'cores',
      `agents ${cores(agentCpu)}, of ${run.cores} cores here`,
    ),
  ];
}

function figure(label: string, value: string, unit: string, note: string): string {
  const unitSpan = unit === '' ? '' : ` <span class="unit">${unit}</span>`;
  return `<div><dt>${label}</dt><dd class="value">${escapeHtml(value)}${unitSpan}</dd><dd class="note">${escapeHtml(note)}</dd></div>`;
}

/** `18.4 ms` → `18.4`, `ms`. */
function valueAndUnit(text: string): [string, string] {
  const match = /^([\d.,]+) ([^\d\s]+)$/.exec(text);
  return match ? [match[1]!, match[2]!] : [text, ''];
}

function perSecond(rate: number): [string, string] {
  return [formatNumber(rate), '/s'];
}

function progressWords({
  phase,
  phaseElapsedMs,
  phaseLengthMs,
  connections,
  connectionsRequested,
}: LiveStatus): string {
  const elapsed = seconds(phaseElapsedMs);
  if (phase === 'connect')
    return `${formatCount(connections)} of ${formatCount(connectionsRequested)} after ${elapsed}`;
  return phaseLengthMs === null || phaseLengthMs === 0 ? `for ${elapsed}` : `${elapsed} of ${seconds(phaseLengthMs)}`;
}

function progressBar(status: LiveStatus): string {
  const { phase, phaseElapsedMs, phaseLengthMs, connections, connectionsRequested } = status;
  const done =
    phase === 'connect'
      ? connections / Math.max(connectionsRequested, 1)
      : phaseLengthMs === null || phaseLengthMs === 0
        ? 0
        : phaseElapsedMs / phaseLengthMs;
  const percent = Math.round(Math.min(Math.max(done, 0), 1) * 1_000) / 10;
  return `<div class="live-bar" role="progressbar" aria-label="${escapeHtml(phase)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.round(percent)}"><span style="width:${percent}%"></span></div>`;
}

function seconds(ms: number): string {
  return formatDuration(Math.round(ms / 1_000));
}
