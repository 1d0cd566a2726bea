/**
 * Pass, fail or inconclusive. A point that meets everything is a pass without excuse; one that does not is a fail only if the
 * generator is above suspicion (Plimsoll's method, sections 3 and 4). Pure.
 */

import type { FaultResult, LedgerTotals, ThresholdResult, Verdict } from '../recorder/summary.ts';
import { formatCount } from '../units.ts';
import { measuredWords } from './measured-words.ts';
import { DEFAULT_OBJECTIVE_MS, METHOD, round } from './method.ts';
import { byHow, type GeneratorInput, generatorSuspicions } from './verdict-generator.ts';
import { backlogGrowth, memoryGrowth, type SteadySecond } from './verdict-trends.ts';

/** Close code of a connection whose token the server does not take. */
const TOKEN_REFUSED = '4401';

export interface VerdictInput extends GeneratorInput {
  thresholds: ThresholdResult[];
  ledger: LedgerTotals;
  /** Arrivals of messages that nobody sent, and of such whose send the server had refused for certain. */
  contradictions: { neverSent: number; failedButArrived: number };
  /** Agents whose closing ledger did not come. */
  missingLedgers: number;
  /** Steady phase. */
  offeredMessages: number;
  /** The run is to send messages. */
  sends: boolean;
  achievedMessages: number;
  /** Not started on time by the generator, whose users could have sent them. */
  droppedMessages: number;
  steadySeconds: number;
  /** Before the load. */
  connectionsRequested: number;
  connectionsOpened: number;
  /** The run was stopped while they were being opened. */
  connectingCutShort: boolean;
  /** Devices that had no time to fetch what waited for them. */
  catchingUp: number;
  /** Messages wait for users who are offline by plan, so that the backlog says nothing. */
  usersComeAndGo: boolean;
  /** Ended by the server without a way to resume. */
  connectionsLost: number;
  connectFailed: { generator: number; server: number };
  /** Why connections failed, most frequent first. */
  connectReasons: string[];
  /** Without those that a fault disturbed: what it does to backlog and memory is no trend. */
  seconds: SteadySecond[];
  faults: FaultResult[];
  deadAgents: Array<{ name: string; how: string }>;
  /** Agents whose clock was set, stood still, or drifts more than clocks do. */
  unsteadyClocks: string[];
  /** What a delivery between hosts could be wrong by; 0 where none was measured. */
  clockErrorMs: number;
  /** The embedded node ended by itself. */
  nodeGone: string | null;
  /** `waiting`: on disk, until the results store is back. */
  rows: { recorded: number; stored: number; waiting?: number; lostBecause?: string | null } | null;
  /** A signal ended the run before its end. */
  complete: boolean;
}

export interface VerdictOutput {
  verdict: Verdict;
  /** What was not met. */
  failures: string[];
  /** Why the generator may be to blame. */
  reasons: string[];
}

export function judge(input: VerdictInput): VerdictOutput {
  const failures = findFailures(input);
  const reasons = findSuspicions(input);
  if (failures.length === 0 && nothingDue(input))
    reasons.push('no message was due in the steady phase, so that nothing was judged');
  // An agent that died, or a run cut short, leaves part of the load unjudged: not a pass even if all that was seen is well.
  const unjudged =
    tokensRefused(input) ||
    input.deadAgents.length > 0 ||
    input.missingLedgers > 0 ||
    !input.complete ||
    rowsMissing(input) ||
    input.faults.some(({ problem }) => problem !== undefined);
  if (failures.length === 0 && !unjudged && !nothingDue(input)) return { verdict: 'pass', failures, reasons };
  const excused = (reasons.length > 0 || unjudged) && !provenBroken(input);
  return { verdict: excused ? 'inconclusive' : 'fail', failures, reasons };
}

/**
 * A late generator makes a server look slow, but it can't make it lose, repeat or reorder a message: where all ledgers are
 * there, and everybody has fetched what waited for him, such a thing is the server's.
 */
function provenBroken({ ledger, contradictions, missingLedgers, catchingUp, complete }: VerdictInput): boolean {
  if (missingLedgers > 0 || catchingUp > 0 || !complete) return false;
  const broken = ledger.lost + ledger.duplicated + ledger.reordered;
  return broken + contradictions.neverSent + contradictions.failedButArrived > 0;
}

function findFailures(input: VerdictInput): string[] {
  const failures: string[] = [];
  for (const { metric, threshold, value, ok } of input.thresholds) {
    // What a signal left no time to measure failed nothing.
    if (!ok && (value !== null || input.complete))
      failures.push(
        `${metric} should meet ${threshold}, but ${value === null ? 'nothing was measured' : `was ${measuredWords(metric, threshold, value)}`}`,
      );
  }
  const { ledger } = input;
  if (ledger.lost > 0) failures.push(`${formatCount(ledger.lost)} acknowledged message(s) were lost`);
  if (ledger.duplicated > 0) failures.push(`${formatCount(ledger.duplicated)} message(s) were delivered twice`);
  if (ledger.reordered > 0) failures.push(`${formatCount(ledger.reordered)} message(s) arrived out of order`);
  const { neverSent, failedButArrived } = input.contradictions;
  if (neverSent > 0) failures.push(`${formatCount(neverSent)} message(s) arrived that nobody sent`);
  if (failedButArrived > 0) {
    failures.push(`${formatCount(failedButArrived)} message(s) arrived although the server had said that they failed`);
  }
  const missing = input.connectionsRequested - input.connectionsOpened;
  if (missing > 0 && !input.connectingCutShort) {
    const first = input.connectReasons[0];
    const why = first ? `: ${first}` : '';
    failures.push(
      `${formatCount(missing)} of ${formatCount(input.connectionsRequested)} connections were not opened${why}`,
    );
  }
  if (input.connectionsLost > 0) {
    failures.push(
      `${formatCount(input.connectionsLost)} connection(s) were ended by the server and could not be resumed`,
    );
  }
  const share = input.offeredMessages > 0 ? input.achievedMessages / input.offeredMessages : 1;
  if (share < METHOD.achievedShare) {
    failures.push(
      `only ${round(share * 100)}% of the offered messages were delivered (${METHOD.achievedShare * 100}% are asked for)`,
    );
  }
  if (input.nodeGone !== null) failures.push(`the server node ended by itself: ${input.nodeGone}`);
  for (const { kind, atSeconds, recoverySeconds, problem } of input.faults) {
    if (recoverySeconds === null && problem === undefined)
      failures.push(`delivery had not recovered from ${kind} at ${round(atSeconds)} s when the run ended`);
  }
  const backlog = backlogGrowth(input);
  if (backlog !== null) failures.push(backlog);
  const memory = memoryGrowth(input);
  if (memory !== null) failures.push(memory);
  return failures;
}

/** Nobody was let in, for the token alone: whoever signs with another secret learns nothing of the server. */
function tokensRefused({ connectionsOpened, connectReasons }: VerdictInput): boolean {
  return (
    connectionsOpened === 0 &&
    connectReasons.length > 0 &&
    connectReasons.every((reason) => reason.includes(TOKEN_REFUSED))
  );
}

function findSuspicions(input: VerdictInput): string[] {
  const reasons: string[] = [];
  if (tokensRefused(input))
    reasons.push('the server refused the tokens; is PLIMSOLL_AUTH_SECRET the secret of that node?');
  const objective = input.objectiveMs ?? DEFAULT_OBJECTIVE_MS;
  for (const [how, dead] of byHow(input.deadAgents))
    reasons.push(
      `${dead.map(({ name }) => name).join(', ')} ${how} during the run; what was sent and received there is unknown`,
    );
  reasons.push(...generatorSuspicions(input));
  if (input.droppedMessages > 0 && input.achievedMessages < METHOD.achievedShare * input.offeredMessages) {
    reasons.push(`${formatCount(input.droppedMessages)} message(s) could not be started on time by the generator`);
  }
  if (input.connectFailed.generator > 0) {
    reasons.push(
      `${formatCount(input.connectFailed.generator)} connection(s) could not be opened for a cause on the generator's side; see plimsoll doctor`,
    );
  }
  if (input.unsteadyClocks.length > 0) {
    reasons.push(
      `the clock of ${input.unsteadyClocks.join(', ')} was set or stood still; latencies to and from it are off`,
    );
  }
  if (input.clockErrorMs > objective * METHOD.clockShareOfObjective) {
    reasons.push(
      `the clocks of different machines are known to ${round(input.clockErrorMs)} ms only, more than 10% of the ${objective} ms objective`,
    );
  }
  if (input.missingLedgers > input.deadAgents.length) {
    reasons.push(`${input.missingLedgers} agent(s) did not hand over the closing ledger in time`);
  }
  // What keeps rows from the disk strains everything else too: it is the cause that helps.
  if (rowsMissing(input)) reasons.unshift(missingSentence(input.rows!));
  for (const { kind, atSeconds, problem } of input.faults) {
    if (problem !== undefined)
      reasons.push(`the fault ${kind} at ${round(atSeconds)} s could not be carried out: ${problem}`);
  }
  if (input.catchingUp > 0) {
    reasons.push(
      `${formatCount(input.catchingUp)} device(s) that were offline could not fetch in time what waited for them; give it more time with phases.drain`,
    );
  }
  if (!input.complete) reasons.push('the run was stopped before its end');
  return reasons;
}

function missingSentence({ recorded, stored, waiting = 0, lostBecause }: NonNullable<VerdictInput['rows']>): string {
  const missing = recorded - stored - waiting;
  if (lostBecause && missing > 0)
    return `${formatCount(missing)} of ${formatCount(recorded)} rows of this run are lost, because ${lostBecause}`;
  const rest = waiting > 0 ? `, and ${formatCount(waiting)} wait on disk` : '';
  return `${formatCount(recorded)} rows were recorded, but ${formatCount(stored)} stored${rest}`;
}

function nothingDue({ sends, offeredMessages, steadySeconds }: VerdictInput): boolean {
  return sends && steadySeconds > 0 && offeredMessages === 0;
}

function rowsMissing(input: VerdictInput): boolean {
  return input.rows !== null && input.rows.recorded !== input.rows.stored + (input.rows.waiting ?? 0);
}
