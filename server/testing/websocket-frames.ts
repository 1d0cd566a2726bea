/** WebSocket framing by hand (RFC 6455, section 5.2): what a client library would refuse to send, and what exactly came back. */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ClientFrameOptions {
  /** Last of its message; default true. */
  fin?: boolean;
  /** RSV1 to RSV3 as the bits 4, 2, 1; default 0. */
  reserved?: number;
  /** Masking key of four bytes, zeros by default; null: not masked. */
  mask?: Buffer | null;
}

const ZERO_MASK = Buffer.alloc(4);

/** One frame as a client sends it, with the shortest form of its length. */
export function clientFrame(opcode: number, payload: Buffer | string = '', options: ClientFrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, mask = ZERO_MASK } = options;
  const data = Buffer.from(payload as Buffer);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const masked = mask === null ? 0 : 0x80;
  let header: Buffer;
  if (data.length < 126) header = Buffer.from([first, masked | data.length]);
  else if (data.length < 0x1_0000) header = Buffer.from([first, masked | 126, data.length >> 8, data.length & 0xff]);
  else {
    header = Buffer.from([first, masked | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(BigInt(data.length), 2);
  }
  if (mask === null) return Buffer.concat([header, data]);
  for (let i = 0; i < data.length; i++) data[i]! ^= mask[i % 4]!;
  return Buffer.concat([header, mask, data]);
}

/** The payload of a close frame; without a code it is empty. */
export function closePayload(code?: number, reason: Buffer | string = ''): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason as Buffer)]);
}

export interface ServerFrame {
  opcode: number;
  payload: Buffer;
}

/** The whole frames at the beginning of what a server has sent. Throws when it is masked, fragmented or has reserved bits. */
export function serverFrames(received: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= received.length; ) {
    const [first, second] = [received[at]!, received[at + 1]!];
    if ((first & 0xf0) !== 0x80 || second > 127) throw new Error(`a server does not send ${first}, ${second}`);
    let start = at + 2;
    let length = second;
    if (second === 126) {
      if (received.length < at + 4) break;
      length = received.readUInt16BE(at + 2);
      start = at + 4;
    } else if (second === 127) {
      if (received.length < at + 10) break;
      length = Number(received.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    if (received.length < start + length) break;
    frames.push({ opcode: first & 0x0f, payload: received.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}

/** One message of a client in frames of `size` bytes each. */
export function fragments(opcode: number, data: Buffer, size: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; at += size) {
    const options = { fin: at + size >= data.length };
    parts.push(clientFrame(at === 0 ? opcode : OPCODES.continuation, data.subarray(at, at + size), options));
  }
  return parts;
}
