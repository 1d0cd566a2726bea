import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clientMessages,
  collectClient,
  collectServer,
  encodeClient,
  encodeServer,
  serverMessages,
} from './codec.fixture.ts';
import {
  type ClientFrames,
  decodeClientFrames,
  decodeServerFrames,
  encodeAck,
  encodeError,
  encodeMessage,
  encodeReceipt,
  encodeRedirect,
  encodeReset,
  encodeSend,
  encodeSent,
  encodeStatus,
  encodeWelcome,
  FrameError,
  FrameWriter,
  isDeviceId,
  isUserId,
} from './codec.ts';
import type { ServerMessage } from './messages.ts';

/** Hex with spaces and line breaks for the eye. */
const bytes = (hex: string) => Buffer.from(hex.replace(/\s+/g, ''), 'hex');
const written = (write: (w: FrameWriter) => void) => {
  const w = new FrameWriter();
  write(w);
  return w.take().toString('hex');
};

const ID = 1_234_567_890_123_456;
const TIME = 1_700_000_000_000;

describe('literal frames', () => {
  const client: Array<[string, string, (w: FrameWriter) => void, unknown]> = [
    [
      'send',
      '01 000462d53c8abac0 03 626f62 00000002 6869',
      (w) => encodeSend(w, ID, 'bob', Buffer.from('hi')),
      { type: 'send', id: ID, to: 'bob', body: Buffer.from('hi') },
    ],
    ['ack', '02 0000000000000007', (w) => encodeAck(w, 7), { type: 'ack', seq: 7 }],
    [
      'status',
      '03 0002 03 626f62 04 7a6fc3ab',
      (w) => encodeStatus(w, ['bob', 'zoë']),
      { type: 'status', peers: ['bob', 'zoë'] },
    ],
  ];
  test.each(client)('%s', (_name, hex, write, message) => {
    expect(written(write)).toBe(bytes(hex).toString('hex'));
    expect(collectClient(bytes(hex))).toEqual([message]);
  });

  const welcome = {
    type: 'welcome' as const,
    user: 'alice',
    device: 'phone',
    head: 9,
    after: 7,
    time: TIME,
    idleTimeoutSeconds: 120,
    maxBodyBytes: 4096,
  };
  const server: Array<[string, string, (w: FrameWriter) => void, ServerMessage]> = [
    [
      'welcome',
      '81 05 616c696365 05 70686f6e65 0000000000000009 0000000000000007 0000018bcfe56800 0078 00001000',
      (w) => encodeWelcome(w, welcome),
      welcome,
    ],
    [
      'sent',
      '82 000462d53c8abac0 0000000000000008 0000018bcfe56800',
      (w) => encodeSent(w, ID, 8, TIME),
      { type: 'sent', id: ID, seq: 8, time: TIME },
    ],
    [
      'message in',
      '83 00 0000000000000009 0000000000000005 0000018bcfe56800 03 626f62 00000002 796f',
      (w) => encodeMessage(w, 'in', 9, 5, TIME, 'bob', Buffer.from('yo')),
      { type: 'message', direction: 'in', seq: 9, id: 5, time: TIME, peer: 'bob', body: Buffer.from('yo') },
    ],
    [
      'message out, empty body, greatest numbers',
      '83 01 001fffffffffffff 001fffffffffffff 001fffffffffffff 01 78 00000000',
      (w) => encodeMessage(w, 'out', 2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1, 'x', Buffer.alloc(0)),
      {
        type: 'message',
        direction: 'out',
        seq: 2 ** 53 - 1,
        id: 2 ** 53 - 1,
        time: 2 ** 53 - 1,
        peer: 'x',
        body: Buffer.alloc(0),
      },
    ],
    [
      'receipt delivered',
      '84 01 03 626f62 0000000000000008',
      (w) => encodeReceipt(w, 'delivered', 'bob', 8),
      { type: 'receipt', state: 'delivered', peer: 'bob', upTo: 8 },
    ],
    [
      'receipt stored',
      '84 02 03 626f62 0000000100000000',
      (w) => encodeReceipt(w, 'stored', 'bob', 2 ** 32),
      { type: 'receipt', state: 'stored', peer: 'bob', upTo: 2 ** 32 },
    ],
    [
      'error',
      '85 03ec 0000000000000005 000000fa 0004 77616974',
      (w) => encodeError(w, 1004, 5, 250, 'wait'),
      { type: 'error', code: 1004, id: 5, retryAfterMs: 250, text: 'wait' },
    ],
    [
      'redirect',
      '86 0008 77733a2f2f683a31',
      (w) => encodeRedirect(w, 'ws://h:1'),
      { type: 'redirect', url: 'ws://h:1' },
    ],
    ['reset', '87 0000000000000003', (w) => encodeReset(w, 3), { type: 'reset', position: 3 }],
  ];
  test.each(server)('%s', (_name, hex, write, message) => {
    expect(written(write)).toBe(bytes(hex).toString('hex'));
    expect(collectServer(bytes(hex))).toEqual([message]);
  });

  test('several frames in one message, in order; none in an empty one', () => {
    const three = bytes('02 0000000000000001  01 0000000000000002 01 62 00000000  02 0000000000000003');
    expect(collectClient(three).map((m) => m.type)).toEqual(['ack', 'send', 'ack']);
    expect(collectClient(Buffer.alloc(0))).toEqual([]);
  });
});

describe('malformed frames', () => {
  const client: Array<[string, string, string]> = [
    ['00', 'unknown frame type from a client', 'type 0'],
    ['82 0000000000000001 0000000000000001 0000000000000001', 'unknown frame type from a client', 'a server frame'],
    ['01', 'truncated', 'a lone type'],
    ['01 0000000000000001 03 626f', 'truncated', 'in the recipient'],
    ['01 0000000000000001 01 62 00000002 61', 'truncated', 'in the body'],
    ['01 0000000000000000 01 62 00000000', 'a number is outside its range', 'id 0'],
    ['01 0020000000000000 01 62 00000000', 'a number is outside its range', 'id 2^53'],
    ['01 0000000000000001 00 00000000', 'an id is empty', 'no recipient'],
    [`01 0000000000000001 41 ${'61'.repeat(65)} 00000000`, 'an id is too long', 'recipient of 65 bytes'],
    ['01 0000000000000001 02 6109 00000000', 'an id has control characters', 'tab in the recipient'],
    ['01 0000000000000001 02 617f 00000000', 'an id has control characters', 'delete in the recipient'],
    ['01 0000000000000001 02 c285 00000000', 'an id has control characters', 'C1 control in the recipient'],
    ['01 0000000000000001 01 ff 00000000', 'text is not valid UTF-8', 'recipient not UTF-8'],
    ['01 0000000000000001 03 eda080 00000000', 'text is not valid UTF-8', 'surrogate in the recipient'],
    ['01 0000000000000001 01 62 00010001', 'a body is too large', 'body length beyond the limit'],
    ['02 0020000000000000', 'a number is outside its range', 'ack 2^53'],
    ['03 0101', 'too many peers in a status request', '257 peers'],
    ['03 0002 01 61', 'truncated', 'one of two peers'],
  ];
  test.each(client)('from a client: %s → %s (%s)', (hex, reason) => {
    expect(() => collectClient(bytes(hex))).toThrow(new FrameError(reason));
  });

  const server: Array<[string, string, string]> = [
    ['01 0000000000000001 01 62 00000000', 'unknown frame type from a server', 'a client frame'],
    ['83 02 0000000000000009 0000000000000005 0000000000000000 01 62 00000000', 'unknown message flags', 'flag 2'],
    [
      '83 00 0000000000000000 0000000000000005 0000000000000000 01 62 00000000',
      'a number is outside its range',
      'seq 0',
    ],
    ['84 00 01 62 0000000000000008', 'unknown receipt state', 'state 0'],
    ['85 03ec 0000000000000005 000000fa 0001 ff', 'text is not valid UTF-8', 'text not UTF-8'],
    ['81 01 61', 'truncated', 'in the welcome'],
    ['86 0001', 'truncated', 'in the redirect'],
    ['87', 'truncated', 'in the reset'],
  ];
  test.each(server)('from a server: %s → %s (%s)', (hex, reason) => {
    expect(() => collectServer(bytes(hex))).toThrow(new FrameError(reason));
  });

  test('frames before the malformed one are handed over', () => {
    const seen: number[] = [];
    const sink: ClientFrames = { ...deafClient, ack: (seq) => seen.push(seq) };
    expect(() => decodeClientFrames(bytes('02 0000000000000001 02 0000000000000002 09'), sink)).toThrow(FrameError);
    expect(seen).toEqual([1, 2]);
  });

  test('a malformed multi-field frame is not handed over in part', () => {
    let called = false;
    const sink: ClientFrames = {
      ...deafClient,
      send: () => {
        called = true;
      },
    };
    expect(() => decodeClientFrames(bytes('01 0000000000000001 01 62 00000002 61'), sink)).toThrow(FrameError);
    expect(called).toBe(false);
  });
});

describe('encoders reject what decoders would, and leave the writer as it was', () => {
  const cases: Array<[string, (w: FrameWriter) => void]> = [
    ['id 0', (w) => encodeSend(w, 0, 'a', Buffer.alloc(0))],
    ['id 2^53', (w) => encodeSend(w, 2 ** 53, 'a', Buffer.alloc(0))],
    ['a fraction', (w) => encodeAck(w, 1.5)],
    ['NaN', (w) => encodeReset(w, Number.NaN)],
    ['an empty recipient', (w) => encodeSend(w, 1, '', Buffer.alloc(0))],
    ['a recipient of 65 bytes in 33 characters', (w) => encodeSend(w, 1, `${'é'.repeat(32)}a`, Buffer.alloc(0))],
    ['a lone surrogate', (w) => encodeSend(w, 1, '\ud800', Buffer.alloc(0))],
    ['a control character', (w) => encodeReceipt(w, 'stored', 'a\u0000', 1)],
    ['a body over the limit', (w) => encodeSend(w, 1, 'a', Buffer.alloc(65_537))],
    ['257 peers', (w) => encodeStatus(w, new Array(257).fill('a'))],
    ['a text over 65,535 bytes', (w) => encodeRedirect(w, 'a'.repeat(65_536))],
    ['an error code over 16 bits', (w) => encodeError(w, 65_536, 0, 0, '')],
    ['a delay over 32 bits', (w) => encodeError(w, 1, 0, 2 ** 32, '')],
  ];
  test.each(cases)('%s', (_name, write) => {
    const w = new FrameWriter();
    encodeAck(w, 1);
    expect(() => write(w)).toThrow(FrameError);
    expect(w.take().toString('hex')).toBe('020000000000000001');
  });

  test('ids', () => {
    expect(['a', 'zoë', 'x'.repeat(64), '日本'].every(isUserId)).toBe(true);
    expect(['', 'x'.repeat(65), 'a\nb', '\udc00', '日'.repeat(22)].some(isUserId)).toBe(false);
    expect(isDeviceId('x'.repeat(32))).toBe(true);
    expect(isDeviceId('x'.repeat(33))).toBe(false);
  });
});

describe('properties', () => {
  test('client frames: what was encoded is decoded', () => {
    fc.assert(
      fc.property(clientMessages, (list) => {
        expect(collectClient(encodeClient(list))).toEqual(list);
      }),
    );
  });

  test('server frames: what was encoded is decoded', () => {
    fc.assert(
      fc.property(serverMessages, (list) => {
        expect(collectServer(encodeServer(list))).toEqual(list);
      }),
    );
  });

  test('random bytes never throw anything but FrameError', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 3, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87),
        fc.uint8Array({ maxLength: 80 }),
        (type, tail) => {
          const data = Buffer.from([type, ...tail]);
          onlyFrameErrors(() => collectClient(data));
          onlyFrameErrors(() => collectServer(data));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('mutated valid frames never throw anything but FrameError', () => {
    const mutation = fc.record({ at: fc.nat(), xor: fc.integer({ min: 1, max: 255 }), cut: fc.option(fc.nat()) });
    fc.assert(
      fc.property(clientMessages, serverMessages, mutation, (client, server, change) => {
        const clientData = mutate(encodeClient(client), change);
        const serverData = mutate(encodeServer(server), change);
        onlyFrameErrors(() => collectClient(clientData));
        onlyFrameErrors(() => collectServer(serverData));
      }),
      { numRuns: 3000 },
    );
  });

  test('every truncation of a valid frame is rejected', () => {
    fc.assert(
      fc.property(
        serverMessages.filter((list) => list.length === 1),
        (list) => {
          const data = encodeServer(list);
          for (let cut = 1; cut < data.length; cut++)
            expect(() => collectServer(data.subarray(0, cut))).toThrow(FrameError);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test('the writer grows, shows views and hands out copies', () => {
  const w = new FrameWriter(1);
  const body = Buffer.alloc(5000, 7);
  for (let id = 1; id <= 20; id++) encodeSend(w, id, 'bob', body);
  const copy = w.take();
  expect(w.view().equals(copy)).toBe(true);
  expect(w.view().buffer).toBe(w.buffer.buffer);
  w.reset();
  encodeAck(w, 1);
  expect(w.length).toBe(9);
  expect(collectClient(copy)).toHaveLength(20);
});

test('a sink may encode and decode', () => {
  const seen: number[] = [];
  const inner = encodeServer([{ type: 'reset', position: 5 }]);
  const outer = encodeServer([
    { type: 'reset', position: 1 },
    { type: 'reset', position: 2 },
  ]);
  const sink = {
    welcome() {},
    sent() {},
    message() {},
    receipt() {},
    error() {},
    redirect() {},
    group() {},
    presence() {},
  };
  decodeServerFrames(outer, {
    ...sink,
    reset(position) {
      seen.push(position);
      decodeServerFrames(inner, { ...sink, reset: (p) => seen.push(p) });
    },
  });
  expect(seen).toEqual([1, 5, 2, 5]);
});

function mutate(data: Buffer, change: { at: number; xor: number; cut: number | null }): Buffer {
  if (data.length === 0) return data;
  const copy = Buffer.from(data);
  copy[change.at % copy.length]! ^= change.xor;
  return change.cut === null ? copy : copy.subarray(0, change.cut % (copy.length + 1));
}

function onlyFrameErrors(act: () => void): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(FrameError);
  }
}

const deafClient: ClientFrames = { send() {}, ack() {}, status() {}, sendGroup() {}, group() {}, presence() {} };
