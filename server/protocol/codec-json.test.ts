import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientMessages, clientSink, encodeServer, serverMessages, serverSink } from './codec.fixture.ts';
import { FrameError } from './codec.ts';
import { decodeClientJson, encodeClientJson, jsonFromServerFrames, serverFramesFromJson } from './codec-json.ts';
import type { ClientMessage, ServerMessage } from './messages.ts';

function fromClient(text: string): ClientMessage[] {
  const list: ClientMessage[] = [];
  decodeClientJson(text, clientSink(list));
  return list;
}

function fromServer(text: string): ServerMessage[] {
  const list: ServerMessage[] = [];
  serverFramesFromJson(text, serverSink(list));
  return list;
}

test('literal texts', () => {
  expect(encodeClientJson({ type: 'send', id: 7, to: 'bob', body: Buffer.from('hé') })).toBe(
    '{"type":"send","id":7,"to":"bob","body":"hé"}',
  );
  expect(encodeClientJson({ type: 'send', id: 7, to: 'bob', body: Buffer.from([0xff]) })).toBe(
    '{"type":"send","id":7,"to":"bob","bodyBase64":"/w=="}',
  );
  expect(fromClient('{"type":"ack","seq":3,"later":"ignored"}')).toEqual([{ type: 'ack', seq: 3 }]);
  const frames = encodeServer([
    { type: 'sent', id: 7, seq: 8, time: 9 },
    { type: 'message', direction: 'in', seq: 9, id: 5, time: 6, peer: 'bob', body: Buffer.from('yo') },
  ]);
  expect(jsonFromServerFrames(frames)).toEqual([
    '{"type":"sent","id":7,"seq":8,"time":9}',
    '{"type":"message","direction":"in","seq":9,"id":5,"time":6,"peer":"bob","body":"yo"}',
  ]);
});

test('client messages survive JSON', () => {
  fc.assert(
    fc.property(clientMessages, (list) => {
      for (const message of list) expect(fromClient(encodeClientJson(message))).toEqual([message]);
    }),
  );
});

test('server frames say the same in JSON as in binary', () => {
  fc.assert(
    fc.property(serverMessages, (list) => {
      expect(jsonFromServerFrames(encodeServer(list)).flatMap(fromServer)).toEqual(list);
    }),
  );
});

test.each([
  ['{', 'not valid JSON'],
  ['[]', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['{}', 'unknown message type from a client'],
  ['{"type":"sent"}', 'unknown message type from a client'],
  ['{"type":"send","id":0,"to":"a","body":""}', '"id" is not a whole number from 1 to 9007199254740991'],
  ['{"type":"send","id":"1","to":"a","body":""}', '"id" is not a whole number from 1 to 9007199254740991'],
  ['{"type":"send","id":9007199254740992,"to":"a","body":""}', '"id" is not a whole number from 1 to 9007199254740991'],
  ['{"type":"send","id":1,"to":"","body":""}', '"to" is not a user id'],
  ['{"type":"send","id":1,"to":5,"body":""}', '"to" is not a string'],
  ['{"type":"send","id":1,"to":"a"}', 'not exactly one of "body" and "bodyBase64"'],
  ['{"type":"send","id":1,"to":"a","body":"","bodyBase64":""}', 'not exactly one of "body" and "bodyBase64"'],
  ['{"type":"send","id":1,"to":"a","body":"\\ud800"}', '"body" is not a Unicode string'],
  ['{"type":"send","id":1,"to":"a","bodyBase64":"a"}', '"bodyBase64" is not base64'],
  [`{"type":"send","id":1,"to":"a","body":"${'x'.repeat(65_537)}"}`, 'a body is too large'],
  [`{"type":"send","id":1,"to":"a","bodyBase64":"${'AAAA'.repeat(21_846)}"}`, 'a body is too large'],
  ['{"type":"status","peers":"a"}', '"peers" is not an array'],
  ['{"type":"status","peers":["a",""]}', '"peers" has something that is not a user id'],
  ['{"type":"send","id":1,"to":"a","group":"g","body":""}', 'not exactly one of "to" and "group"'],
  ['{"type":"send","id":1,"to":null,"group":"g","body":""}', 'not exactly one of "to" and "group"'],
  ['{"type":"send","id":1,"body":""}', '"to" is not a string'],
  ['{"type":"send","id":1,"group":"","body":""}', '"group" is not a group id'],
  ['{"type":"send","id":1,"group":null,"to":"a","body":""}', 'not exactly one of "to" and "group"'],
  ['{"type":"send","id":0,"group":"g","body":""}', '"id" is not a whole number from 1 to 9007199254740991'],
  ['{"type":"group","id":1,"action":"info"}', '"group" is not a string'],
  ['{"type":"group","id":-1,"action":"info","group":"g"}', '"id" is not a whole number from 0 to 9007199254740991'],
  [
    '{"type":"group","id":1,"action":"delete","group":"g"}',
    '"action" is none of "create", "join", "leave", "add", "remove", "promote", "demote", "info"',
  ],
  ['{"type":"group","id":1,"action":"create","group":"g","open":1}', '"open" is neither true nor false'],
  ['{"type":"group","id":1,"action":"add","group":"g","users":"a"}', '"users" is not an array'],
  ['{"type":"group","id":1,"action":"add","group":"g","users":[1]}', '"users" has something that is not a user id'],
  [JSON.stringify({ type: 'presence', action: 'pull', users: new Array(257).fill('a') }), 'too many users named'],
  ['{"type":"presence","users":[]}', '"action" is none of "pull", "subscribe", "unsubscribe"'],
  ['{"type":"presence","action":["pull"],"users":[]}', '"action" is none of "pull", "subscribe", "unsubscribe"'],
])('rejects %s', (text, reason) => {
  expect(() => fromClient(text)).toThrow(new FrameError(reason));
});

test('what may be left out', () => {
  expect(fromClient('{"type":"group","id":0,"action":"create","group":"g"}')).toEqual([
    { type: 'group', id: 0, action: 'create', group: 'g', open: false, users: [] },
  ]);
  expect(fromClient('{"type":"presence","action":"pull"}')).toEqual([{ type: 'presence', action: 'pull', users: [] }]);
});

test.each([
  [
    '{"type":"group","id":1,"group":"g","role":"king","members":0,"head":0}',
    '"role" is none of "none", "member", "owner"',
  ],
  ['{"type":"presence","users":["a"]}', '"users" has something that is not an object'],
  ['{"type":"presence","users":{}}', '"users" is not an array'],
  ['{"type":"presence","users":[{"user":"a","state":"busy"}]}', '"state" is none of "offline", "online", "unknown"'],
  [
    '{"type":"message","direction":"in","seq":1,"id":1,"time":0,"peer":"a","body":"","group":"g"}',
    '"groupSeq" is not a whole number from 0 to 9007199254740991',
  ],
])('rejects from a server %s', (text, reason) => {
  expect(() => fromServer(text)).toThrow(new FrameError(reason));
});

test('any JSON, and any text, throws nothing but FrameError', () => {
  const field = fc.constantFrom(
    'type',
    'id',
    'to',
    'body',
    'bodyBase64',
    'seq',
    'peers',
    'direction',
    'peer',
    'state',
    'group',
    'action',
    'users',
    'role',
    'open',
  );
  const value = fc.oneof(
    fc.constantFrom(
      'send',
      'ack',
      'status',
      'message',
      'sent',
      'receipt',
      'group',
      'presence',
      'pull',
      'info',
      'member',
      1,
      'a',
      ['a'],
    ),
    fc.jsonValue(),
  );
  const texts = fc.oneof(
    fc.string(),
    fc.dictionary(field, value).map((o) => JSON.stringify(o)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const decode of [fromClient, fromServer]) {
        try {
          decode(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }
    }),
    { numRuns: 3000 },
  );
});
