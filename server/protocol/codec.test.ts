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
  encodeGroup,
  encodeGroupMessage,
  encodeGroupState,
  encodeMessage,
  encodePresence,
  encodePresenceState,
  encodeReceipt,
  encodeRedirect,
  encodeReset,
  encodeSend,
  encodeSendGroup,
  encodeSent,
  encodeStatus,
  encodeWelcome,
  FRAME,
  FrameError,
  FrameWriter,
  isDeviceId,
  isGroupId,
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
    [
      'send to a group',
      '04 000462d53c8abac0 04 7465616d 00000002 6869',
      (w) => encodeSendGroup(w, ID, 'team', Buffer.from('hi')),
      { type: 'send', id: ID, group: 'team', body: Buffer.from('hi') },
    ],
    [
      'group, open, with users',
      '05 0000000000000003 01 04 7465616d 01 0002 03 626f62 04 7a6fc3ab',
      (w) => encodeGroup(w, 3, 'create', 'team', true, ['bob', 'zoë']),
      { type: 'group', id: 3, action: 'create', group: 'team', open: true, users: ['bob', 'zoë'] },
    ],
    [
      'group, the last action, nobody named, id 0',
      '05 0000000000000000 08 01 67 00 0000',
      (w) => encodeGroup(w, 0, 'info', 'g', false, []),
      { type: 'group', id: 0, action: 'info', group: 'g', open: false, users: [] },
    ],
    [
      'presence',
      '06 02 0002 03 626f62 04 7a6fc3ab',
      (w) => encodePresence(w, 'subscribe', ['bob', 'zoë']),
      { type: 'presence', action: 'subscribe', users: ['bob', 'zoë'] },
    ],
    [
      'presence, the last action, nobody named',
      '06 03 0000',
      (w) => encodePresence(w, 'unsubscribe', []),
      { type: 'presence', action: 'unsubscribe', users: [] },
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
    [
      'group message in',
      '83 02 000000000000000a 0000000000000005 0000018bcfe56800 03 626f62 04 7465616d 0000000000000004 00000002 796f',
      (w) => encodeGroupMessage(w, 'in', 10, 5, TIME, 'bob', 'team', 4, Buffer.from('yo')),
      {
        type: 'message',
        direction: 'in',
        seq: 10,
        id: 5,
        time: TIME,
        peer: 'bob',
        body: Buffer.from('yo'),
        group: 'team',
        groupSeq: 4,
      },
    ],
    [
      'group message out, not numbered, empty',
      '83 03 0000000000000001 0000000000000001 0000000000000000 01 62 01 67 0000000000000000 00000000',
      (w) => encodeGroupMessage(w, 'out', 1, 1, 0, 'b', 'g', 0, Buffer.alloc(0)),
      {
        type: 'message',
        direction: 'out',
        seq: 1,
        id: 1,
        time: 0,
        peer: 'b',
        body: Buffer.alloc(0),
        group: 'g',
        groupSeq: 0,
      },
    ],
    [
      'group state',
      '88 0000000000000003 04 7465616d 02 00000003 0000000000000007',
      (w) => encodeGroupState(w, 3, 'team', 'owner', 3, 7),
      { type: 'group', id: 3, group: 'team', role: 'owner', members: 3, head: 7 },
    ],
    [
      'news of a group',
      '88 0000000000000000 01 67 00 00000000 0000000000000000',
      (w) => encodeGroupState(w, 0, 'g', 'none', 0, 0),
      { type: 'group', id: 0, group: 'g', role: 'none', members: 0, head: 0 },
    ],
    [
      'presence states',
      '89 0003 03 626f62 01 04 7a6fc3ab 02 01 78 00',
      (w) =>
        encodePresenceState(w, [
          { user: 'bob', state: 'online' },
          { user: 'zoë', state: 'unknown' },
          { user: 'x', state: 'offline' },
        ]),
      {
        type: 'presence',
        users: [
          { user: 'bob', state: 'online' },
          { user: 'zoë', state: 'unknown' },
          { user: 'x', state: 'offline' },
        ],
      },
    ],
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
    ['04 0000000000000000 01 67 00000000', 'a number is outside its range', 'to a group, id 0'],
    ['04 0000000000000001 00 00000000', 'an id is empty', 'to no group'],
    [`04 0000000000000001 41 ${'61'.repeat(65)} 00000000`, 'an id is too long', 'group of 65 bytes'],
    ['04 0000000000000001 01 01 00000000', 'an id has control characters', 'control character in the group'],
    ['04 0000000000000001 01 67 00000002 61', 'truncated', 'in the body to a group'],
    ['04 0000000000000001 01 67 00010001', 'a body is too large', 'body to a group beyond the limit'],
    ['05 0000000000000001 00 01 67 00 0000', 'unknown group action', 'action 0'],
    ['05 0000000000000001 09 01 67 00 0000', 'unknown group action', 'action 9'],
    ['05 0000000000000001 01 01 67 02 0000', 'unknown group flags', 'group flag 2'],
    ['05 0020000000000000 01 01 67 00 0000', 'a number is outside its range', 'group id 2^53'],
    ['05 0000000000000001 01 00 00 0000', 'an id is empty', 'no group'],
    ['05 0000000000000001 01 01 67 00 0101', 'too many users named', '257 users in a group request'],
    ['05 0000000000000001 01 01 67 00 0002 01 61', 'truncated', 'one of two users'],
    ['05 0000000000000001 01 01 67 00 0001 00', 'an id is empty', 'an empty user'],
    ['05 0000000000000001 01 ff', 'truncated', 'in the group'],
    ['06 00 0000', 'unknown presence action', 'action 0'],
    ['06 04 0000', 'unknown presence action', 'action 4'],
    ['06 01', 'truncated', 'no count'],
    ['06 01 0101', 'too many users named', '257 users in a presence request'],
    ['06 01 0001 01 ff', 'text is not valid UTF-8', 'a user not UTF-8'],
    ['06 01 0001 05 61', 'truncated', 'in a user'],
  ];
  test.each(client)('from a client: %s → %s (%s)', (hex, reason) => {
    expect(() => collectClient(bytes(hex))).toThrow(new FrameError(reason));
  });

  const server: Array<[string, string, string]> = [
    ['01 0000000000000001 01 62 00000000', 'unknown frame type from a server', 'a client frame'],
    ['83 04 0000000000000009 0000000000000005 0000000000000000 01 62 00000000', 'unknown message flags', 'flag 4'],
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
    [
      '83 02 0000000000000001 0000000000000001 0000000000000000 01 62 00 0000000000000000 00000000',
      'an id is empty',
      'a group message without a group',
    ],
    ['83 02 0000000000000001 0000000000000001 0000000000000000 01 62 00000000', 'truncated', 'no group'],
    ['88 0000000000000001 01 67 03 00000000 0000000000000000', 'unknown group role', 'role 3'],
    ['88 0000000000000001 01 67 02 00000000 0020000000000000', 'a number is outside its range', 'head 2^53'],
    ['88 0000000000000001 01 67 02 00000000', 'truncated', 'in the group state'],
    ['89 0001 01 61 03', 'unknown presence state', 'state 3'],
    ['89 0001 01 61', 'truncated', 'no state'],
    ['89 0101', 'too many users named', '257 states'],
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
    ['id 0 to a group', (w) => encodeSendGroup(w, 0, 'g', Buffer.alloc(0))],
    ['an empty group', (w) => encodeGroup(w, 1, 'info', '', false, [])],
    ['257 users in a group request', (w) => encodeGroup(w, 1, 'add', 'g', false, new Array(257).fill('a'))],
    ['257 users in a presence request', (w) => encodePresence(w, 'pull', new Array(257).fill('a'))],
    ['257 states', (w) => encodePresenceState(w, new Array(257).fill({ user: 'a', state: 'online' }))],
    ['an empty user among others', (w) => encodePresence(w, 'pull', ['a', ''])],
    ['more members than 32 bits', (w) => encodeGroupState(w, 1, 'g', 'member', 2 ** 32, 0)],
    ['a group place 2^53', (w) => encodeGroupMessage(w, 'in', 1, 1, 0, 'a', 'g', 2 ** 53, Buffer.alloc(0))],
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
    expect(['a', 'zoë', 'x'.repeat(64)].every(isGroupId)).toBe(true);
    expect(['', 'x'.repeat(65), '\u0001a'].some(isGroupId)).toBe(false);
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
      fc.property(fc.constantFrom(...Object.values(FRAME)), fc.uint8Array({ maxLength: 80 }), (type, tail) => {
        const data = Buffer.from([type, ...tail]);
        onlyFrameErrors(() => collectClient(data));
        onlyFrameErrors(() => collectServer(data));
      }),
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
