/** Reads ClickHouse's RowBinary: fields one after the other, numbers with the least byte first. */
export class RowBinaryReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** UInt64 below 2^53. Throws RangeError beyond the end, as all do. */
  uint64(): number {
    const low = this.#bytes.readUInt32LE(this.#at);
    const high = this.#bytes.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high * 2 ** 32 + low;
  }

  /** Array(UInt32), as a copy. */
  uint32s(): Uint32Array {
    const length = this.#varint();
    const end = this.#at + 4 * length;
    if (end > this.#bytes.length) throw new RangeError('the bytes end within an array');
    const copy = new Uint8Array(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return new Uint32Array(copy.buffer);
  }

  /** LEB128: 7 bits a byte, least first. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}
