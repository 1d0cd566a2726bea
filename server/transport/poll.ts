/**
 * A held poll, and what stands in for it between two polls: both are devices of their user, so that the messenger treats a
 * polling client like a connected one.
 *
 * A poll ends once: when it has caught up and there is something to tell, when it is full, at a reset, when its time is over,
 * or when it is closed.
 */
import { seqOf } from '../messenger/entry.ts';
import type { Device, UserState } from '../messenger/user-state.ts';
import { FRAME } from '../protocol/codec.ts';
import { forEachTwin, type ServerTwin } from '../protocol/codec-json.ts';
import type { CloseEntry } from '../protocol/errors.ts';
import type { PollNews } from './poll-news.ts';

/** Entries of one answer have not more than this many bytes, unless there is only one. */
const ANSWER_BYTES = 128 * 1024;
/** Reading what is there may take so long, also for a poll that does not want to wait. */
const READ_MS = 5_000;
/** Receipts wait so long for company, as on a WebSocket. */
const LATER_MS = 20;

/** How a poll ended. `unread`: it had not caught up, so the store does not answer. */
export type PollEnd =
  | { type: 'answer'; after: number; reset: number | null; frames: ServerTwin[] }
  | { type: 'unread' }
  | { type: 'replaced' }
  | { type: 'closed'; entry: CloseEntry };

export class Poll implements Device {
  readonly user: UserState;
  readonly issuedAt: number;
  pushed = 0;
  sentAhead: Set<number> | null = null;
  closed = false;
  readonly #news: PollNews;
  readonly #limit: number;
  readonly #onEnd: (end: PollEnd) => void;
  #live = false;
  #after = 0;
  #messages: ServerTwin[] = [];
  #bytes = 0;
  #full = false;
  #looking = false;
  /** Its waiting time is over: it is answered as soon as it has caught up. */
  #due = false;
  #timers: NodeJS.Timeout[] = [];

  /** `onEnd` is called once; the poll is closed by then. */
  constructor(user: UserState, issuedAt: number, news: PollNews, limit: number, onEnd: (end: PollEnd) => void) {
    this.user = user;
    this.issuedAt = issuedAt;
    this.#news = news;
    this.#limit = limit;
    this.#onEnd = onEnd;
  }

  /** The messenger says by this that the device has caught up. */
  get live(): boolean {
    return this.#live;
  }

  set live(live: boolean) {
    this.#live = live;
    if (live) this.#look();
  }

  /** From here on it waits for entries after `after`, for at most `timeoutMs`. */
  begin(after: number, timeoutMs: number): void {
    this.#after = after;
    this.#due = timeoutMs === 0;
    const due = (): void => {
      this.#due = true;
      this.#look();
    };
    if (!this.#due) this.#timers.push(setTimeout(due, timeoutMs));
    this.#timers.push(setTimeout(() => this.#giveUp(), Math.max(timeoutMs, READ_MS) + 1));
  }

  write(frames: Buffer): void {
    if (this.closed || !this.#take(frames)) return;
    this.#look();
  }

  writeLater(frames: Buffer): void {
    if (this.closed || !this.#take(frames)) return;
    this.#timers.push(setTimeout(() => this.#look(), LATER_MS));
  }

  backlogBytes(): number {
    return 0;
  }

  close(entry: CloseEntry): void {
    this.end({ type: 'closed', entry });
  }

  end(end: PollEnd): void {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#onEnd(end);
  }

  /** The asked-for position does not exist: the client must go on from `position`. */
  reset(position: number): void {
    // What came before it is told first; the next poll meets the reset again.
    if (this.#messages.length > 0) this.#full = true;
    else {
      this.#after = position;
      this.#answer(position);
    }
  }

  /** Whether there is anything new to answer with. */
  #take(frames: Buffer): boolean {
    if (frames[0] === FRAME.message) return this.#takeMessage(frames);
    forEachTwin(frames, (frame) => {
      if (frame.type === 'reset') this.reset(frame.position as number);
      else this.#news.add(frame);
    });
    return true;
  }

  #takeMessage(frame: Buffer): boolean {
    // The messenger goes on until it notices; what is left out here the next poll gets.
    if (this.#full) return false;
    if (this.#messages.length > 0 && this.#bytes + frame.length > ANSWER_BYTES) {
      this.#full = true;
      return true;
    }
    this.#bytes += frame.length;
    this.#after = seqOf(frame);
    forEachTwin(frame, (message) => this.#messages.push(message));
    this.#full = this.#messages.length >= this.#limit;
    return true;
  }

  /** At the end of this turn, when all that comes with it has come: is there an answer? */
  #look(): void {
    if (this.#looking || this.closed) return;
    this.#looking = true;
    queueMicrotask(() => {
      this.#looking = false;
      if (this.closed) return;
      const something = this.#messages.length > 0 || this.#news.size > 0;
      if (this.#full || (this.#live && (something || this.#due))) this.#answer(null);
    });
  }

  /** It has not caught up, and won't soon. */
  #giveUp(): void {
    if (this.#messages.length > 0) this.#answer(null);
    else this.end({ type: 'unread' });
  }

  #answer(reset: number | null): void {
    if (this.closed) return;
    this.end({ type: 'answer', after: this.#after, reset, frames: [...this.#messages, ...this.#news.take()] });
  }
}

/** Stands in for a device between two of its polls: keeps the news, and lets entries wait in the timeline. */
export class AwayDevice implements Device {
  readonly user: UserState;
  readonly issuedAt: number;
  readonly live = false;
  pushed = 0;
  sentAhead: Set<number> | null = null;
  closed = false;
  readonly #news: PollNews;
  readonly #onClose: () => void;

  constructor(user: UserState, issuedAt: number, news: PollNews, onClose: () => void) {
    this.user = user;
    this.issuedAt = issuedAt;
    this.#news = news;
    this.#onClose = onClose;
  }

  write(frames: Buffer): void {
    if (!this.closed && frames[0] !== FRAME.message) forEachTwin(frames, (frame) => this.#news.add(frame));
  }

  writeLater(frames: Buffer): void {
    this.write(frames);
  }

  backlogBytes(): number {
    return 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onClose();
  }
}
