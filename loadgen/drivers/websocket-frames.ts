/**
 * RFC 6455 frames as a client reads and writes them: unmasked frames in, masked frames out. No sockets here.
 */
import { isUtf8 } from 'node:buffer';

export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** The peer broke the protocol; the connection is to be closed with `code`. */
export class WebSocketProtocolError extends Error {
  readonly code: 1002 | 1007 | 1009;
  constructor(code: WebSocketProtocolError['code'], message: string) {
    super(message);
    this.name = 'WebSocketProtocolError';
    this.code = code;
  }
}

/** Where a FrameReader hands what it read. Buffers are views, valid during the call. */
export interface FrameSink {
  onMessage(data: Buffer, binary: boolean): void;
  onPing(data: Buffer): void;
  /** `code` is 1005 when the frame has none. */
  onClose(code: number, reason: string): void;
}

/**
 * Reads frames from a stream of bytes that may be split anywhere. Whole frames are handed on as views of the bytes read;
 * only a frame that is split over reads, and fragments of a message, are copied. Holds nothing while idle.
 */
export class FrameReader {
  /** Start of a frame whose end has not come yet. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** Payloads of a fragmented message so far. */
  #fragments: Buffer[] | undefined;
  #fragmentBytes = 0;
  #fragmentsBinary = false;
  /** A close frame was read; nothing is read after it. */
  #ended = false;

  /** Read `bytes`. Throws WebSocketProtocolError; the reader is of no use after that. */
  read(bytes: Buffer, maxMessageBytes: number, into: FrameSink): void {
    const end = bytes.length;
    let at = this.#partial === undefined ? 0 : this.#readPartial(bytes, 0, maxMessageBytes, into);
    while (at < end && !this.#ended) {
      const size = frameSize(bytes, at, end, maxMessageBytes);
      if (size === 0 || at + size > end) {
        this.#partial = Buffer.allocUnsafeSlow(Math.max(size, MAX_HEADER));
        this.#partialLength = bytes.copy(this.#partial, 0, at, end);
        return;
      }
      this.#frame(bytes, at, at + size, maxMessageBytes, into);
      at += size;
    }
  }

  /** Complete the partial frame as far as `bytes` goes; returns how far that was. */
  #readPartial(bytes: Buffer, from: number, maxMessageBytes: number, into: FrameSink): number {
    let partial = this.#partial!;
    let at = from;
    let size = frameSize(partial, 0, this.#partialLength, maxMessageBytes);
    while (size === 0 && at < bytes.length) {
      partial[this.#partialLength++] = bytes[at++]!;
      size = frameSize(partial, 0, this.#partialLength, maxMessageBytes);
    }
    if (size === 0) return at;
    if (size > partial.length) {
      const whole = Buffer.allocUnsafeSlow(size);
      partial.copy(whole, 0, 0, this.#partialLength);
      this.#partial = partial = whole;
    }
    const copied = bytes.copy(
      partial,
      this.#partialLength,
      at,
      Math.min(bytes.length, at + size - this.#partialLength),
    );
    this.#partialLength += copied;
    if (this.#partialLength === size) {
      this.#partial = undefined;
      this.#frame(partial, 0, size, maxMessageBytes, into);
    }
    return at + copied;
  }

  #frame(bytes: Buffer, at: number, end: number, maxMessageBytes: number, into: FrameSink): void {
    const opcode = bytes[at]! & 0x0f;
    const final = (bytes[at]! & 0x80) !== 0;
    const payload = bytes.subarray(at + headerSize(bytes[at + 1]!), end);
    switch (opcode) {
      case OPCODE.binary:
      case OPCODE.text:
        if (this.#fragments !== undefined) throw new WebSocketProtocolError(1002, 'a message began inside another');
        if (final) {
          deliver(payload, opcode === OPCODE.binary, into);
        } else {
          this.#fragments = [Buffer.from(payload)];
          this.#fragmentBytes = payload.length;
          this.#fragmentsBinary = opcode === OPCODE.binary;
        }
        return;
      case OPCODE.continuation: {
        if (this.#fragments === undefined) throw new WebSocketProtocolError(1002, 'a continuation without a beginning');
        this.#fragmentBytes += payload.length;
        if (this.#fragmentBytes > maxMessageBytes) throw tooLarge(maxMessageBytes);
        this.#fragments.push(Buffer.from(payload));
        if (!final) return;
        const whole = Buffer.concat(this.#fragments);
        this.#fragments = undefined;
        deliver(whole, this.#fragmentsBinary, into);
        return;
      }
      case OPCODE.ping:
        into.onPing(payload);
        return;
      case OPCODE.pong:
        return;
      default:
        this.#ended = true;
        deliverClose(payload, into);
    }
  }
}

/** Frames of a client, appended one after another to one reused buffer, each masked in place. */
export class MaskedFrameWriter {
  buffer: Buffer;
  length = 0;
  #words: Int32Array;
  readonly #nextMask: () => number;

  /** @param nextMask a random 32-bit integer a call, the masking keys */
  constructor(nextMask: () => number, initialBytes = 32_768) {
    this.#nextMask = nextMask;
    this.buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#words = wordsOf(this.buffer);
  }

  /** Append one final frame. */
  append(opcode: number, payload: Uint8Array): void {
    const size = payload.length;
    this.#reserve(size + MAX_HEADER);
    const b = this.buffer;
    let at = this.length;
    b[at++] = 0x80 | opcode;
    if (size < 126) {
      b[at++] = 0x80 | size;
    } else if (size < 65_536) {
      b[at++] = 0x80 | 126;
      b[at++] = size >>> 8;
      b[at++] = size;
    } else {
      b[at++] = 0x80 | 127;
      at = b.writeUInt32BE(0, at);
      at = b.writeUInt32BE(size, at);
    }
    const key = this.#nextMask() | 0;
    b[at++] = key;
    b[at++] = key >>> 8;
    b[at++] = key >>> 16;
    b[at++] = key >>> 24;
    b.set(payload, at);
    this.length = at + size;
    applyMask(b, this.#words, at, at + size, key);
  }

  /** Leave the buffer to someone who still reads it; go on in a new one that starts with the first `keep` bytes. */
  abandon(keep: number): void {
    this.#moveTo(this.buffer.length, keep);
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed > this.buffer.length) this.#moveTo(Math.max(needed, this.buffer.length * 2), this.length);
  }

  #moveTo(bytes: number, keep: number): void {
    const next = Buffer.allocUnsafeSlow((bytes + 3) & ~3);
    this.buffer.copy(next, 0, 0, keep);
    this.buffer = next;
    this.#words = wordsOf(next);
    this.length = keep;
  }
}

/** Header bytes of the largest frame: type, length 127, eight of length, and four of the key when masked. */
const MAX_HEADER = 14;

function tooLarge(maxMessageBytes: number): WebSocketProtocolError {
  return new WebSocketProtocolError(1009, `a message is larger than ${maxMessageBytes} bytes`);
}

function headerSize(second: number): number {
  return second < 126 ? 2 : second === 126 ? 4 : 10;
}

/** Size of the frame that starts at `at`, header included; 0 when not enough of it is there to know. */
function frameSize(b: Buffer, at: number, end: number, maxMessageBytes: number): number {
  if (end - at < 2) return 0;
  const first = b[at]!;
  const second = b[at + 1]!;
  if ((first & 0x70) !== 0) throw new WebSocketProtocolError(1002, 'a reserved bit is set');
  if ((second & 0x80) !== 0) throw new WebSocketProtocolError(1002, 'a server frame is masked');
  const opcode = first & 0x0f;
  if (opcode > OPCODE.pong || (opcode > OPCODE.binary && opcode < OPCODE.close))
    throw new WebSocketProtocolError(1002, `unknown opcode ${opcode}`);
  if (opcode >= OPCODE.close && ((first & 0x80) === 0 || second > 125))
    throw new WebSocketProtocolError(1002, 'a control frame is fragmented or too long');
  const header = headerSize(second);
  if (end - at < header) return 0;
  const payload =
    second < 126
      ? second
      : second === 126
        ? b.readUInt16BE(at + 2)
        : b.readUInt32BE(at + 2) * 2 ** 32 + b.readUInt32BE(at + 6);
  if (payload > maxMessageBytes) throw tooLarge(maxMessageBytes);
  return header + payload;
}

function deliver(data: Buffer, binary: boolean, into: FrameSink): void {
  if (!binary && !isUtf8(data)) throw new WebSocketProtocolError(1007, 'a text message is not valid UTF-8');
  into.onMessage(data, binary);
}

function deliverClose(payload: Buffer, into: FrameSink): void {
  if (payload.length === 0) {
    into.onClose(1005, '');
    return;
  }
  if (payload.length === 1) throw new WebSocketProtocolError(1002, 'a close frame has half a code');
  const code = payload.readUInt16BE(0);
  const valid = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
  if (!valid) throw new WebSocketProtocolError(1002, `a close frame has the invalid code ${code}`);
  const reason = payload.subarray(2);
  if (!isUtf8(reason)) throw new WebSocketProtocolError(1007, 'a close reason is not valid UTF-8');
  into.onClose(code, reason.toString('utf8'));
}

function wordsOf(buffer: Buffer): Int32Array {
  return new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2);
}

/** XOR [from, to) with the key, by 32-bit words where aligned (little-endian, as all platforms that Node runs on here). */
function applyMask(b: Buffer, words: Int32Array, from: number, to: number, key: number): void {
  let at = from;
  while (at < to && (at & 3) !== 0) {
    b[at] = b[at]! ^ (key >>> (8 * ((at - from) & 3)));
    at++;
  }
  const turn = 8 * ((at - from) & 3);
  const word = turn === 0 ? key : (key >>> turn) | (key << (32 - turn));
  const lastWord = to >> 2;
  for (let i = at >> 2; i < lastWord; i++) words[i] = words[i]! ^ word;
  for (at = Math.max(at, lastWord << 2); at < to; at++) b[at] = b[at]! ^ (key >>> (8 * ((at - from) & 3)));
}
