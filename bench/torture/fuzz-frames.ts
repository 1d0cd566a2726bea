/** What is thrown at codec and server: messages, sound and on the edge, and bytes and texts that were sound once. Pure, by a seed. */
import type { Random } from '../../loadgen/random.ts';
import {
  type ClientMessage,
  GROUP_ACTIONS,
  GROUP_ROLES,
  LIMITS,
  PRESENCE_ACTIONS,
  PRESENCE_STATES,
  type ServerMessage,
} from '../../server/protocol/messages.ts';

export interface FuzzNames {
  /** A user or group id that may exist. */
  user: () => string;
  group: () => string;
}

/** Names of all kinds: short, long, not ASCII, too long, with control characters. `wild`: also those that no frame may hold. */
export function anyNames(random: Random, wild: boolean): FuzzNames {
  const name = (): string => {
    const dice = random.integer(wild ? 12 : 8);
    if (dice < 4) return `u${random.integer(100)}`;
    if (dice === 4) return pick(random, ['zoë', '名前', '👩‍🚀', 'a b', '~', '\'"\\']);
    if (dice === 5) return 'x'.repeat(LIMITS.userIdBytes);
    if (dice === 6) return 'é'.repeat(LIMITS.userIdBytes / 2);
    if (dice === 7) return String.fromCharCode(0x21 + random.integer(0x5d));
    return pick(random, ['', 'x'.repeat(65), 'é'.repeat(33), 'a\u0000', '\u0085', '\ud800', '\u007f', '\u0001g']);
  };
  return { user: name, group: name };
}

/** `wild`: fields may hold what no frame can; an encoder must refuse that. */
export function anyClientMessage(random: Random, names: FuzzNames, wild: boolean): ClientMessage {
  const users = (): string[] =>
    Array.from({ length: random.integer(4) === 0 ? random.integer(40) : random.integer(3) }, names.user);
  const dice = random.integer(10);
  if (dice < 4) return { type: 'send', id: anyNumber(random, 1, wild), to: names.user(), body: anyBody(random, wild) };
  if (dice === 4)
    return { type: 'send', id: anyNumber(random, 1, wild), group: names.group(), body: anyBody(random, wild) };
  if (dice < 7) return { type: 'ack', seq: anyNumber(random, 0, wild) };
  if (dice === 7) return { type: 'status', peers: users() };
  if (dice === 8) {
    const [id, action, group] = [anyNumber(random, 0, wild), pick(random, GROUP_ACTIONS), names.group()];
    return { type: 'group', id, action, group, open: random.integer(2) === 0, users: users() };
  }
  return { type: 'presence', action: pick(random, PRESENCE_ACTIONS), users: users() };
}

export function anyServerMessage(random: Random, names: FuzzNames, wild: boolean): ServerMessage {
  const number = (min: 0 | 1 = 0): number => anyNumber(random, min, wild);
  switch (random.integer(9)) {
    case 0:
      return {
        type: 'welcome',
        user: names.user(),
        device: pick(random, ['default', 'd', 'x'.repeat(LIMITS.deviceIdBytes)]),
        head: number(),
        after: number(),
        time: number(),
        idleTimeoutSeconds: random.integer(wild ? 0x1_0100 : 0x1_0000),
        maxBodyBytes: random.integer(wild ? 2 ** 33 : 2 ** 32),
      };
    case 1:
      return { type: 'sent', id: number(1), seq: number(1), time: number() };
    case 2: {
      const direction = pick(random, ['in', 'out'] as const);
      const message = { type: 'message' as const, direction, seq: number(1), id: number(1), time: number() };
      const whole = { ...message, peer: names.user(), body: anyBody(random, wild) };
      return random.integer(2) === 0 ? whole : { ...whole, group: names.group(), groupSeq: number() };
    }
    case 3:
      return {
        type: 'receipt',
        state: pick(random, ['delivered', 'stored'] as const),
        peer: names.user(),
        upTo: number(),
      };
    case 4:
      return {
        type: 'error',
        code: random.integer(0x1_0000),
        id: number(),
        retryAfterMs: random.integer(2 ** 32),
        text: anyText(random, wild),
      };
    case 5:
      return { type: 'redirect', url: anyText(random, wild) };
    case 6:
      return { type: 'reset', position: number() };
    case 7:
      return {
        type: 'group',
        id: number(),
        group: names.group(),
        role: pick(random, GROUP_ROLES),
        members: random.integer(2 ** 32),
        head: number(),
      };
    default: {
      const users = Array.from({ length: random.integer(5) }, () => ({
        user: names.user(),
        state: pick(random, PRESENCE_STATES),
      }));
      return { type: 'presence', users };
    }
  }
}

/** Bytes that were sound frames: cut, flipped, spliced with others, with absurd lengths, or nothing but noise. */
export function mutate(random: Random, frame: Buffer, other: Buffer): Buffer {
  const bytes = Buffer.from(frame);
  const at = random.integer(Math.max(bytes.length, 1));
  switch (random.integer(9)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      if (bytes.length > 0) bytes[at]! ^= 1 << random.integer(8);
      return bytes;
    case 2:
      for (let i = 0; i < 4 && bytes.length > 0; i++) bytes[random.integer(bytes.length)] = random.integer(256);
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.integer(other.length + 1))]);
    case 4:
      return Buffer.concat([bytes, other.subarray(0, random.integer(other.length + 1)), bytes]);
    case 5: {
      // A length, wherever it stands, becomes the greatest, or nearly.
      bytes.fill(0xff, at, Math.min(at + 1 + random.integer(8), bytes.length));
      return bytes;
    }
    case 6:
      bytes.fill(0, at, Math.min(at + 1 + random.integer(8), bytes.length));
      return bytes;
    case 7:
      return Buffer.concat([bytes.subarray(0, at), noise(random, random.integer(12)), bytes.subarray(at)]);
    default:
      return noise(random, random.integer(64));
  }
}

/** Texts that were sound JSON messages. */
export function mutateText(random: Random, text: string, other: string): string {
  const at = random.integer(text.length + 1);
  switch (random.integer(8)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + other.slice(random.integer(other.length + 1));
    case 2:
      return text.slice(0, at) + String.fromCharCode(random.integer(0xd800)) + text.slice(at + 1);
    case 3:
      return text.replace(/:("[^"]*"|\d+)/g, (field) =>
        random.integer(3) === 0 ? `:${pick(random, ODD_VALUES)}` : field,
      );
    case 4:
      return text.replace('"type"', pick(random, ['"__proto__"', '"constructor"', '"type","x"', '"TYPE"']));
    case 5:
      return '['.repeat(random.integer(2_000)) + text;
    case 6:
      return text.replace(/\d+/, (digits) =>
        pick(random, [`-${digits}`, `${digits}e99`, `${digits}.5`, `0${digits}`, '9007199254740992']),
      );
    default:
      return pick(random, [
        '',
        'null',
        '[]',
        '0',
        '"x"',
        '{}',
        '{"type":null}',
        '{"type":"send"}',
        '\u0000',
        '{"type":"ack","seq":-0}',
      ]);
  }
}

/** Bytes on a socket after the handshake that are hardly WebSocket frames. */
export function webSocketGarbage(random: Random): Buffer {
  const header = noise(random, 2 + random.integer(14));
  switch (random.integer(6)) {
    case 0:
      return noise(random, 1 + random.integer(200));
    case 1:
      // Any opcode and reserved bits, masked or not.
      return Buffer.concat([
        Buffer.from([random.integer(256), random.integer(256)]),
        noise(random, random.integer(40)),
      ]);
    case 2:
      header.set([0x82, 0xff], 0);
      header.fill(0xff, 2, Math.min(10, header.length)); // 2^64 - 1 bytes are announced
      return header;
    case 3:
      // A control frame that is fragmented or too long.
      return Buffer.concat([
        Buffer.from([0x09 | (random.integer(2) << 7), 0x80 | (126 + random.integer(2))]),
        noise(random, 140),
      ]);
    case 4:
      // A continuation of nothing, or a message within a message.
      return Buffer.from([random.integer(2) === 0 ? 0x80 : 0x01, 0x80, 0, 0, 0, 0, 0x02, 0x80, 0, 0, 0, 0]);
    default:
      // A close frame with an odd code, then more.
      return Buffer.concat([
        Buffer.from([0x88, 0x82, 0, 0, 0, 0, random.integer(256), random.integer(256)]),
        noise(random, 20),
      ]);
  }
}

export function noise(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = random.integer(256);
  return bytes;
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.integer(items.length)]!;
}

const ODD_VALUES = [
  'null',
  '-1',
  '1.5',
  '1e400',
  '"\\ud800"',
  '"\\u0000"',
  '[]',
  '{}',
  'true',
  '""',
  '9007199254740993',
  '"1"',
];
const EDGES = [1, 2, 255, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2, 2 ** 53 - 1];
const IMPOSSIBLE = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)];

function anyNumber(random: Random, min: 0 | 1, wild: boolean): number {
  if (wild && random.integer(8) === 0) return pick(random, IMPOSSIBLE);
  return random.integer(3) === 0 ? pick(random, EDGES) : min + random.integer(1_000);
}

function anyBody(random: Random, wild: boolean): Buffer {
  const dice = random.integer(100);
  if (dice === 0) return Buffer.alloc(LIMITS.bodyBytes - random.integer(3), 'b');
  if (wild && dice === 1) return Buffer.alloc(LIMITS.bodyBytes + 1 + random.integer(3));
  return dice < 60 ? Buffer.from(`hello ${random.integer(1_000)}`) : noise(random, random.integer(120));
}

function anyText(random: Random, wild: boolean): string {
  if (wild && random.integer(50) === 0) return 'é'.repeat(0x8000 + random.integer(2));
  return pick(random, ['', 'ws://h:1', 'to\u0000day', '名前', 'x'.repeat(random.integer(300))]);
}
