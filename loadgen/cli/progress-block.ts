/** The lines that a terminal shows of a run while it goes on, for any width: what does not fit is left out, never broken. */
import type { RunSnapshot } from '../coordinator/progress.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';

export interface BlockOptions {
  /** Cells of a line. */
  columns: number;
  /** Lines at most. */
  rows: number;
  colour: boolean;
  /** p99 of delivery, ms, second by second, oldest first; null: no sample. */
  history: ReadonlyArray<number | null>;
  troubles: readonly string[];
}

const LABEL_CELLS = 13;
const BAR_CELLS = 30;
const BAR_CELLS_LEAST = 8;
const SPARK_CELLS = 60;
const SPARK_CELLS_LEAST = 10;
const TROUBLES_SHOWN = 5;
const SPARKS = '▁▂▃▄▅▆▇█';

/** Each at most `columns` cells wide. */
export function progressBlock(snapshot: RunSnapshot, options: BlockOptions): string[] {
  const { columns, rows, colour } = options;
  const paint = painter(colour);
  const line = (label: string, parts: string[]) => {
    const narrow = columns < 56;
    const head = (narrow ? `${label} ` : label.padEnd(LABEL_CELLS)).slice(0, columns);
    return paint.dim(head) + fitParts(parts, columns - head.length);
  };
  const lines = [
    phaseLine(snapshot, columns, paint),
    line('connections', connectionParts(snapshot)),
    line('messages', messageParts(snapshot)),
    line('delivery', deliveryParts(snapshot, columns, options.history)),
    line('CPU', cpuParts(snapshot)),
    ...troubleLines(options.troubles, columns).map(paint.bad),
  ];
  return lines.slice(0, Math.max(rows, 1));
}

function phaseLine(snapshot: RunSnapshot, columns: number, paint: Painter): string {
  const phase = snapshot.phase.padEnd(Math.min(LABEL_CELLS, columns < 56 ? 8 : LABEL_CELLS));
  const times = phaseSpan(snapshot);
  const cells = Math.min(columns - phase.length - times.length - 1, BAR_CELLS);
  const bar = cells < BAR_CELLS_LEAST ? '' : `${progressBar(snapshot, cells)} `;
  return paint.bold(phase) + `${bar}${times}`.slice(0, Math.max(columns - phase.length, 0));
}

function connectionParts({ phase, progress, connectionsRequested }: RunSnapshot): string[] {
  const { connections, catchingUp, slow } = progress;
  const all = phase !== 'connect' || connections >= connectionsRequested;
  return [
    all ? formatCount(connections) : `${formatCount(connections)} of ${formatCount(connectionsRequested)}`,
    ...(catchingUp > 0 ? [`${formatCount(catchingUp)} offline ones still to fetch what waited`] : []),
    ...(slow > 0 ? [`${formatCount(slow)} read nothing on purpose`] : []),
  ];
}

function messageParts({ phase, recent, rateOffered, progress }: RunSnapshot): string[] {
  if (progress.sent === 0) return ['none sent yet'];
  return [
    `${formatNumber(recent.sentPerSecond)}/s sent`,
    `${formatNumber(recent.deliveredPerSecond)}/s delivered`,
    ...(phase === 'steady' && rateOffered > 0 ? [`${formatNumber(rateOffered)}/s offered`] : []),
    `${formatCount(progress.delivered)} in all`,
  ];
}

function deliveryParts({ recent }: RunSnapshot, columns: number, history: BlockOptions['history']): string[] {
  if (recent.deliveryP99Ms === null) return ['none in the last 5 s'];
  const percentiles = `p50 ${formatNumber(recent.deliveryP50Ms!)} ms · p99 ${formatNumber(recent.deliveryP99Ms)} ms`;
  const room = columns - LABEL_CELLS - percentiles.length - 2;
  if (room < SPARK_CELLS_LEAST || history.length < 2) return [percentiles];
  return [`${percentiles}  ${sparkline(history, Math.min(room, SPARK_CELLS))}`];
}

function cpuParts({ serverCpu, recent, agents }: RunSnapshot): string[] {
  const { agentCpu, busiestAgentCpu, machineCpu } = recent;
  const cores = (value: number) => {
    const digits = value < 0.995 ? value.toFixed(2) : value.toFixed(1);
    return `${digits} ${digits === '1.0' ? 'core' : 'cores'}`;
  };
  return [
    serverCpu === null ? 'server not known' : `server ${cores(serverCpu)}`,
    ...(agentCpu === null ? [] : [`${agents === 1 ? 'agent' : `${agents} agents`} ${cores(agentCpu)}`]),
    ...(agents > 1 && busiestAgentCpu !== null ? [`busiest ${busiestAgentCpu.toFixed(2)}`] : []),
    ...(machineCpu === null ? [] : [`whole machine ${machineCpu.toFixed(1)}`]),
  ];
}

/** Two lines a sentence at most: what is cut off stands in the summary. */
function troubleLines(troubles: readonly string[], columns: number): string[] {
  const shown = troubles.slice(0, TROUBLES_SHOWN).flatMap((each) => wrap(each, columns - 2, 2));
  const more = troubles.length - TROUBLES_SHOWN;
  return [...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
}

function wrap(sentence: string, cells: number, most: number): string[] {
  const lines: string[] = [];
  let rest = sentence;
  while (rest !== '' && lines.length < most) {
    const last = lines.length === most - 1;
    if (rest.length <= cells) {
      lines.push(rest);
      break;
    }
    const space = rest.lastIndexOf(' ', cells);
    const at = space > cells / 2 && !last ? space : cells - 1;
    lines.push(last ? `${rest.slice(0, at)}…` : rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return lines.map((each, index) => `${index === 0 ? '! ' : '  '}${each}`);
}

/** As many parts as fit, the first one cut if it must be. */
function fitParts(parts: string[], cells: number): string {
  let text = parts[0]!.slice(0, Math.max(cells, 0));
  for (const part of parts.slice(1)) {
    if (text.length + 3 + part.length > cells) break;
    text += ` · ${part}`;
  }
  return text;
}

/** The newest at the right, the highest of those shown as a full block; blank where nothing was delivered. */
export function sparkline(history: ReadonlyArray<number | null>, cells: number): string {
  const shown = history.slice(-cells);
  const highest = Math.max(...shown.map((value) => value ?? 0));
  return shown
    .map((value) => (value === null ? ' ' : SPARKS[highest === 0 ? 0 : Math.round((value / highest) * 7)]))
    .join('');
}

export function progressBar(snapshot: RunSnapshot, cells: number): string {
  const { phase, phaseElapsedMs, phaseLengthMs, progress, connectionsRequested } = snapshot;
  const done =
    phase === 'connect'
      ? progress.connections / Math.max(connectionsRequested, 1)
      : phaseLengthMs === null || phaseLengthMs === 0
        ? 0
        : phaseElapsedMs / phaseLengthMs;
  const full = Math.round(Math.min(Math.max(done, 0), 1) * cells);
  return '█'.repeat(full) + '░'.repeat(cells - full);
}

export function phaseSpan({ phaseElapsedMs, phaseLengthMs }: RunSnapshot): string {
  const whole = (ms: number): string => formatDuration(Math.round(ms / 1_000) * 1_000);
  return phaseLengthMs === null ? whole(phaseElapsedMs) : `${whole(phaseElapsedMs)} of ${whole(phaseLengthMs)}`;
}

type Painter = Record<'bold' | 'dim' | 'bad', (text: string) => string>;

function painter(colour: boolean): Painter {
  const paint = (code: number) => (text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { bold: paint(1), dim: paint(2), bad: paint(31) };
}
