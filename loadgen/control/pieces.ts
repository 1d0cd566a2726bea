/**
 * Messages of any size over a channel that carries small pieces and may lose, repeat or reorder them: cut, numbered,
 * repeated until confirmed, put together in order, each once (go-back-N). No I/O and no clock: the owner says when to repeat.
 */

/** A piece: `last` says that a message ends with it. Numbers count from 0 over the whole life of the channel. */
export interface Piece {
  number: number;
  last: boolean;
  bytes: Uint8Array;
}

/** At most this many pieces are under way unconfirmed, so that a large message does not drown the channel. */
const WINDOW = 8;

export class PieceSender {
  readonly #pieceBytes: number;
  readonly #transmit: (piece: Piece) => void;
  /** Not confirmed yet; `#underWay` of them, the oldest, have been transmitted. */
  #pieces: Piece[] = [];
  #underWay = 0;
  #next = 0;

  /** `pieceBytes`: size of the largest piece. */
  constructor(pieceBytes: number, transmit: (piece: Piece) => void) {
    if (!(pieceBytes >= 1)) throw new RangeError(`a piece must have room for a byte, not for ${pieceBytes}`);
    this.#pieceBytes = pieceBytes;
    this.#transmit = transmit;
  }

  /** Pieces that the other side has not confirmed. */
  get unconfirmed(): number {
    return this.#pieces.length;
  }

  /** The message must not change until it is confirmed. */
  push(message: Uint8Array): void {
    for (let at = 0; at === 0 || at < message.length; at += this.#pieceBytes) {
      const end = at + this.#pieceBytes;
      this.#pieces.push({ number: this.#next++, last: end >= message.length, bytes: message.subarray(at, end) });
    }
    this.#fill();
  }

  /** The other side has all pieces below `next`. True when that is news. */
  confirm(next: number): boolean {
    const first = this.#pieces[0]?.number ?? this.#next;
    const count = Math.min(next - first, this.#underWay);
    if (count <= 0) return false;
    this.#pieces.splice(0, count);
    this.#underWay -= count;
    this.#fill();
    return true;
  }

  /** Transmit again what was transmitted and not confirmed. */
  repeat(): void {
    for (const piece of this.#pieces.slice(0, this.#underWay)) this.#transmit(piece);
  }

  #fill(): void {
    while (this.#underWay < Math.min(WINDOW, this.#pieces.length)) this.#transmit(this.#pieces[this.#underWay++]!);
  }
}

export class PieceReceiver {
  #next = 0;
  #parts: Uint8Array[] = [];

  /** Confirms all pieces below it. */
  get next(): number {
    return this.#next;
  }

  /** The message that this piece completes, or null. A piece that came before, or too early, is left aside. */
  accept(piece: Piece): Uint8Array | null {
    if (piece.number !== this.#next) return null;
    this.#next++;
    this.#parts.push(piece.bytes);
    if (!piece.last) return null;
    const message = Buffer.concat(this.#parts);
    this.#parts = [];
    return message;
  }
}
