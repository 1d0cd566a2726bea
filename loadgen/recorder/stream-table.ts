/**
 * A hash table from (sender, recipient) to a slot 0, 1, 2, … in order of arrival: open addressing over typed arrays, about
 * 25 bytes a stream. What a ledger knows of a stream stands in columns of its own, by slot.
 */

export class StreamTable {
  #keys = new Uint32Array(2 * 64);
  /** Slot + 1 by hash position; 0: free. */
  #positions = new Uint32Array(128);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sender(slot: number): number {
    return this.#keys[2 * slot]!;
  }

  recipient(slot: number): number {
    return this.#keys[2 * slot + 1]!;
  }

  /** A copy of all streams in the order of their slots, two numbers each. */
  keys(): Uint32Array<ArrayBuffer> {
    return this.#keys.slice(0, 2 * this.#size);
  }

  /** The slot of a stream, or −1. */
  find(sender: number, recipient: number): number {
    return this.#positions[this.#position(sender, recipient)]! - 1;
  }

  /** The slot of a stream, new if it has none yet. */
  slot(sender: number, recipient: number): number {
    const position = this.#position(sender, recipient);
    const found = this.#positions[position]!;
    if (found > 0) return found - 1;
    const slot = this.#size++;
    if (2 * slot + 1 >= this.#keys.length) this.#keys = growColumn(this.#keys, 2 * slot + 2);
    this.#keys[2 * slot] = sender;
    this.#keys[2 * slot + 1] = recipient;
    this.#positions[position] = this.#size;
    if (this.#size * 2 > this.#positions.length) this.#rehash();
    return slot;
  }

  #position(sender: number, recipient: number): number {
    const mask = this.#positions.length - 1;
    let h = Math.imul(sender, 0x9e3779b1) ^ Math.imul(recipient + 1, 0x85ebca6b);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    h ^= h >>> 13;
    let position = h & mask;
    for (;;) {
      const slot = this.#positions[position]! - 1;
      if (slot < 0 || (this.#keys[2 * slot] === sender && this.#keys[2 * slot + 1] === recipient)) return position;
      position = (position + 1) & mask;
    }
  }

  #rehash(): void {
    this.#positions = new Uint32Array(this.#positions.length * 2);
    for (let slot = 0; slot < this.#size; slot++)
      this.#positions[this.#position(this.sender(slot), this.recipient(slot))] = slot + 1;
  }
}

/** A copy of a column with room for at least `length`, growing by half. */
export function growColumn(column: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(Math.max(length, column.length + (column.length >> 1)));
  grown.set(column);
  return grown;
}
