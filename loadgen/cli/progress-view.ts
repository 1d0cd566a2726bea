/** What a person sees while a run goes on: one line that is redrawn in a terminal, a line now and then in a log. */
import type { RunSnapshot } from '../coordinator/progress.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';

const LOG_INTERVAL_MS = 10_000;
const BAR_CELLS = 16;

export interface ProgressView {
  show(snapshot: RunSnapshot): void;
  notice(text: string): void;
  end(): void;
}

export function createProgressView(stream: NodeJS.WriteStream, quiet: boolean): ProgressView {
  if (quiet) return { show: () => {}, notice: (text) => void stream.write(`${text}\n`), end: () => {} };
  return stream.isTTY ? terminalView(stream) : logView(stream);
}

function terminalView(stream: NodeJS.WriteStream): ProgressView {
  let shown = false;
  const clear = (): void => {
    if (shown) stream.write('\r\x1b[2K');
    shown = false;
  };
  return {
    show(snapshot) {
      clear();
      stream.write(progressLine(snapshot).slice(0, (stream.columns ?? 100) - 1));
      shown = true;
    },
    notice(text) {
      clear();
      stream.write(`${text}\n`);
    },
    end: clear,
  };
}

function logView(stream: NodeJS.WriteStream): ProgressView {
  let phase = '';
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    show(snapshot) {
      const nowMs = performance.now();
      if (snapshot.phase === phase && nowMs - lastMs < LOG_INTERVAL_MS) return;
      phase = snapshot.phase;
      lastMs = nowMs;
      stream.write(`${progressLine(snapshot)}\n`);
    },
    notice: (text) => void stream.write(`${text}\n`),
    end: () => {},
  };
}

/** `steady ████░░ 0:42/1:00 · 50,000 connections · 41.9/s sent, 41.7/s delivered · p50 2.1 ms p99 6.8 ms · …` */
export function progressLine(snapshot: RunSnapshot): string {
  const { phase, progress, recent } = snapshot;
  const parts = [`${phase.padEnd(8)} ${bar(snapshot)} ${span(snapshot)}`];
  const { connections, failed, reconnecting, catchingUp } = progress;
  parts.push(
    phase === 'connect' && connections < snapshot.connectionsRequested
      ? `${formatCount(connections)} of ${formatCount(snapshot.connectionsRequested)} connections`
      : `${formatCount(connections)} connections`,
  );
  if (failed.generator + failed.server > 0) parts.push(`${formatCount(failed.generator + failed.server)} failed`);
  if (catchingUp > 0) parts.push(`${formatCount(catchingUp)} offline ones still to fetch what waited for them`);
  else if (reconnecting > 0) parts.push(`${formatCount(reconnecting)} reconnecting`);
  if (phase === 'warm-up' || phase === 'steady' || phase === 'drain') {
    parts.push(`${formatCount(recent.sentPerSecond)}/s sent, ${formatCount(recent.deliveredPerSecond)}/s delivered`);
    if (recent.deliveryP99Ms !== null) {
      parts.push(`p50 ${formatNumber(recent.deliveryP50Ms!)} ms, p99 ${formatNumber(recent.deliveryP99Ms)} ms`);
    }
  }
  if (progress.dropped > 0) parts.push(`${formatCount(progress.dropped)} dropped`);
  if (progress.duplicated + progress.reordered > 0)
    parts.push(`${progress.duplicated} duplicated, ${progress.reordered} reordered`);
  if (snapshot.serverCpu !== null) parts.push(`server ${snapshot.serverCpu.toFixed(1)} cores`);
  return parts.join(' · ');
}

function bar(snapshot: RunSnapshot): string {
  const { phase, phaseElapsedMs, phaseLengthMs, progress, connectionsRequested } = snapshot;
  const done =
    phase === 'connect'
      ? progress.connections / connectionsRequested
      : phaseLengthMs === null || phaseLengthMs === 0
        ? 0
        : phaseElapsedMs / phaseLengthMs;
  const cells = Math.round(Math.min(Math.max(done, 0), 1) * BAR_CELLS);
  return '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells);
}

function span({ phaseElapsedMs, phaseLengthMs }: RunSnapshot): string {
  const whole = (ms: number): string => formatDuration(Math.round(ms / 1_000) * 1_000);
  return phaseLengthMs === null ? whole(phaseElapsedMs) : `${whole(phaseElapsedMs)} of ${whole(phaseLengthMs)}`;
}
