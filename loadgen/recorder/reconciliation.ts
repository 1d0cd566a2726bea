/**
 * The closing of the delivery ledger: what senders numbered against what receivers saw, stream by stream.
 *
 * With N the numbers of a stream, F those that failed for certain, A those acknowledged, D those that arrived:
 * delivered = N ∩ D, lost = A − D, pending = N − A − F − D, and sent = N − (F − D) = delivered + lost + pending.
 */
import {
  EVENT_DUPLICATED,
  EXCEPTIONS_NAMED,
  RANGE_FAILED,
  type ReceiverSummary,
  type SenderSummary,
} from './ledger-summaries.ts';
import { countNumbers, intersect, type NumberRanges, subtract } from './number-ranges.ts';
import { StreamTable } from './stream-table.ts';
import type { LedgerTotals } from './summary.ts';

/** The worst first; exceptions are listed in this order. */
const KINDS = ['lost', 'never-sent', 'failed-but-arrived', 'duplicated', 'reordered', 'unknown', 'pending'] as const;

export interface LedgerException {
  /**
   * `lost`: acknowledged, never arrived. `never-sent`: arrived, but no sender numbered it. `failed-but-arrived`: the server
   * said that it was not stored. `unknown`: an agent that would know is missing. `pending`: neither acknowledged nor arrived.
   */
  kind: (typeof KINDS)[number];
  /** Indices of the users. */
  sender: number;
  recipient: number;
  /** Number within the stream. */
  number: number;
}

export interface Reconciliation {
  totals: LedgerTotals;
  /** Refused for certain and never arrived: these count as not sent. */
  failed: number;
  /** How many there are of each kind. */
  counts: Record<LedgerException['kind'], number>;
  /** The first 100, worst kinds first. */
  exceptions: LedgerException[];
  /** Agents whose ledger did not come: what only they would know is pending, under `unknown`. */
  missingAgents: number;
}

/**
 * Hold the ledgers of all agents against each other; null stands for an agent that died with its ledger. Each user belongs to
 * one agent. A message whose arrival only a missing agent would know is pending and listed as `unknown`, never as fine; so is
 * one that only a missing sender would know of, as far as a later one of its stream arrived.
 */
export function reconcile(agents: Array<{ sender: SenderSummary; receiver: ReceiverSummary } | null>): Reconciliation {
  const present = agents.filter((agent) => agent !== null);
  const missingAgents = agents.length - present.length;
  const receivers = indexReceivers(present.map((agent) => agent.receiver));
  const result = new Result(missingAgents);
  const closed = new Uint8Array(receivers.table.size);

  for (const { sender } of present) {
    const { ahead, failed } = indexRanges(sender);
    for (let i = 0; 4 * i < sender.streams.length; i++) {
      const [from, to, count, knownTo] = sender.streams.subarray(4 * i) as unknown as [number, number, number, number];
      const slot = receivers.table.find(from, to);
      if (slot >= 0) closed[slot] = 1;
      const arrived = slot < 0 ? [] : receivers.arrived(slot);
      const receiverKnown = slot >= 0 || missingAgents === 0 || receivers.recipients.has(to);
      const known = range(1, knownTo).concat(ahead.get(i) ?? []);
      result.addStream(from, to, { count, known, failed: failed.get(i) ?? [], arrived, receiverKnown });
    }
  }
  for (let slot = 0; slot < closed.length; slot++)
    if (closed[slot] === 0)
      result.addOrphan(receivers.table.sender(slot), receivers.table.recipient(slot), receivers.arrived(slot));
  for (const { receiver } of present) result.addEvents(receiver);
  return result.close();
}

interface Stream {
  count: number;
  /** Numbers whose outcome the sender knows, those failed for certain among them. */
  known: NumberRanges;
  failed: NumberRanges;
  arrived: NumberRanges;
  receiverKnown: boolean;
}

class Result {
  readonly #missingAgents: number;
  readonly #totals: LedgerTotals = {
    sent: 0,
    acknowledged: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    pending: 0,
  };
  readonly #counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<LedgerException['kind'], number>;
  readonly #named = new Map<LedgerException['kind'], LedgerException[]>(KINDS.map((kind) => [kind, []]));
  #failed = 0;

  constructor(missingAgents: number) {
    this.#missingAgents = missingAgents;
  }

  addStream(sender: number, recipient: number, { count, known, failed, arrived, receiverKnown }: Stream): void {
    const totals = this.#totals;
    const numbered = range(1, count);
    const acknowledged = subtract(known, failed);
    const unsettled = subtract(subtract(numbered, known), arrived);
    const unseen = subtract(acknowledged, arrived);
    const failedForGood = countNumbers(subtract(failed, arrived));
    totals.sent += count - failedForGood;
    totals.acknowledged += countNumbers(acknowledged);
    totals.delivered += countNumbers(intersect(numbered, arrived));
    totals.pending += countNumbers(unsettled);
    this.#failed += failedForGood;
    if (receiverKnown) {
      totals.lost += countNumbers(unseen);
      this.#except('lost', sender, recipient, unseen);
      this.#except('pending', sender, recipient, unsettled);
    } else {
      totals.pending += countNumbers(unseen);
      this.#except('unknown', sender, recipient, unseen);
      this.#except('unknown', sender, recipient, unsettled);
    }
    this.#except('failed-but-arrived', sender, recipient, intersect(failed, arrived));
    this.#except('never-sent', sender, recipient, subtract(arrived, numbered));
  }

  /** A stream of which only the receiver's side is there. */
  addOrphan(sender: number, recipient: number, arrived: NumberRanges): void {
    if (this.#missingAgents === 0) {
      this.#except('never-sent', sender, recipient, arrived);
      return;
    }
    const gaps = subtract(range(1, arrived.at(-1)!), arrived);
    this.#totals.sent += arrived.at(-1)!;
    this.#totals.delivered += countNumbers(arrived);
    this.#totals.pending += countNumbers(gaps);
    this.#except('unknown', sender, recipient, gaps);
  }

  addEvents({ duplicated, reordered, events }: ReceiverSummary): void {
    this.#totals.duplicated += duplicated;
    this.#totals.reordered += reordered;
    this.#counts.duplicated += duplicated;
    this.#counts.reordered += reordered;
    for (let i = 0; i < events.length; i += 4)
      this.#name(
        events[i + 3] === EVENT_DUPLICATED ? 'duplicated' : 'reordered',
        events[i]!,
        events[i + 1]!,
        events[i + 2]!,
      );
  }

  close(): Reconciliation {
    return {
      totals: this.#totals,
      failed: this.#failed,
      counts: this.#counts,
      exceptions: KINDS.flatMap((kind) => this.#named.get(kind)!).slice(0, EXCEPTIONS_NAMED),
      missingAgents: this.#missingAgents,
    };
  }

  #except(kind: LedgerException['kind'], sender: number, recipient: number, numbers: NumberRanges): void {
    this.#counts[kind] += countNumbers(numbers);
    for (let i = 0; i < numbers.length; i += 2)
      for (let n = numbers[i]!; n <= numbers[i + 1]!; n++) if (!this.#name(kind, sender, recipient, n)) return;
  }

  /** False when enough of this kind are named. */
  #name(kind: LedgerException['kind'], sender: number, recipient: number, number: number): boolean {
    const named = this.#named.get(kind)!;
    if (named.length >= EXCEPTIONS_NAMED) return false;
    named.push({ kind, sender, recipient, number });
    return true;
  }
}

/** All receivers' streams in one table. */
function indexReceivers(summaries: ReceiverSummary[]) {
  const table = new StreamTable();
  const recipients = new Set<number>();
  const highest: number[] = [];
  const missing = new Map<number, NumberRanges>();
  for (const { streams, missing: ranges } of summaries) {
    const slots: number[] = [];
    for (let i = 0; i < streams.length; i += 3) {
      const slot = table.slot(streams[i]!, streams[i + 1]!);
      recipients.add(streams[i + 1]!);
      slots.push(slot);
      highest[slot] = streams[i + 2]!;
    }
    for (let i = 0; i < ranges.length; i += 3) {
      const slot = slots[ranges[i]!]!;
      missing.set(slot, (missing.get(slot) ?? []).concat(ranges[i + 1]!, ranges[i + 2]!));
    }
  }
  const arrived = (slot: number) => subtract(range(1, highest[slot]!), missing.get(slot) ?? []);
  return { table, recipients, arrived };
}

/** A sender's ranges by index of the stream; ascending, as they were written. */
function indexRanges({ ranges }: SenderSummary) {
  const ahead = new Map<number, NumberRanges>();
  const failed = new Map<number, NumberRanges>();
  for (let i = 0; i < ranges.length; i += 4) {
    const map = ranges[i + 1] === RANGE_FAILED ? failed : ahead;
    map.set(ranges[i]!, (map.get(ranges[i]!) ?? []).concat(ranges[i + 2]!, ranges[i + 3]!));
  }
  return { ahead, failed };
}

function range(from: number, to: number): NumberRanges {
  return to < from ? [] : [from, to];
}
