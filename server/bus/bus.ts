/**
 * The bus between volumes: carries forwarded messages, receipts and their confirmations from the volume that owns the
 * sender to the one that owns the recipient, wherever it lives.
 *
 * Guarantees (bus.suite.ts checks them):
 * - Between two volumes, messages arrive in the order sent, each at most once, as long as the link stays up.
 * - When a link breaks, messages under way may be lost; the receiving side never sees half of one.
 * - `onUp` is called for a destination whenever a link to it was (re)established, before any message sent after that
 *   arrives: the sender then repeats what was not confirmed. Callers build at-least-once from this.
 * - A volume that is assigned to another process is to that process what a broken link is to any: what was under way to the
 *   old place may be lost or arrive there, nothing of it arrives at the new one, and `onUp` is called when that can be reached.
 */
export interface Bus {
  /** `payload` is copied. A message to a destination whose link is down is dropped: `onUp` will ask for it again. */
  send(from: number, to: number, kind: number, payload: Buffer): void;
  /** `payload` is valid during the call only. What arrives before there is a handler waits for it. */
  onMessage(handler: (from: number, to: number, kind: number, payload: Buffer) => void): void;
  onUp(handler: (to: number) => void): void;
  isUp(to: number): boolean;
  /**
   * This side learns that a volume belongs to a process from now on, or to none for the moment. Saying what it knows already
   * changes nothing. A process assigns a volume to itself once it can take messages for it; others must not be told before.
   */
  assign(volume: number, process: number | null): void;
  close(): Promise<void>;
}

/** Kinds of bus messages. */
export const BUS = {
  /** u64 number, u64 number of the record before, then a forward record: messages for users of the destination volume. */
  forward: 1,
  /** u64 number: everything up to it has been applied and committed. */
  confirm: 2,
  /** u64 number, then receipts for senders of the destination volume. */
  receipts: 3,
  /** u64 number: receipts up to it have been applied and committed. */
  receiptsConfirm: 4,
  /** Group fan-out, the same as for forward records: a fan-out record, and its confirmation. */
  fanout: 6,
  fanoutConfirm: 8,
  /** u32 request number, then what is asked of a group; and its answer. At most once: whoever asks waits for a limited time. */
  groupRequest: 9,
  groupAnswer: 10,
  /** Presence: who watches whom, who has come or gone, and single questions with their answers. At most once. */
  presenceWatch: 11,
  presenceState: 12,
  presencePull: 13,
  presencePulled: 14,
  /** The destination could not take records and now can: repeat all that is not confirmed. */
  resend: 15,
} as const;
