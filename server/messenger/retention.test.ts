import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeSettings } from '../config.ts';
import { ERRORS } from '../protocol/errors.ts';
import { logicalShard } from '../shard-map.ts';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';
import { groupOwner } from './owners.ts';

let chat: ChatSimulation;
let alice: string;
let bob: string;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

async function start(retention: NodeSettings['retention'], random?: () => number): Promise<void> {
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings: { retention, userRate: { perSecond: 0, burst: 0 } },
    ...(random && { random }),
  });
  alice = chat.userOn(0, 'alice');
  bob = chat.userOn(1, 'bob');
}

/** Alice sends ids first, …, last to bob. */
async function send(first: number, last: number): Promise<void> {
  const a = await connected(alice);
  for (let id = first; id <= last; id++) a.send(id, bob, `${id}`);
  await chat.settle();
  a.disconnect();
}

async function connected(user: string, after?: number): Promise<SimulatedConnection> {
  const connection = chat.connect(user, after);
  await chat.settle();
  return connection;
}

const seqsOf = async (user: string): Promise<number[]> => (await chat.timeline(user)).map(({ seq }) => seq);
/** first, first + 1, …, last */
const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

describe('trimming', () => {
  it('is off by default', async () => {
    await start({ maxEntries: 0, maxAgeSeconds: 0 });
    await send(1, 30);
    await chat.pass(60_000);
    expect(await seqsOf(bob)).toEqual(range(1, 30));
  });

  it('keeps the newest entries of every timeline, and numbering goes on', async () => {
    await start({ maxEntries: 10, maxAgeSeconds: 0 });
    await send(1, 500);
    await chat.pass(2_000);
    expect(await seqsOf(alice)).toEqual(range(491, 500));
    expect(await seqsOf(bob)).toEqual(range(491, 500));
    expect(chat.volume(1).retention.removed).toBe(490);
    await send(501, 503);
    await chat.pass(2_000);
    expect(await seqsOf(bob)).toEqual(range(494, 503));
  });

  it('removes what belongs to the entries: index and client ids', async () => {
    await start({ maxEntries: 2, maxAgeSeconds: 0 });
    await send(1, 5);
    await chat.pass(2_000);
    const { store } = chat.volume(0);
    const shard = logicalShard(alice);
    const found = range(1, 5).map((id) => store.findClientId(shard, alice, id));
    await chat.settle();
    expect(await Promise.all(found)).toEqual([undefined, undefined, undefined, 4, 5]);
    const conversation = store.conversation(shard, alice, bob, {});
    const head = store.head(shard, alice);
    await chat.settle();
    expect((await conversation).map(({ seq }) => seq)).toEqual([4, 5]);
    expect(await head).toMatchObject({ seq: 5, trimmed: 3, clientIdFloor: 3, highestClientId: 5 });
  });

  it('removes what is too old, down to nothing, and numbering goes on over a restart', async () => {
    await start({ maxEntries: 0, maxAgeSeconds: 60 });
    await send(1, 300);
    await chat.pass(30_000);
    await send(301, 310);
    await chat.pass(32_000);
    expect(await seqsOf(bob)).toEqual(range(301, 310));
    await chat.pass(35_000);
    expect(await seqsOf(bob)).toEqual([]);
    for (const volume of [0, 1]) await chat.restartVolume(volume);
    await chat.settle();
    await send(311, 312);
    expect(await seqsOf(bob)).toEqual([311, 312]);
    expect(await seqsOf(alice)).toEqual([311, 312]);
  });

  it('reaches users that are not in memory, and groups', async () => {
    await start({ maxEntries: 0, maxAgeSeconds: 0 });
    const group = range(0, 1_000)
      .map((i) => `group${i}`)
      .find((name) => chat.volumeOf(name) === 1)!;
    const a = await connected(alice);
    chat.volume(0).groups.request(a, { type: 'group', id: 1, action: 'create', group, open: false, users: [bob] });
    await chat.settle();
    for (let id = 1; id <= 30; id++) chat.volume(0).sending.sendGroup(a, id, group, Buffer.from('to all'));
    await chat.settle();
    const shelves = chat.shelves;
    await chat.stop();
    await start({ maxEntries: 4, maxAgeSeconds: 0 });
    chat.shelves.splice(0, 2, ...shelves);
    for (const volume of [0, 1]) await chat.restartVolume(volume);
    await chat.pass(2_000);
    expect(await seqsOf(alice)).toEqual(range(27, 30));
    expect(await seqsOf(bob)).toEqual(range(27, 30));
    const history = chat.volume(1).store.timeline(logicalShard(group), groupOwner(group), {});
    await chat.settle();
    expect((await history).map(({ seq }) => seq)).toEqual(range(27, 30));
  });

  it('waits while the store can not be written or read, and says once that it can not be read', async () => {
    await start({ maxEntries: 3, maxAgeSeconds: 0 });
    await send(1, 20);
    chat.shelves[1]!.failReads = true;
    await chat.pass(5_000);
    expect(chat.logs.filter((line) => line.includes('retention'))).toHaveLength(1);
    chat.shelves[1]!.failReads = false;
    chat.shelves[1]!.failWrites = true;
    await chat.pass(5_000);
    chat.shelves[1]!.failWrites = false;
    await chat.pass(5_000);
    expect(await seqsOf(bob)).toEqual(range(18, 20));
  });

  it('that dies between two pieces goes on in the next life, from where it was', async () => {
    await start({ maxEntries: 1, maxAgeSeconds: 0 });
    await send(1, 1_000);
    vi.advanceTimersByTime(1_000);
    let left = await seqsOf(bob);
    for (let turns = 0; left.length === 1_000 && turns < 50; turns++) left = await seqsOf(bob);
    await chat.restartVolume(1);
    const between = await seqsOf(bob);
    expect(between.length).toBeGreaterThan(1);
    expect(between.length).toBeLessThan(1_000);
    expect(between).toEqual(range(1_001 - between.length, 1_000));
    const b = await connected(bob, 0);
    const position = 1_000 - between.length;
    expect(b.of('reset')[0]).toEqual({ type: 'reset', position });
    expect(b.sequences[0]).toBe(position + 1);
    await chat.pass(3_000);
    expect(await seqsOf(bob)).toEqual([1_000]);
  });
});

describe('a send with an old id', () => {
  beforeEach(async () => {
    await start({ maxEntries: 5, maxAgeSeconds: 0 });
    const a = await connected(alice);
    for (const id of [10, 20, 30, 40, 50, 60, 70, 80]) a.send(id, bob, `${id}`);
    await chat.pass(2_000);
  });

  it.each(['in memory', 'after a restart'])('is never stored a second time (%s)', async (where) => {
    if (where === 'after a restart') await chat.restartVolume(0);
    const a = await connected(alice);
    for (const id of [10, 30, 25, 40, 35, 55]) a.send(id, bob, `${id}`);
    await chat.settle();
    expect(a.of('error').map(({ id, code }) => [id, code])).toEqual(
      [10, 30, 25].map((id) => [id, ERRORS.idTooOld.code]),
    );
    // Known ones are answered as before, new ones above the floor are taken.
    expect(a.of('sent').map(({ id, seq }) => [id, seq])).toEqual([
      [40, 4],
      [35, 9],
      [55, 10],
    ]);
    const b = await connected(bob, 3);
    expect(b.bodies).toEqual(['40', '50', '60', '70', '80', '35', '55']);
  });
});

describe('resume past the trim', () => {
  beforeEach(async () => {
    await start({ maxEntries: 5, maxAgeSeconds: 0 });
    await send(1, 12);
    await chat.pass(2_000);
  });

  it.each([0, 3, 6])('from %i is a reset to the trimmed position', async (after) => {
    const b = await connected(bob, after);
    expect(b.frames.slice(0, 2)).toEqual([
      { type: 'welcome', head: 12, after: 7 },
      { type: 'reset', position: 7 },
    ]);
    expect(b.sequences).toEqual(range(8, 12));
  });

  it('from what was acknowledged, too, for a device that gives no position', async () => {
    const b = await connected(bob);
    expect(b.of('reset')).toEqual([{ type: 'reset', position: 7 }]);
    expect(b.sequences).toEqual(range(8, 12));
  });

  it.each([7, 8, 12])('is none from %i', async (after) => {
    const b = await connected(bob, after);
    expect(b.of('reset')).toEqual([]);
    expect(b.sequences).toEqual(range(after + 1, 12));
  });

  it('does not count as an acknowledgement', async () => {
    const a = await connected(alice, 12);
    const b = await connected(bob, 0);
    await chat.pass(2_000);
    expect(a.of('receipt').filter(({ state }) => state === 'delivered')).toEqual([]);
    b.ack(12);
    await chat.pass(2_000);
    expect(a.of('receipt')).toContainEqual({ type: 'receipt', state: 'delivered', peer: bob, upTo: 12 });
  });
});

it('a device that is being fed when the trim overtakes it gets a reset, and what follows on that', async () => {
  await start({ maxEntries: 20, maxAgeSeconds: 0 });
  await send(1, 1_000);
  const b = chat.connect(bob, 0);
  await chat.turns(3);
  b.backlog = 1_000_000;
  await chat.settle();
  const before = b.sequences.length;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(900);
  await chat.pass(3_000);
  b.drain();
  await chat.settle();
  expect(b.of('reset')).toEqual([{ type: 'reset', position: 980 }]);
  expect(b.sequences).toEqual([...range(1, before), ...range(981, 1_000)]);
  await send(1_001, 1_003);
  expect(b.sequences.slice(-3)).toEqual([1_001, 1_002, 1_003]);
});

const stepArbitrary = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), n: fc.integer({ min: 1, max: 150 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), n: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('stall', 'stall', 'drain', 'ack', 'repeat'), n: fc.nat(1_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), n: fc.constantFrom(200, 1_100, 4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), n: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('failWrites', 'mend'), n: fc.nat(1) }) },
);

it('random histories: what follows on n is exactly n + 1, … or a reset to p and exactly p + 1, …', async () => {
  const history = fc.record({
    seed: fc.nat(),
    maxEntries: fc.constantFrom(1, 3, 10, 50),
    maxAgeSeconds: fc.constantFrom(0, 0, 2),
    steps: fc.array(fc.record({ step: stepArbitrary, turns: fc.nat(5) }), { maxLength: 25, size: 'max' }),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ seed, maxEntries, maxAgeSeconds, steps }) => {
      await start({ maxEntries, maxAgeSeconds }, randomOf(seed));
      const listeners: Array<{ after: number; connection: SimulatedConnection }> = [];
      let a = await connected(alice);
      const senders = [a];
      let lastId = 0;
      for (const { step, turns } of steps) {
        const open = listeners.filter(({ connection }) => !connection.closed);
        const one = open[step.n % Math.max(1, open.length)]?.connection;
        if (step.do === 'send') for (let i = 0; i < step.n; i++) a.send(++lastId, bob, `${lastId}`);
        else if (step.do === 'connect') listeners.push({ after: step.n, connection: chat.connect(bob, step.n) });
        else if (step.do === 'stall' && one) one.backlog = 1_000_000;
        else if (step.do === 'drain' && one?.welcomed) one.drain();
        else if (step.do === 'ack' && one?.welcomed) one.ack(one.sequences.at(-1) ?? 0);
        else if (step.do === 'repeat' && lastId > 0) a.send((step.n % lastId) + 1, bob, `${(step.n % lastId) + 1}`);
        else if (step.do === 'pass') await chat.pass(step.n);
        else if (step.do === 'failWrites') chat.shelves[step.n]!.failWrites = true;
        else if (step.do === 'mend') for (const shelf of chat.shelves) shelf.failWrites = false;
        else if (step.do === 'restart') {
          await chat.restartVolume(step.n);
          if (a.closed) {
            a = await connected(alice);
            senders.push(a);
          }
        }
        await chat.turns(turns);
      }
      for (const shelf of chat.shelves) shelf.failWrites = false;
      await chat.pass(5_000);
      // All ids once more: none may become a second entry.
      for (let id = 1; id <= lastId; id++) a.send(id, bob, `${id}`);
      const last = chat.connect(bob, 0);
      await chat.pass(3_000);
      for (const { connection } of listeners) if (!connection.closed && connection.welcomed) connection.drain();
      await chat.settle();

      const entries = new Map<number, string>();
      for (const { after, connection } of [...listeners, { after: 0, connection: last }]) {
        checkStream(connection, after, entries);
      }
      // The last device has seen all that is left.
      for (const seq of await seqsOf(bob)) expect(entries.has(seq)).toBe(true);
      expect(new Set(entries.values()).size).toBe(entries.size);
      checkAnswers(senders.flatMap((sender) => sender.of('sent')));
      await chat.stop();
    }),
    { numRuns: 60 },
  );
}, 120_000);

/** Adds what the connection saw to `entries`, by sequence. */
function checkStream(connection: SimulatedConnection, after: number, entries: Map<number, string>): void {
  let position = after;
  let first = true;
  for (const frame of connection.frames) {
    if (frame.type === 'welcome') position = frame.after;
    else if (frame.type === 'reset') {
      // The first may go back, for a position that does not exist; a later one only forward.
      if (first && frame.position < after) expect(connection.frames[0]).toMatchObject({ head: frame.position });
      else expect(frame.position).toBeGreaterThan(first ? after : position);
      position = frame.position;
    } else if (frame.type === 'message') {
      expect(frame.seq).toBe(position + 1);
      position = frame.seq;
      expect(entries.get(position) ?? frame.body).toBe(frame.body);
      entries.set(position, frame.body);
    }
    if (frame.type !== 'welcome') first = false;
    else if (frame.after !== after) expect(connection.frames[1]).toEqual({ type: 'reset', position: frame.after });
  }
}

/** However often it was sent: an id has one sequence, and a sequence one id. */
function checkAnswers(answers: Array<{ id: number; seq: number }>): void {
  const pairs = new Set(answers.map(({ id, seq }) => `${id} ${seq}`));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(pairs.size);
  expect(new Set(answers.map(({ seq }) => seq)).size).toBe(pairs.size);
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
