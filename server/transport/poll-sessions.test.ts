/** Long polling over the simulated messenger: what one poll answers, and what the others see of a device that polls. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLOSES } from '../protocol/errors.ts';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';
import type { Poll, PollEnd } from './poll.ts';
import { PollSessions } from './poll-sessions.ts';

const GRACE_MS = 10_000;

let chat: ChatSimulation;
let alice: string;
let bob: string;
let a: SimulatedConnection;
let sessions: PollSessions;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    maxBodyBytes: 65_536,
    settings: { maxConnectionsPerUser: 3, userRate: { perSecond: 0, burst: 0 } },
  });
  alice = chat.userOn(0, 'alice');
  bob = chat.userOn(1, 'bob');
  a = chat.connect(alice);
  await chat.settle();
  sessions = new PollSessions(GRACE_MS);
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

interface PollOptions {
  after?: number;
  limit?: number;
  timeoutMs?: number;
  device?: string;
}

interface Asked {
  poll: Poll;
  ends: PollEnd[];
}

async function ask(options: PollOptions = {}): Promise<Asked> {
  const volume = chat.volume(1);
  const user = await volume.users.load(bob);
  const ends: PollEnd[] = [];
  const { after, limit = 100, timeoutMs = 25_000, device = 'phone' } = options;
  const request = { volume, user, device, issuedAt: 0, after, limit, timeoutMs };
  const poll = sessions.begin(request, (end) => ends.push(end));
  await chat.settle();
  return { poll, ends };
}

function answerOf({ ends }: Asked): Extract<PollEnd, { type: 'answer' }> {
  expect(ends).toHaveLength(1);
  expect(ends[0]!.type).toBe('answer');
  return ends[0] as Extract<PollEnd, { type: 'answer' }>;
}

const sequences = (asked: Asked): number[] =>
  answerOf(asked).frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq as number] : []));

let lastId = 0;
beforeEach(() => {
  lastId = 0;
});
async function send(count: number, bytes = 2): Promise<void> {
  for (let i = 0; i < count; i++) a.send(++lastId, bob, 'x'.repeat(bytes));
  await chat.settle();
}
const receipts = (state: string): number[] =>
  a.of('receipt').flatMap((frame) => (frame.state === state ? [frame.upTo] : []));
/** first, first + 1, …, last */
const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

describe('a poll', () => {
  it('answers at once with what is there', async () => {
    await send(3);
    const asked = await ask({ after: 1 });
    expect(sequences(asked)).toEqual([2, 3]);
    expect(answerOf(asked)).toMatchObject({ after: 3, reset: null });
  });

  it('holds until something arrives', async () => {
    const asked = await ask({ after: 0 });
    await chat.pass(20_000);
    expect(asked.ends).toEqual([]);
    await send(2);
    expect(sequences(asked)).toEqual([1, 2]);
  });

  it('answers empty when its time is over, with the position that it was asked with', async () => {
    await send(2);
    const asked = await ask({ after: 2, timeoutMs: 5_000 });
    await chat.pass(4_900);
    expect(asked.ends).toEqual([]);
    await chat.pass(100);
    expect(answerOf(asked)).toEqual({ type: 'answer', after: 2, reset: null, frames: [] });
  });

  it('without waiting time answers at once, and never before it has caught up', async () => {
    expect(sequences(await ask({ timeoutMs: 0 }))).toEqual([]);
    await send(70);
    expect(sequences(await ask({ after: 0, timeoutMs: 0 }))).toEqual(range(1, 70));
  });

  it('is answered once, however much arrives', async () => {
    const asked = await ask();
    await send(1);
    await send(5);
    await chat.pass(60_000);
    expect(sequences(asked)).toEqual([1]);
    expect(sequences(await ask({ after: 1 }))).toEqual(range(2, 6));
  });

  it('beyond the head is reset to it', async () => {
    await send(3);
    const asked = await ask({ after: 9 });
    expect(answerOf(asked)).toEqual({ type: 'answer', after: 3, reset: 3, frames: [] });
  });

  it('for which the store does not answer says so, after the time that a read may take', async () => {
    await send(3);
    chat.shelves[1]!.failReads = true;
    const asked = await ask({ after: 0, timeoutMs: 3_000 });
    await chat.pass(3_000);
    expect(asked.ends).toEqual([]);
    await chat.pass(3_000);
    expect(asked.ends).toEqual([{ type: 'unread' }]);
    chat.shelves[1]!.failReads = false;
    expect(sequences(await ask({ after: 0 }))).toEqual([1, 2, 3]);
  });

  it('of the same device takes the place of the one before; another device’s does not', async () => {
    const first = await ask();
    const other = await ask({ device: 'tablet' });
    const second = await ask();
    expect(first.ends).toEqual([{ type: 'replaced' }]);
    await send(1);
    expect(sequences(second)).toEqual([1]);
    expect(sequences(other)).toEqual([1]);
    expect(first.ends).toHaveLength(1);
  });

  it('gets what the user’s other devices send', async () => {
    const b = chat.connect(bob, 0);
    const asked = await ask({ after: 0 });
    b.send(1, alice, 'from the other one');
    await chat.settle();
    expect(answerOf(asked).frames).toMatchObject([{ type: 'message', direction: 'out', seq: 1, peer: alice }]);
  });
});

describe('one poll after another', () => {
  async function pollAll(limit: number): Promise<{ seen: number[]; sizes: number[] }> {
    const seen: number[] = [];
    const sizes: number[] = [];
    for (let after = 0; after < lastId; ) {
      const asked = await ask({ after, limit });
      seen.push(...sequences(asked));
      sizes.push(sequences(asked).length);
      expect(answerOf(asked).after).toBeGreaterThan(after);
      after = answerOf(asked).after;
    }
    return { seen, sizes };
  }

  it.each([1, 7, 50, 51, 200, 1_000])('gets all in order without a gap, %i at a time', async (limit) => {
    await send(333);
    const { seen, sizes } = await pollAll(limit);
    expect(seen).toEqual(range(1, 333));
    expect(Math.max(...sizes)).toBe(Math.min(limit, 333));
  });

  it('has not more than 128 KB in an answer, but at least one entry', async () => {
    await send(12, 40_000);
    const { seen, sizes } = await pollAll(100);
    expect(seen).toEqual(range(1, 12));
    expect(sizes).toEqual([3, 3, 3, 3]);
  });

  it('misses nothing of what arrives while it polls, nor between', async () => {
    const seen: number[] = [];
    let after = 0;
    for (let round = 0; round < 12; round++) {
      const asked = await ask({ after, limit: 3 });
      await send(round % 4);
      if (asked.ends.length === 0) await chat.pass(25_000);
      seen.push(...sequences(asked));
      after = answerOf(asked).after;
    }
    for (; after < lastId; after = seen.at(-1)!) seen.push(...sequences(await ask({ after, limit: 3 })));
    expect(seen).toEqual(range(1, lastId));
  });
});

it('entries that retention removes are told by a reset', async () => {
  chat.volume(1).options.settings.retention = { maxEntries: 10, maxAgeSeconds: 0 };
  await send(40);
  await chat.pass(5_000);
  const first = await chat.timeline(bob);
  expect(first[0]!.seq).toBeGreaterThan(10);
  const position = first[0]!.seq - 1;
  const asked = await ask({ after: 3 });
  expect(answerOf(asked)).toEqual({ type: 'answer', after: position, reset: position, frames: [] });
  expect(sequences(await ask({ after: position }))).toEqual(range(position + 1, 40));
});

describe('a device that polls counts as connected', () => {
  it('until the grace after its last poll is over: then what it did not acknowledge is told as stored', async () => {
    const asked = await ask({ after: 0 });
    await send(2);
    expect(sequences(asked)).toEqual([1, 2]);
    await chat.pass(GRACE_MS - 100);
    await send(1);
    expect(receipts('stored')).toEqual([]);
    expect(chat.volume(1).users.peek(bob)!.devices).toHaveLength(1);
    await chat.pass(200);
    expect(receipts('stored')).toEqual([3]);
    expect(receipts('delivered')).toEqual([]);
    expect(chat.volume(1).users.peek(bob)!.devices).toEqual([]);
    expect(sessions.size).toBe(0);
  });

  it('and acknowledges by the position of its next poll', async () => {
    const first = await ask({ after: 0 });
    await send(3);
    expect(receipts('delivered')).toEqual([]);
    await ask({ after: answerOf(first).after - 1 });
    expect(receipts('delivered')).toEqual([2]);
    await ask({ after: 3 });
    expect(receipts('delivered')).toEqual([2, 3]);
    expect(receipts('stored')).toEqual([]);
  });

  it('seen by those who watch as one who came once and went once', async () => {
    const { presence } = chat.volume(1);
    const came = vi.spyOn(presence, 'cameOnline');
    const went = vi.spyOn(presence, 'wentOffline');
    for (let after = 0; after < 5; after++) {
      await send(1);
      expect(sequences(await ask({ after }))).toEqual([after + 1]);
      await chat.pass(GRACE_MS - 500);
    }
    expect([came.mock.calls.length, went.mock.calls.length]).toEqual([1, 0]);
    await chat.pass(1_000);
    expect([came.mock.calls.length, went.mock.calls.length]).toEqual([1, 1]);
  });

  it('also when its client hangs up', async () => {
    const asked = await ask({ after: 0 });
    asked.poll.end({ type: 'replaced' });
    await send(1);
    expect(receipts('stored')).toEqual([]);
    expect(sequences(await ask({ after: 0 }))).toEqual([1]);
  });

  it('without a grace only while a poll is held', async () => {
    sessions = new PollSessions(0);
    const asked = await ask({ after: 0 });
    await send(1);
    expect(sequences(asked)).toEqual([1]);
    expect(receipts('stored')).toEqual([1]);
  });

  it('is one of the connections that a user may have: the oldest gives way', async () => {
    const phone = await ask();
    const [c1, c2] = [chat.connect(bob), chat.connect(bob)];
    await chat.settle();
    await send(1);
    expect(answerOf(phone).after).toBe(1);
    // Another poll of the same device needs no further place.
    const again = await ask({ after: 1 });
    expect([c1.closed, c2.closed]).toEqual([false, false]);
    const tablet = await ask({ device: 'tablet', after: 1 });
    expect(again.ends).toEqual([{ type: 'closed', entry: CLOSES.tooManyConnections }]);
    expect(tablet.ends).toEqual([]);
    const c3 = chat.connect(bob);
    await chat.settle();
    expect([c1.closed, c2.closed, c3.closed, tablet.ends.length]).toEqual([true, false, false, 0]);
  });
});

describe('news', () => {
  const news = (asked: Asked): object[] => answerOf(asked).frames.filter(({ type }) => type !== 'message');

  async function bobSends(count: number): Promise<SimulatedConnection> {
    const b = chat.connect(bob, 0);
    for (let id = 1; id <= count; id++) b.send(id, alice, '');
    await chat.settle();
    b.disconnect();
    return b;
  }

  it('ends a poll, after what waits for company has had its chance', async () => {
    const asked = await ask();
    await bobSends(2);
    expect(sequences(asked)).toEqual([1, 2]);
    const next = await ask({ after: 2 });
    a.ack(1);
    a.ack(2);
    await chat.settle();
    expect(next.ends).toEqual([]);
    await chat.pass(100);
    expect(news(next)).toEqual([{ type: 'receipt', state: 'delivered', peer: alice, upTo: 2 }]);
  });

  it('is kept from one poll to the next, the newest of its kind, and told once', async () => {
    const asked = await ask();
    await bobSends(3);
    expect(sequences(asked)).toEqual([1, 2, 3]);
    for (const seq of [1, 2, 3]) {
      a.ack(seq);
      await chat.settle();
    }
    const receipt = { type: 'receipt', state: 'delivered', peer: alice, upTo: 3 };
    expect(news(await ask({ after: 3 }))).toEqual([receipt]);
    const after = await ask({ after: 3, timeoutMs: 100 });
    await chat.pass(100);
    expect(news(after)).toEqual([]);
  });
});

it('a process that ends, or gives a volume up, answers its polls and lets its devices go', async () => {
  const held = await ask();
  const away = await ask({ device: 'tablet', timeoutMs: 0 });
  expect(sequences(away)).toEqual([]);
  sessions.closeAll();
  expect(held.ends).toEqual([{ type: 'closed', entry: CLOSES.goingAway }]);
  expect([sessions.size, chat.volume(1).users.peek(bob)!.devices.length]).toEqual([0, 0]);
});
