import { type RangeQuery, resolveRange, type StoredEntry } from './message-store.ts';

const SLAB_BYTES = 2 ** 20;
const LENGTH_BYTES = 4;

/**
 * Values one after another in large buffers, each with its length before it. One object for each value would make the
 * garbage collector the largest cost of the memory store.
 */
export class ValueSlabs {
  readonly #slabs: (Buffer | undefined)[] = [];
  /** Values in each slab that were not released. */
  readonly #live: number[] = [];
  #used = SLAB_BYTES;

  /** Copies the value; returns where it lies. */
  append(value: Buffer): number {
    const bytes = LENGTH_BYTES + value.length;
    if (this.#used + bytes > SLAB_BYTES) {
      this.#slabs.push(Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)));
      this.#live.push(0);
      this.#used = 0;
    }
    const slab = this.#slabs.at(-1)!;
    this.#live[this.#live.length - 1]!++;
    const offset = this.#used;
    slab.writeUInt32LE(value.length, offset);
    slab.set(value, offset + LENGTH_BYTES);
    this.#used += bytes;
    return (this.#slabs.length - 1) * SLAB_BYTES + offset;
  }

  /** The value is not read any more: a slab that holds nothing else is given back. */
  release(location: number): void {
    const index = Math.floor(location / SLAB_BYTES);
    const live = --this.#live[index]!;
    if (live === 0 && index < this.#slabs.length - 1) this.#slabs[index] = undefined;
  }

  read(location: number): Buffer {
    const slab = this.#slabs[Math.floor(location / SLAB_BYTES)]!;
    const start = (location % SLAB_BYTES) + LENGTH_BYTES;
    return slab.subarray(start, start + slab.readUInt32LE(start - LENGTH_BYTES));
  }
}

/** Sequences in increasing order, each with the location of its value. */
export class EntryList {
  #seqs: number[] = [];
  #locations: number[] = [];
  /** Those before this index were deleted from the front, which would else move all that follow. */
  #start = 0;

  get newest(): number {
    return this.#seqs.at(-1) ?? 0;
  }

  get isEmpty(): boolean {
    return this.#start === this.#seqs.length;
  }

  /** Almost always an append; a repeated sequence replaces. */
  put(seq: number, location: number): void {
    if (this.#seqs.length === 0 || this.newest < seq) {
      this.#seqs.push(seq);
      this.#locations.push(location);
      return;
    }
    const index = this.#indexOf(seq);
    const replaced = this.#seqs[index] === seq ? 1 : 0;
    this.#seqs.splice(index, replaced, seq);
    this.#locations.splice(index, replaced, location);
  }

  /** Returns where its value lies; undefined when there is none. */
  delete(seq: number): number | undefined {
    const index = this.#indexOf(seq);
    if (this.#seqs[index] !== seq) return undefined;
    const location = this.#locations[index];
    if (index > this.#start) {
      this.#seqs.splice(index, 1);
      this.#locations.splice(index, 1);
      return location;
    }
    this.#start++;
    if (this.#start * 2 >= this.#seqs.length) {
      this.#seqs = this.#seqs.slice(this.#start);
      this.#locations = this.#locations.slice(this.#start);
      this.#start = 0;
    }
    return location;
  }

  select(query: RangeQuery, slabs: ValueSlabs): StoredEntry[] {
    const { first, last, newestFirst, limit } = resolveRange(query);
    let from = this.#indexOf(first);
    let to = this.#indexOf(last + 1);
    if (newestFirst) from = Math.max(from, to - limit);
    else to = Math.min(to, from + limit);
    const entries: StoredEntry[] = [];
    for (let i = from; i < to; i++) {
      entries.push({ seq: this.#seqs[i]!, value: slabs.read(this.#locations[i]!) });
    }
    return newestFirst ? entries.reverse() : entries;
  }

  /** Index of the first sequence that is at least `seq`. */
  #indexOf(seq: number): number {
    let low = this.#start;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seqs[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
