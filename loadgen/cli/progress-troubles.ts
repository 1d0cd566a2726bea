/** What is wrong with a run at the moment, or went wrong so far, in plain words: for the terminal and the live page. */
import type { RunSnapshot } from '../coordinator/progress.ts';
import type { FaultNow } from '../faults/fault-schedule.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';

/** An agent that uses so much of its core can't be trusted to be on time. */
const AGENT_CPU_MOST = 0.9;
/** So late an agent may run without being spoken of, ms. */
const LOOP_DELAY_MOST_MS = 100;

/** A sentence each, the gravest first; empty when all is well. `nowMs`: since the epoch. */
export function troublesOf(snapshot: RunSnapshot, nowMs: number): string[] {
  const { progress, agentsGone, exceeded, faults, recent } = snapshot;
  const { failed, reconnecting, catchingUp, dropped, droppedAway, duplicated, reordered } = progress;
  const busiest = recent.busiestAgentCpu ?? 0;
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
    ...(busiest > AGENT_CPU_MOST
      ? [`an agent uses ${busiest.toFixed(2)} of its core: the load generator may be the limit`]
      : []),
    ...(progress.loopDelayP99Ms > LOOP_DELAY_MOST_MS
      ? [`agents run up to ${formatNumber(progress.loopDelayP99Ms)} ms late: the load generator may be the limit`]
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
