/** The words of a summary: the claim in one sentence, and remarks. */
import { overlapNotes } from '../faults/fault-overlap.ts';
import type { MergedHistogram } from '../recorder/histogram.ts';
import type { LedgerTotals } from '../recorder/summary.ts';
import { formatCount, formatNumber } from '../units.ts';
import { METHOD } from './method.ts';
import type { SummaryInput } from './run-summary.ts';
import type { VerdictOutput } from './verdict.ts';

/** Sentences without their remedies, which stand behind a semicolon. */
function facts(sentences: string[]): string[] {
  return sentences.map((sentence) => sentence.split(';')[0]!);
}

/** What a run put on the server. */
export interface Held {
  /** Open at most. */
  connections: number;
  /** Virtual users who wait for their acknowledgements make the rate, or a part of it. */
  closed: boolean;
  /** Messages/s that the plan offers by itself. */
  rate: number;
  /** Messages of the steady phase, and its length. */
  sent: number;
  seconds: number;
}

/** The sentence for whoever reads nothing else. */
export function claimOf(input: SummaryInput, judged: VerdictOutput, held: Held): string {
  const { plan } = input.options;
  if (judged.verdict === 'pass') {
    const p99Ms = percentileMs(input.metrics.histogram('delivery_latency', 'steady'), 99);
    return passClaim(held, { p99Ms, ledger: input.ledger.totals, fanOut: plan.fanOut });
  }
  return missClaim(judged, loadOf({ ...held, connections: plan.connections }));
}

/** Of a run that passed. `p99Ms`: of `delivery_latency`; null without samples. */
export function passClaim(
  held: Held,
  { p99Ms, ledger, fanOut }: { p99Ms: number | null; ledger: LedgerTotals; fanOut: number },
): string {
  const { sent, lost, acknowledged } = ledger;
  const span = `for ${formatNumber(Math.round(held.seconds))} s`;
  if (sent === 0)
    return `The server held ${formatCount(held.connections)} connections ${span}; no message was sent, so that nothing is known of latency and losses.`;
  const what = fanOut === 1 ? 'messages' : 'deliveries';
  const latency =
    p99Ms === null
      ? 'no delivery was measured'
      : `99% of messages reached the other user within ${formatNumber(p99Ms)} ms`;
  const loss =
    acknowledged === 0
      ? 'no message was acknowledged'
      : lost === 0
        ? `none of ${formatCount(acknowledged)} acknowledged ${what} was lost`
        : `${formatCount(lost)} ${what} were lost`;
  return `The server held ${loadOf(held)} ${span}: ${latency}, and ${loss}.`;
}

/** Gives the first reason alone, with its remedy: a summary lists all of them. */
export function missClaim({ verdict, failures, reasons }: VerdictOutput, asked: string): string {
  if (verdict === 'fail') return `The server did not hold ${asked}: ${failures[0]}.`;
  return `This run does not tell whether the server holds ${asked}: ${reasons[0] ?? failures[0]}.`;
}

/** `4 connections and 20 messages/s`. Nobody asked closed executors for a rate: theirs is the one they came to. */
export function loadOf({ connections, closed, rate, sent, seconds }: Held): string {
  const open = `${formatCount(connections)} ${connections === 1 ? 'connection' : 'connections'}`;
  if (!closed) return `${open} and ${messages(rate)}`;
  return `${open} that sent ${messages(seconds > 0 ? sent / seconds : 0)}`;
}

function messages(rate: number): string {
  const written = formatNumber(rate);
  return `${written} ${written === '1' ? 'message' : 'messages'}/s`;
}

export function notesOf(input: SummaryInput, judged: VerdictOutput, sharedMachine: boolean): string[] {
  const notes = [...new Set([...input.options.plan.remarks, ...input.notes])];
  if (sharedMachine) {
    notes.push('Generator and server shared this machine: any limit found is a lower bound of the server’s.');
  }
  if (!input.deliveryAcrossHosts) {
    notes.push(
      `Delivery latencies are of pairs on one machine only: between machines the clocks are known to ${formatNumber(input.agents.clockErrorMs)} ms, more than 10% of the objective.`,
    );
  }
  if (judged.verdict === 'pass' && judged.reasons.length > 0) {
    notes.push(
      `The load generator was strained, but it was not the limit, for a late generator only makes the server look worse: ${facts(judged.reasons).join('; ')}.`,
    );
  }
  notes.push(...overlapNotes(input.faults.results), ...httpNotes(input));
  return notes;
}

/** What the HTTP load could not do, and why. */
function httpNotes({ http, metrics, options, phases }: SummaryInput): string[] {
  if (http === null) return [];
  const notes: string[] = [];
  const steady = phases.epochWindow('steady');
  const offered = options.plan.http!.rate * ((steady.endMs - steady.startMs) / 1_000);
  const made = metrics.counter('http_reqs', 'steady');
  if (made < METHOD.achievedShare * offered)
    notes.push(
      `${formatCount(made)} of ${formatCount(Math.round(offered))} HTTP calls were made in the steady phase: answers left no time for more.`,
    );
  const reasons = Object.entries(http.reasons).map(([reason, count]) => `${reason} (${formatCount(count)})`);
  if (reasons.length > 0) notes.push(`HTTP calls without an answer: ${reasons.join(', ')}.`);
  return notes;
}

/** Null without samples. */
export function percentileMs(histogram: MergedHistogram | undefined, percent: number): number | null {
  if (histogram === undefined || histogram.count === 0) return null;
  return Math.min(histogram.percentile(percent), histogram.max) / 1_000;
}
