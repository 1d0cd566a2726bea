/**
 * Sends that the store has not taken in time. Their senders are told the truth: the message is in the dead-letter log
 * (`dead-letter`), or nobody keeps it beyond this process (`no-answer`); either may still be stored, and then `sent` follows.
 */
import { ERRORS, type ErrorEntry } from '../protocol/errors.ts';
import { type DeadLetter, type DeadLetterLog, letterKey } from '../store/dead-letters.ts';
import { bodyOf, groupOf, idOf, isGroup, peerOf, timeOf } from './entry.ts';
import type { Device } from './user-state.ts';
import type { Batch, Effect, Volume } from './volume.ts';

/** A send that waits for its commit. `entry`: its sent entry, intact until then. */
export interface WaitingSend {
  device: Device;
  entry: Buffer;
}

/** A disk that does not answer must not keep senders waiting: after this they are told that nothing is kept. */
const LOG_MS = 5_000;
const RETRY_AFTER_MS = 5_000;
/** So often the log is looked at for letters that were replayed. */
const REFRESH_ROUNDS = 5;

/** What may or may not have happened, while the store does not answer. */
export const UNDECIDED: ErrorEntry = {
  ...ERRORS.noAnswer,
  text: 'the store has not answered yet whether it has the message; repeat it with the same id',
};

const NOT_KEPT: ErrorEntry = {
  ...ERRORS.noAnswer,
  text: 'the message could not be stored in time and is kept nowhere else; it may still be sent, so repeat it with the same id',
};

export class GivenUp {
  #volume: Volume;
  #log: DeadLetterLog | null;
  /** What senders were told of sends that still wait, by user and id. */
  #told = new Map<string, ErrorEntry>();
  /** Keys of letters in the log, by the effect that will settle them. */
  #letters = new Map<Effect, string>();
  #round = 0;
  /** Letters written since the start. */
  letters = 0;

  constructor(volume: Volume, log: DeadLetterLog | null) {
    this.#volume = volume;
    this.#log = log;
  }

  /** Letters that wait for a replay or for the store. */
  get openLetters(): number {
    return this.#log?.openLetters ?? 0;
  }

  /** What to answer to the repetition of a send that still waits. */
  errorOf(user: string, id: number): ErrorEntry {
    return this.#told.get(letterKey(user, id)) ?? UNDECIDED;
  }

  /** Resolves when the senders are told. */
  async take(effects: Effect[], reason: Error): Promise<void> {
    const waiting = effects.flatMap((effect) => {
      const send = effect.waitingSend?.();
      return send === undefined ? [] : [{ effect, send, letter: letterOf(send, reason) }];
    });
    if (waiting.length === 0) return;
    const { id, options } = this.#volume;
    // Before the log is asked: the commit may come true meanwhile, and must find what to settle.
    if (this.#log !== null) for (const { effect, letter } of waiting) this.#letters.set(effect, keyOf(letter));
    const error = await this.#keep(waiting.map(({ letter }) => letter));
    const still = waiting.filter(({ send }) => isWaiting(send));
    if (still.length === 0) return;
    options.log(
      `volume ${id}: ${still.length === 1 ? '1 message was' : `${still.length} messages were`} not stored in time and kept ${error === ERRORS.deadLetter ? `in the dead-letter log ${this.#log!.file}` : 'nowhere else'}: ${reason.message}`,
    );
    for (const { send, letter } of still) {
      this.#told.set(keyOf(letter), error);
      this.#volume.sending.refuse(send.device, letter.id, error, RETRY_AFTER_MS);
    }
  }

  /** A batch is committed: what it held needs no replay. Before its effects are applied. */
  committed(batch: Batch): void {
    if (this.#told.size === 0 && this.#letters.size === 0) return;
    const keys: string[] = [];
    for (const effect of batch.effects) {
      const send = effect.waitingSend?.();
      if (send === undefined) continue;
      this.#told.delete(letterKey(send.device.user.name, idOf(send.entry)));
      const key = this.#letters.get(effect);
      if (key === undefined) continue;
      this.#letters.delete(effect);
      keys.push(key);
    }
    if (keys.length === 0) return;
    this.#log!.settle(keys).catch((error: Error) => {
      this.#volume.options.log(`volume ${this.#volume.id}: can't mark dead letters as settled: ${error.message}`);
    });
  }

  /** Once a second. */
  housekeeping(): void {
    if (this.openLetters === 0 || ++this.#round % REFRESH_ROUNDS !== 0) return;
    this.#log!.refresh().catch(() => {}); // it is only for the figures
  }

  /** The log is closed once it has written what it was given; a disk that hangs is not waited for. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#log !== null) await within(this.#log.close(), timeoutMs).catch(() => {});
  }

  async #keep(letters: DeadLetter[]): Promise<ErrorEntry> {
    if (this.#log === null) return NOT_KEPT;
    try {
      await within(this.#log.append(letters), LOG_MS);
      this.letters += letters.length;
      return ERRORS.deadLetter;
    } catch (error) {
      this.#volume.options.log(`volume ${this.#volume.id}: can't write dead letters: ${(error as Error).message}`);
      return NOT_KEPT;
    }
  }
}

function letterOf({ device, entry }: WaitingSend, reason: Error): DeadLetter {
  return {
    user: device.user.name,
    id: idOf(entry),
    ...(isGroup(entry) ? { group: groupOf(entry) } : { to: peerOf(entry) }),
    // Copied: the entry is intact only until the commit.
    body: Buffer.from(bodyOf(entry)),
    time: timeOf(entry),
    reason: reason.message,
  };
}

function keyOf({ user, id }: DeadLetter): string {
  return letterKey(user, id);
}

function isWaiting({ device, entry }: WaitingSend): boolean {
  return device.user.uncommittedIds?.has(idOf(entry)) ?? false;
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the disk has not answered for ${ms / 1_000} s`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
