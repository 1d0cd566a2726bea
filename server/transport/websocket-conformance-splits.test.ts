/** However a client's bytes are cut into TCP segments, and its messages into fragments, the server's answers are the same. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { encodeAck, encodeGroup, encodePresence, encodeSend, FrameWriter } from '../protocol/codec.ts';
import { encodeClientJson } from '../protocol/codec-json.ts';
import { BINARY_SUBPROTOCOL, type ClientMessage, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { FrameClient } from '../testing/frame-client.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { clientFrame, closePayload, OPCODES } from '../testing/websocket-frames.ts';
import { Witness } from '../testing/witness.ts';

const MAX_BODY_BYTES = 1_000;
const LAST_PING = 'that was all';

let node: TestNode;
let url: string;
let witness: Witness;
let users = 0;

beforeAll(async () => {
  node = await startTestNode({ shards: 1, maxBodyBytes: MAX_BODY_BYTES });
  url = await node.urlOf('witness');
  witness = await Witness.open(node, url, 'witness');
});

afterAll(async () => {
  await witness?.stop();
  await cleanUp();
});

afterEach(() => witness.check());

type Ending = 'stays' | 'malformed' | 'close';

interface Session {
  json: boolean;
  /** Each of the lists is one WebSocket message in binary, and as many as it has items in JSON. */
  messages: ClientMessage[][];
  ending: Ending;
}

/** Where to cut, as fractions of what is cut; pings stand between fragments. */
interface Cuts {
  fragments: number[];
  segments: number[];
  mask: Uint8Array;
  pings: boolean;
}

const body = fc
  .oneof(
    { weight: 8, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
    { weight: 1, arbitrary: fc.constant('é'.repeat(MAX_BODY_BYTES / 2)) },
    { weight: 1, arbitrary: fc.constant('x'.repeat(MAX_BODY_BYTES + 1)) },
  )
  .map((text) => Buffer.from(text));

const item: fc.Arbitrary<ClientMessage> = fc.oneof(
  { weight: 5, arbitrary: body.map((bytes): ClientMessage => ({ type: 'send', id: 1, to: 'zoë', body: bytes })) },
  { weight: 1, arbitrary: fc.constant<ClientMessage>({ type: 'ack', seq: 1 }) },
  { weight: 1, arbitrary: fc.constant<ClientMessage>({ type: 'presence', action: 'pull', users: ['zoë', '日本'] }) },
  {
    weight: 1,
    arbitrary: fc.nat(99).map((id): ClientMessage => {
      return { type: 'group', id, action: 'info', group: 'none', open: false, users: [] };
    }),
  },
);

const session: fc.Arbitrary<Session> = fc.record({
  json: fc.boolean(),
  messages: fc.array(fc.array(item, { maxLength: 4 }), { minLength: 1, maxLength: 8 }),
  ending: fc.constantFrom<Ending>('stays', 'stays', 'malformed', 'close'),
});

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const cuts: fc.Arbitrary<Cuts> = fc.record({
  fragments: fc.array(fraction, { maxLength: 12 }),
  segments: fc.array(fraction, { maxLength: 60 }),
  mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  pings: fc.boolean(),
});

const WHOLE: Cuts = { fragments: [], segments: [], mask: new Uint8Array(4), pings: false };

function cut(data: Buffer, at: number[]): Buffer[] {
  const places = [0, ...at.map((place) => Math.floor(place * data.length)).sort((a, b) => a - b), data.length];
  return places.slice(1).map((place, i) => data.subarray(places[i]!, place));
}

function binaryMessage(items: ClientMessage[]): Buffer {
  const writer = new FrameWriter();
  for (const message of items) {
    if (message.type === 'send' && 'to' in message)
      encodeSend(writer, message.id, message.to, Buffer.from(message.body));
    else if (message.type === 'ack') encodeAck(writer, message.seq);
    else if (message.type === 'presence') encodePresence(writer, message.action, message.users);
    else if (message.type === 'group') encodeGroup(writer, message.id, message.action, message.group, false, []);
  }
  return Buffer.from(writer.take());
}

/** The bytes of a session, and the payloads of the pings among them. */
function bytesOf({ json, messages, ending }: Session, { fragments, mask, pings }: Cuts): [Buffer, string[]] {
  let id = 0;
  const numbered = messages.map((items) =>
    items.map((message) => (message.type === 'send' ? { ...message, id: ++id } : message)),
  );
  const payloads = json
    ? numbered.flat().map((message) => Buffer.from(encodeClientJson(message)))
    : numbered.map(binaryMessage);
  if (ending === 'malformed') payloads.push(Buffer.from('7f'));
  const opcode = json ? OPCODES.text : OPCODES.binary;
  const sentPings: string[] = [];
  const frames: Buffer[] = [];
  const ping = (payload: string): void => {
    frames.push(clientFrame(OPCODES.ping, payload, { mask: Buffer.from(mask) }));
    sentPings.push(payload);
  };
  for (const payload of payloads) {
    const parts = cut(payload, fragments);
    for (const [i, part] of parts.entries()) {
      const options = { fin: i === parts.length - 1, mask: Buffer.from(mask) };
      frames.push(clientFrame(i === 0 ? opcode : OPCODES.continuation, part, options));
      if (pings && !options.fin) ping(`${sentPings.length}`);
    }
  }
  if (ending === 'stays') ping(LAST_PING);
  if (ending === 'close')
    frames.push(clientFrame(OPCODES.close, closePayload(4_000, 'zoë'), { mask: Buffer.from(mask) }));
  return [Buffer.concat(frames), sentPings];
}

/** What became of a session that was sent so, by a user of its own, without what depends on time. */
async function outcome(said: Session, how: Cuts): Promise<object> {
  const { ending, json, messages } = said;
  const client = await FrameClient.open(url, `user-${++users}`, json ? JSON_SUBPROTOCOL : BINARY_SUBPROTOCOL);
  try {
    const [bytes, pings] = bytesOf(said, how);
    await client.writeApart(cut(bytes, how.segments));
    const asked = messages.flat();
    const sends = asked.filter((message) => message.type === 'send');
    const stored = sends.filter((send) => send.body.length <= MAX_BODY_BYTES).length;
    const entries = await until('all to be stored', async () => {
      const found = await timeline(client.user);
      return found.length >= stored && found;
    });
    if (ending !== 'stays') return { entries, close: await client.closing() };

    const errors = sends.length - stored + asked.filter(({ type }) => type === 'group').length;
    await until(
      'all answers',
      () => client.answers('sent').length >= stored && client.answers('error').length >= errors,
    );
    await until('all pongs', () => client.frames(OPCODES.pong).length >= pings.length);
    expect(client.frames(OPCODES.pong).map(({ payload }) => payload.toString())).toEqual(pings);
    return {
      entries,
      sent: client.answers('sent').map(({ id, seq }) => [id, seq]),
      // Refusals of sends and of group requests come by different ways: each in its order.
      tooLarge: client.answers('error').filter(({ code }) => code === 1002),
      noGroup: client.answers('error').filter(({ code }) => code !== 1002),
      presence: client.answers('presence'),
    };
  } finally {
    client.destroy();
  }
}

async function timeline(user: string): Promise<object[]> {
  const response = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=${user}`);
  const { entries } = (await response.json()) as { entries: Array<{ time: number }> };
  return entries.map(({ time: _, ...entry }) => entry);
}

it('any split gives the answers of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(session, cuts, async (said, how) => {
      expect(await outcome(said, how)).toEqual(await outcome(said, WHOLE));
    }),
    // Not shrunk: each attempt would wait in vain for what does not come.
    { numRuns: 150, endOnFailure: true },
  );
}, 120_000);

it('every single place to cut a message in two, with a ping there, gives the same', async () => {
  for (const json of [true, false]) {
    const said: Session = {
      json,
      messages: [[{ type: 'send', id: 1, to: 'zoë', body: Buffer.from('a€😀') }]],
      ending: 'stays',
    };
    const whole = await outcome(said, WHOLE);
    const length = 120; // more than the message has bytes: no place between two is left out
    for (let at = 1; at < length; at++) {
      const how = { fragments: [at / length], segments: [at / length], mask: Uint8Array.of(1, 2, 3, 4), pings: true };
      expect(await outcome(said, how)).toEqual(whole);
    }
  }
}, 60_000);
