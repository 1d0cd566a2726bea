/** One hostile connection: what it sends, and what must become of it. Pure, by a seed; the codec itself says what is malformed. */
import type { Random } from '../../loadgen/random.ts';
import { decodeClientFrames, FrameError, FrameWriter } from '../../server/protocol/codec.ts';
import { decodeClientJson, encodeClientJson } from '../../server/protocol/codec-json.ts';
import type { ClientMessage } from '../../server/protocol/messages.ts';
import { anyClientMessage, type FuzzNames, mutate, mutateText, noise, pick, webSocketGarbage } from './fuzz-frames.ts';
import { clientSink, writeClientMessage } from './message-frames.ts';

/** `open`: nothing in it is malformed. `coded`: must be closed with a code of ours. `any`: not even WebSocket. */
export type Expectation = 'open' | 'coded' | 'any';

export interface Attack {
  json: boolean;
  /** The bytes after the handshake, ready for the wire, in as many writes. */
  writes: Buffer[];
  /** Frames and other pieces in it. */
  frames: number;
  expect: Expectation;
  /** To be understood in a report. */
  about: string;
}

const MOST_MESSAGES = 4;
const MOST_FRAMES = 12;
/** More than any server takes, and more than it could be asked to. */
const TOO_LARGE_BYTES = [16_384 * 6 + 1_025, 16_384 * 6 + 40_000];

export function anyAttack(random: Random, names: FuzzNames): Attack {
  const dice = random.integer(100);
  if (dice < 4) return garbage(random);
  if (dice < 5) return oversized(random);
  return dice < 65 ? binary(random, names) : json(random, names);
}

function binary(random: Random, names: FuzzNames): Attack {
  const payloads: Buffer[] = [];
  let frames = 0;
  let expect: Expectation = 'open';
  const writer = new FrameWriter();
  let last: Buffer = Buffer.alloc(0);
  for (let m = 1 + random.integer(MOST_MESSAGES); m > 0 && expect === 'open'; m--) {
    writer.reset();
    const count = 1 + random.integer(MOST_FRAMES);
    for (let i = 0; i < count; i++) writeClientMessage(writer, small(anyClientMessage(random, names, false)));
    const sound = writer.take();
    const payload = random.integer(2) === 0 ? sound : mutate(random, sound, last);
    last = sound;
    frames += count;
    payloads.push(payload);
    if (!isSound(() => decodeClientFrames(payload, clientSink([])))) expect = 'coded';
  }
  const wire = payloads.map((payload) => frame(random, 2, payload));
  return {
    json: false,
    writes: cut(random, Buffer.concat(wire)),
    frames,
    expect,
    about: payloads.map((p) => p.toString('hex')).join(' | '),
  };
}

function json(random: Random, names: FuzzNames): Attack {
  const texts: string[] = [];
  let expect: Expectation = 'open';
  let last = '{}';
  for (let m = 1 + random.integer(MOST_MESSAGES * 3); m > 0 && expect === 'open'; m--) {
    const sound = encodeClientJson(small(anyClientMessage(random, names, false)));
    const text = random.integer(6) > 0 ? sound : mutateText(random, sound, last);
    last = sound;
    texts.push(text);
    // As it arrives: a lone surrogate has become U+FFFD on the way.
    const received = Buffer.from(text).toString();
    if (!isSound(() => decodeClientJson(received, clientSink([])))) expect = 'coded';
  }
  const wire = texts.map((text) => frame(random, 1, Buffer.from(text)));
  return {
    json: true,
    writes: cut(random, Buffer.concat(wire)),
    frames: texts.length,
    expect,
    about: texts.join(' | '),
  };
}

/** A message larger than allowed. */
function oversized(random: Random): Attack {
  const wire = frame(random, 2, Buffer.alloc(pick(random, TOO_LARGE_BYTES), 1));
  return { json: false, writes: [wire], frames: 1, expect: 'coded', about: `a message of ${wire.length} bytes` };
}

function garbage(random: Random): Attack {
  const pieces = Array.from({ length: 1 + random.integer(3) }, () => webSocketGarbage(random));
  return {
    json: random.integer(2) === 0,
    writes: pieces,
    frames: pieces.length,
    expect: 'any',
    about: pieces.map((piece) => piece.toString('hex')).join(' | '),
  };
}

function isSound(decode: () => void): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof FrameError) return false;
    throw error;
  }
}

/** Large bodies are rare enough in nature; here they would only fill the disk. */
function small(message: ClientMessage): ClientMessage {
  return message.type === 'send' && message.body.length > 1_000
    ? { ...message, body: message.body.subarray(0, 100) }
    : message;
}

/** A masked WebSocket frame. */
function frame(random: Random, opcode: number, payload: Buffer): Buffer {
  const mask = noise(random, 4);
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + 4);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(payload.length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  mask.copy(head, head.length - 4);
  const body = Buffer.from(payload);
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!;
  return Buffer.concat([head, body]);
}

/** Mostly one write; now and then cut anywhere, as a network may. */
function cut(random: Random, wire: Buffer): Buffer[] {
  if (random.integer(4) > 0) return [wire];
  const at = random.integer(wire.length + 1);
  return [wire.subarray(0, at), wire.subarray(at)];
}
