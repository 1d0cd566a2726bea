/** What is wrong with a run at the moment, or went wrong so far, in plain words: for the terminal and the live page. */
import { METHOD } from '../coordinator/method.ts';
import type { RunSnapshot } from '../coordinator/progress.ts';
import type { FaultNow } from '../faults/fault-schedule.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';

/** Phases in which the generator must be on time. */
const LOADED = ['warm-up', 'steady'];

/** A sentence each, the gravest first; empty when all is well. `nowMs`: since the epoch. */
export function troublesOf(snapshot: RunSnapshot, nowMs: number): string[] {
  const { progress, agentsGone, exceeded, faults } = snapshot;
  const { failed, reconnecting, catchingUp, dropped, droppedAway, duplicated, reordered } = progress;
  return [
    ...agentsGone.map((each) => `agent lost: ${each}`),
    ...faults
      .filter(({ endedMs, problem }) => endedMs === null || problem !== null)
      .map((each) => faultWords(each, nowMs)),
    ...when(
      failed.server,
      (count) => `${count} could not be opened: the server refused or did not answer`,
      'connection',
    ),
    ...when(
      failed.generator,
      (count) => `${count} could not be opened for lack of ports or descriptors here`,
      'connection',
    ),
    ...when(progress.lost, (count) => `${count} lost, and could not be opened again`, 'connection'),
    ...(catchingUp > 0 ? [] : when(reconnecting, (count) => `${count} lost and being opened again`, 'connection')),
    ...exceeded.map(
      ({ metric, threshold, value }) => `limit exceeded so far: ${metric} ${threshold} is ${formatNumber(value!)} ms`,
    ),
    ...when(
      dropped,
      (count) =>
        `${count} could not be sent on time${droppedAway > 0 ? `, ${formatCount(droppedAway)} of them without a connection` : ''}`,
      'message',
    ),
    ...when(duplicated, (count) => `${count} arrived twice`, 'message'),
    ...when(reordered, (count) => `${count} arrived after a later one`, 'message'),
    ...generatorTroubles(snapshot),
  ];
}

/** What would make the verdict inconclusive if the run failed: the same limits, over the last seconds where they are known. */
function generatorTroubles({ phase, progress, recent, faults, generatorLimitMs }: RunSnapshot): string[] {
  if (!LOADED.includes(phase)) return [];
  const busiest = recent.busiestAgentCpu ?? 0;
  // Whom a fault cut off sends late, and the generator can't help it.
  const slip = faults.some(({ endedMs }) => endedMs === null) ? 0 : (recent.slipP99Ms ?? 0);
  const late = [
    ...(slip > generatorLimitMs ? [`sends start ${formatNumber(slip)} ms late (p99 of the last 5 s)`] : []),
    ...(progress.loopDelayP99Ms > generatorLimitMs
      ? [`agents could be held up for ${formatNumber(progress.loopDelayP99Ms)} ms (p99 of the steady phase so far)`]
      : []),
  ];
  return [
    ...(busiest > METHOD.agentCpuCores
      ? [`an agent uses ${busiest.toFixed(2)} of its core: the load generator may be the limit`]
      : []),
    ...(late.length > 0
      ? [
          `${late.join(', ')}; more than ${formatNumber(generatorLimitMs)} ms makes a run inconclusive unless all else is well`,
        ]
      : []),
  ];
}

function faultWords({ kind, startMs, detail, problem }: FaultNow, nowMs: number): string {
  if (problem !== null) return `fault ${kind} could not be carried out: ${problem}`;
  const since = formatDuration(Math.max(Math.round((nowMs - startMs) / 1_000), 0) * 1_000);
  return `fault ${kind} in force for ${since}${detail === '' ? '' : `: ${detail}`}`;
}

function when(count: number, sentence: (counted: string) => string, noun: string): string[] {
  return count > 0 ? [sentence(`${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`)] : [];
}
