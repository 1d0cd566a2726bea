/** Adds up what the closing of the ledger finds, and names the first exceptions of each kind. */
import type { LedgerExpansion } from './ledger-expansion.ts';
import { range } from './ledger-index.ts';
import { EVENT_DUPLICATED, EXCEPTIONS_NAMED, type ReceiverSummary } from './ledger-summaries.ts';
import { countNumbers, intersect, type NumberRanges, subtract } from './number-ranges.ts';
import type { LedgerException, Reconciliation } from './reconciliation.ts';
import type { LedgerTotals } from './summary.ts';

/** The worst first; exceptions are listed in this order. */
export const EXCEPTION_KINDS = [
  'lost',
  'never-sent',
  'failed-but-arrived',
  'duplicated',
  'reordered',
  'unknown',
  'pending',
] as const;

/** A sender's stream, and what of it arrived at one device. */
export interface ClosingStream {
  count: number;
  /** Numbers whose outcome the sender knows, those failed for certain among them. */
  known: NumberRanges;
  failed: NumberRanges;
  arrived: NumberRanges;
  receiverKnown: boolean;
}

type Kind = LedgerException['kind'];

/** Senders and recipients are the keys of the run (ledger-expansion.ts). */
export class ReconciliationResult {
  readonly #missingAgents: number;
  readonly #expansion: LedgerExpansion;
  readonly #totals: LedgerTotals = {
    sent: 0,
    acknowledged: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    pending: 0,
  };
  readonly #counts = Object.fromEntries(EXCEPTION_KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  readonly #named = new Map<Kind, LedgerException[]>(EXCEPTION_KINDS.map((kind) => [kind, []]));
  #failed = 0;

  constructor(missingAgents: number, expansion: LedgerExpansion) {
    this.#missingAgents = missingAgents;
    this.#expansion = expansion;
  }

  addStream(sender: number, recipient: number, stream: ClosingStream): void {
    const { count, known, failed, arrived, receiverKnown } = stream;
    const totals = this.#totals;
    if (failed.length === 0 && isUpTo(known, count) && isUpTo(arrived, count)) {
      // All went well.
      totals.sent += count;
      totals.acknowledged += count;
      totals.delivered += count;
      return;
    }
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

  /** A stream whose sender's ledger is missing: `count` messages are known of. */
  addUnknownSender(sender: number, recipient: number, count: number, arrived: NumberRanges): void {
    const gaps = subtract(range(1, count), arrived);
    this.#totals.sent += count;
    this.#totals.delivered += countNumbers(arrived);
    this.#totals.pending += countNumbers(gaps);
    this.#except('unknown', sender, recipient, gaps);
  }

  /** What arrived where nobody can have sent it. */
  addOrphan(sender: number, recipient: number, arrived: NumberRanges): void {
    this.#except('never-sent', sender, recipient, arrived);
  }

  addEvents(receiver: ReceiverSummary): void {
    const { duplicated, reordered, events } = receiver;
    this.#totals.duplicated += duplicated;
    this.#totals.reordered += reordered;
    this.#counts.duplicated += duplicated;
    this.#counts.reordered += reordered;
    const senderKey = this.#expansion.senderKeys(receiver);
    for (let i = 0; i < events.length; i += 4) {
      const kind = events[i + 3] === EVENT_DUPLICATED ? 'duplicated' : 'reordered';
      this.#name(kind, senderKey(events[i]!), events[i + 1]!, events[i + 2]!);
    }
  }

  close(): Reconciliation {
    return {
      totals: this.#totals,
      failed: this.#failed,
      counts: this.#counts,
      exceptions: EXCEPTION_KINDS.flatMap((kind) => this.#named.get(kind)!).slice(0, EXCEPTIONS_NAMED),
      missingAgents: this.#missingAgents,
    };
  }

  #except(kind: Kind, sender: number, recipient: number, numbers: NumberRanges): void {
    this.#counts[kind] += countNumbers(numbers);
    for (let i = 0; i < numbers.length; i += 2)
      for (let n = numbers[i]!; n <= numbers[i + 1]!; n++) if (!this.#name(kind, sender, recipient, n)) return;
  }

  /** False when enough of this kind are named. */
  #name(kind: Kind, sender: number, recipient: number, number: number): boolean {
    const named = this.#named.get(kind)!;
    if (named.length >= EXCEPTIONS_NAMED) return false;
    named.push({ kind, ...this.#expansion.name(sender, recipient), number });
    return true;
  }
}

/** Whether these are just the numbers 1 … count. */
function isUpTo(ranges: NumberRanges, count: number): boolean {
  return ranges.length === 2 && ranges[0] === 1 && ranges[1] === count;
}
