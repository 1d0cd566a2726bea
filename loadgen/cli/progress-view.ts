/** What a person sees while a run goes on: a few lines that are redrawn in place in a terminal, a line now and then in a log. */
import { printable } from '../../reports/render/terminal-text.ts';
import type { RunSnapshot } from '../coordinator/progress.ts';
import { formatCount, formatNumber } from '../units.ts';
import { phaseSpan, progressBar, progressBlock } from './progress-block.ts';

const LOG_INTERVAL_MS = 10_000;
const BAR_CELLS = 16;
const HISTORY_SECONDS = 60;

export interface ProgressView {
  /** `troubles`: what is wrong, a sentence each. */
  show(snapshot: RunSnapshot, troubles: readonly string[]): void;
  notice(text: string): void;
  end(): void;
}

export interface ProgressOptions {
  /** Notices only. */
  quiet: boolean;
  colour: boolean;
}

/** What a view needs of a terminal. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>;

/** What agents on other machines and servers say of themselves can't move the cursor or colour the terminal. */
export function createProgressView(stream: ProgressStream, options: ProgressOptions): ProgressView {
  const view = viewFor(stream, options);
  return {
    ...view,
    show: (snapshot, troubles) => view.show(snapshot, troubles.map(printable)),
    notice: (text) => view.notice(printable(text)),
  };
}

function viewFor(stream: ProgressStream, options: ProgressOptions): ProgressView {
  if (options.quiet) return { show: () => {}, notice: (text) => void stream.write(`${text}\n`), end: () => {} };
  return stream.isTTY && process.env.TERM !== 'dumb' ? terminalView(stream, options) : logView(stream);
}

function terminalView(stream: ProgressStream, { colour }: ProgressOptions): ProgressView {
  const history: Array<number | null> = [];
  let historyMs = Number.NEGATIVE_INFINITY;
  let drawn: string[] = [];
  /** Back to the block's beginning. A terminal that became narrower since may have broken its lines. */
  const back = (): string => {
    const cells = columnsOf(stream) + 1;
    const rows = drawn.reduce((sum, line) => sum + Math.max(Math.ceil(bare(line).length / cells), 1), 0);
    return rows > 1 ? `\r\x1b[${rows - 1}A` : '\r';
  };
  /** Each line is erased behind its text, and the rest below the last one: nothing flickers. */
  const draw = (lines: string[], above: string[] = []): void => {
    stream.write(`${back()}${[...above, ...lines].join('\x1b[K\n')}\x1b[J`);
    drawn = lines;
  };
  return {
    show(snapshot, troubles) {
      const nowMs = performance.now();
      if (nowMs - historyMs >= 1_000) {
        historyMs = nowMs;
        history.push(snapshot.recent.deliveryP99Ms);
        if (history.length > HISTORY_SECONDS) history.shift();
      }
      draw(
        progressBlock(snapshot, {
          columns: columnsOf(stream),
          rows: (stream.rows || 24) - 1,
          colour,
          history,
          troubles,
        }),
      );
    },
    notice: (text) => (drawn.length === 0 ? void stream.write(`${text}\n`) : draw(drawn, [text])),
    end: () => void (drawn.length > 0 && draw([])),
  };
}

/** One less than there are: a full line would leave the cursor where terminals differ. */
function columnsOf(stream: ProgressStream): number {
  return Math.max((stream.columns || 100) - 1, 10);
}

function bare(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are written in
  return line.replace(/\x1b\[\d+m/g, '');
}

function logView(stream: ProgressStream): ProgressView {
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
  const parts = [`${phase.padEnd(8)} ${progressBar(snapshot, BAR_CELLS)} ${phaseSpan(snapshot)}`];
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
