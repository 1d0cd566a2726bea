/**
 * One end of a control channel over a wire that may lose, repeat or reorder what it carries and may be down for a while:
 * messages arrive in order, each once, whatever their size; and the other side is declared gone, once, when it says goodbye
 * or is not heard of for too long.
 */
import { deserialize, serialize } from 'node:v8';
import type { Clock, Timer } from '../clock.ts';
import { formatDuration } from '../units.ts';
import { PieceReceiver, PieceSender } from './pieces.ts';

export interface Wire {
  /** What a frame may have, bytes. */
  readonly maxFrameBytes: number;
  /** Called only while the wire is up. */
  transmit(frame: Uint8Array): void;
}

/** The first byte of a frame; numbers behind it are big-endian. */
const FRAME = {
  /** last (1 byte), number (4 bytes), bytes. */
  piece: 1,
  /** Pieces below this number (4 bytes) have arrived. Said once in a while anyway, as a sign of life. */
  confirm: 2,
  /** How the sender ended, in words. */
  goodbye: 3,
} as const;

const PIECE_HEADER_BYTES = 6;
const LARGEST_PIECE_BYTES = 128 * 1_024;
const BEAT_MS = 1_000;
const LONGEST_REPEAT_MS = 8_000;

export class ControlStream<Sent, Received> {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  /** The limit that holds now. */
  #patienceMs: number;
  readonly #outgoing: PieceSender;
  readonly #incoming = new PieceReceiver();
  readonly #beat: Timer;
  #up = true;
  #downSinceMs = 0;
  #heardMs: number;
  #beatMs: number;
  #repeatMs = BEAT_MS;
  #repeatAtMs = 0;
  #onMessage: ((message: Received) => void) | null = null;
  /** What came before anybody listened. */
  #early: Received[] = [];
  #gone: string | null = null;
  #onGone: ((how: string) => void) | null = null;
  #emptied: Array<() => void> = [];

  /**
   * `silenceMs`: the other side is gone when nothing was heard of it for so long, or when the wire was down for so long.
   * `firstWordMs`: how long its first word may take instead, for it may have to start first.
   */
  constructor(wire: Wire, clock: Clock, silenceMs: number, firstWordMs = silenceMs) {
    this.#wire = wire;
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#patienceMs = Math.max(silenceMs, firstWordMs);
    this.#heardMs = clock.nowMs();
    this.#beatMs = this.#heardMs;
    const pieceBytes = Math.min(LARGEST_PIECE_BYTES, wire.maxFrameBytes - PIECE_HEADER_BYTES);
    this.#outgoing = new PieceSender(pieceBytes, ({ number, last, bytes }) => {
      if (this.#up) wire.transmit(frameOf(FRAME.piece, [last ? 1 : 0, ...bigEndian(number)], bytes));
    });
    this.#beat = clock.every(BEAT_MS, () => this.#turn());
  }

  get gone(): boolean {
    return this.#gone !== null;
  }

  send(message: Sent): void {
    if (this.#gone !== null) return;
    if (this.#outgoing.unconfirmed === 0) this.#repeatLater(BEAT_MS);
    this.#outgoing.push(serialize(message));
  }

  onMessage(handler: (message: Received) => void): void {
    this.#onMessage = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  onGone(handler: (how: string) => void): void {
    this.#onGone = handler;
    if (this.#gone !== null) handler(this.#gone);
  }

  /** Resolves when the other side has all that was sent, or is gone. */
  async flush(): Promise<void> {
    if (this.#gone !== null || this.#outgoing.unconfirmed === 0) return;
    await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  /** Say goodbye, in a few words, and stop. The own side is not told. */
  leave(how: string): void {
    if (this.#gone !== null) return;
    if (this.#up) this.#wire.transmit(goodbyeFrame(how));
    this.#onGone = null;
    this.#end(how);
  }

  /** A frame has come over the wire. */
  receive(frame: Uint8Array): void {
    if (this.#gone !== null) return;
    this.#heardMs = this.#clock.nowMs();
    this.#patienceMs = this.#silenceMs;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (frame[0] === FRAME.goodbye) this.#end(new TextDecoder().decode(frame.subarray(1)));
    else if (frame[0] === FRAME.confirm && frame.length === 5) this.#confirmed(view.getUint32(1));
    else if (frame[0] === FRAME.piece && frame.length >= PIECE_HEADER_BYTES) {
      const message = this.#incoming.accept({
        number: view.getUint32(2),
        last: frame[1] === 1,
        bytes: frame.subarray(PIECE_HEADER_BYTES),
      });
      this.#confirm();
      if (message !== null) this.#deliver(deserialize(message) as Received);
    }
  }

  /** The wire went down, or is up again: what may have been lost with it is repeated. */
  wireIs(up: boolean): void {
    if (this.#gone !== null || up === this.#up) return;
    this.#up = up;
    const nowMs = this.#clock.nowMs();
    if (!up) {
      this.#downSinceMs = nowMs;
      return;
    }
    // While the wire was down the other side could not be heard.
    this.#heardMs += nowMs - this.#downSinceMs;
    this.#confirm();
    this.#outgoing.repeat();
    this.#repeatLater(BEAT_MS);
  }

  #turn(): void {
    const nowMs = this.#clock.nowMs();
    // When this process itself stood still, the other side may have spoken all the while.
    const stoodStillMs = nowMs - this.#beatMs - BEAT_MS;
    if (stoodStillMs > BEAT_MS) {
      this.#heardMs += stoodStillMs;
      this.#downSinceMs += stoodStillMs;
    }
    this.#beatMs = nowMs;
    if (!this.#up) {
      if (nowMs - this.#downSinceMs >= this.#silenceMs) {
        this.#end(`could not be reached for ${formatDuration(this.#silenceMs)}: the control server was away`);
      }
      return;
    }
    if (nowMs - this.#heardMs >= this.#patienceMs) {
      this.#giveUp();
      return;
    }
    this.#confirm();
    if (this.#outgoing.unconfirmed > 0 && nowMs >= this.#repeatAtMs) {
      this.#outgoing.repeat();
      this.#repeatLater(Math.min(this.#repeatMs * 2, LONGEST_REPEAT_MS));
    }
  }

  /** Should it live after all, it learns that it was given up. */
  #giveUp(): void {
    const how = `was not heard of for ${formatDuration(this.#patienceMs)}`;
    this.#wire.transmit(goodbyeFrame('gave this side up, which it had not heard of for too long'));
    this.#end(how);
  }

  #confirm(): void {
    if (this.#up) this.#wire.transmit(frameOf(FRAME.confirm, bigEndian(this.#incoming.next)));
  }

  #confirmed(next: number): void {
    if (!this.#outgoing.confirm(next)) return;
    this.#repeatLater(BEAT_MS);
    if (this.#outgoing.unconfirmed === 0) this.#wake();
  }

  #repeatLater(ms: number): void {
    this.#repeatMs = ms;
    this.#repeatAtMs = this.#clock.nowMs() + ms;
  }

  #deliver(message: Received): void {
    if (this.#onMessage === null) this.#early.push(message);
    else this.#onMessage(message);
  }

  #end(how: string): void {
    this.#gone = how;
    this.#clock.cancel(this.#beat);
    this.#wake();
    this.#onGone?.(how);
  }

  #wake(): void {
    for (const resolve of this.#emptied.splice(0)) resolve();
  }
}

/** What a side says that ends, or what is said on behalf of one that has ended. */
export function goodbyeFrame(how: string): Uint8Array {
  return frameOf(FRAME.goodbye, [], new TextEncoder().encode(how));
}

function frameOf(kind: number, header: readonly number[], bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(1 + header.length + bytes.length);
  frame.set([kind, ...header]);
  frame.set(bytes, 1 + header.length);
  return frame;
}

function bigEndian(number: number): number[] {
  return [number >>> 24, (number >>> 16) & 0xff, (number >>> 8) & 0xff, number & 0xff];
}
