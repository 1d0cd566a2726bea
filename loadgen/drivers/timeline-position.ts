/** How far a connection has got in its user's timeline. A `sent` may overtake messages, so what comes need not be contiguous. */
export class TimelinePosition {
  /** The highest sequence below which everything was seen. */
  value = 0;
  /** What the server was told of that. */
  acknowledged = 0;
  /** Sequences beyond a gap, ascending; connections without a gap keep no list. */
  #ahead: number[] | undefined;

  /** What was seen, and the server was not told. */
  get unacknowledged(): number {
    return this.value - this.acknowledged;
  }

  /** The server is told now: of this. */
  acknowledge(): number {
    this.acknowledged = this.value;
    return this.value;
  }

  /** The stream begins after this. */
  start(after: number): void {
    this.value = this.acknowledged = after;
  }

  /** The stream goes on after this, whatever was seen. */
  reset(position: number): void {
    this.value = position;
    this.acknowledged = Math.min(this.acknowledged, position);
    this.#ahead = undefined;
  }

  /** An entry was seen, perhaps once more. */
  advance(seq: number): void {
    if (seq === this.value + 1) {
      this.value = seq;
      if (this.#ahead !== undefined) this.#closeGap(this.#ahead);
    } else if (seq > this.value) {
      this.#ahead ??= [];
      insertAscending(this.#ahead, seq);
    }
  }

  #closeGap(ahead: number[]): void {
    while (ahead[0] === this.value + 1) this.value = ahead.shift()!;
    if (ahead.length === 0) this.#ahead = undefined;
  }
}

/** Without repeating what is there. */
function insertAscending(list: number[], n: number): void {
  let at = list.length;
  while (at > 0 && list[at - 1]! > n) at--;
  if (list[at - 1] !== n) list.splice(at, 0, n);
}
