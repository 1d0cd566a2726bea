/** Notifications over deaths, drains and crowds: nobody is told twice, and nobody is forgotten for long. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';
import { ACCEPTED, FAILED, NOT_NOW, register, registrationsOf, SimulatedProvider } from './notifier.fixture.ts';
import type { HandOffResult, Notification } from './provider.ts';

const SETTINGS = { notifications: { collapseMs: 1_000, maxAttempts: 4 } };
const NEVER = new Promise<HandOffResult>(() => {});

let provider: SimulatedProvider;
let chat: ChatSimulation;
let alice: SimulatedConnection;
let bob: string;
let ids: number;

async function start(random?: () => number): Promise<void> {
  provider = new SimulatedProvider();
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings: SETTINGS,
    providers: provider.providers,
    ...(random && { random }),
  });
  alice = chat.connect(chat.userOn(0, 'alice'));
  bob = chat.userOn(1, 'bob');
  ids = 0;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

async function write(count = 1, to = bob): Promise<void> {
  for (let n = 0; n < count; n++) alice.send(++ids, to, 'x');
  await chat.settle();
}

function stretches(notifications: Notification[]): number[][] {
  return notifications.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]);
}

describe('after a death', () => {
  beforeEach(async () => {
    await start();
    await register(chat, bob);
  });

  it('in the window, the notification follows once clients had time to come back', async () => {
    await write(2);
    await chat.pass(500);
    await chat.restartVolume(1);
    await chat.pass(4_500);
    expect(provider.attempts).toEqual([]);
    await chat.pass(4_000);
    expect(stretches(provider.accepted)).toEqual([[1, 2]]);
  });

  it('in the window, whoever comes back and reads is not notified', async () => {
    await write(2);
    await chat.restartVolume(1);
    await chat.pass(2_000);
    const device = chat.connect(bob);
    await chat.settle();
    device.ack(2);
    device.disconnect();
    await chat.pass(20_000);
    expect(provider.attempts).toEqual([]);
  });

  it('nobody is notified of anything new either before clients had time to come back', async () => {
    await chat.restartVolume(1);
    await write();
    await chat.pass(4_500);
    expect(provider.attempts).toEqual([]);
    await chat.pass(1_000);
    expect(stretches(provider.accepted)).toEqual([[1, 1]]);
  });

  it('between claim and answer, it is not handed over again, and the next message is told', async () => {
    provider.answer = () => NEVER;
    await write(2);
    await chat.pass(1_200);
    expect(provider.attempts).toHaveLength(1);
    await chat.restartVolume(1);
    provider.answer = () => ACCEPTED;
    await chat.pass(60_000);
    expect(provider.attempts).toHaveLength(1);
    expect(await registrationsOf(chat, bob)).toMatchObject([{ claimedUpTo: 2, notifiedUpTo: 0 }]);
    await write();
    await chat.pass(2_000);
    expect(stretches(provider.accepted)).toEqual([[3, 3]]);
  });

  it('before the claim is durable, nothing is handed over until it is', async () => {
    await write();
    chat.shelves[1]!.failWrites = true;
    await chat.pass(10_000);
    expect(provider.attempts).toEqual([]);
    await chat.restartVolume(1);
    chat.shelves[1]!.failWrites = false;
    await chat.pass(20_000);
    expect(provider.attempts.length).toBeLessThanOrEqual(1);
    await write();
    await chat.pass(2_000);
    expect(provider.accepted.at(-1)!.lastSeq).toBe(2);
  });

  it('of the answer, everything is as it was', async () => {
    await write();
    await chat.pass(2_000);
    await chat.restartVolume(1);
    await chat.pass(60_000);
    expect(provider.attempts).toHaveLength(1);
  });

  it('while the store can not be read, it follows when it can', async () => {
    chat.shelves[1]!.failReads = true;
    await write(2);
    await chat.pass(10_000);
    expect(provider.attempts).toEqual([]);
    chat.shelves[1]!.failReads = false;
    await chat.pass(3_000);
    expect(stretches(provider.accepted)).toEqual([[1, 2]]);
  });
});

describe('after a drain', () => {
  beforeEach(async () => {
    await start();
    await register(chat, bob);
  });

  async function drainAndReopen(): Promise<void> {
    const closing = chat.volume(1).close(5_000);
    await chat.pass(6_000);
    await closing;
    await chat.restartVolume(1);
  }

  it('what certainly reached nobody is handed over by the next life', async () => {
    provider.answer = () => NOT_NOW;
    await write(2);
    await chat.pass(1_200);
    expect(provider.attempts).toHaveLength(1);
    await drainAndReopen();
    provider.answer = () => ACCEPTED;
    await chat.pass(20_000);
    expect(stretches(provider.accepted)).toEqual([[1, 2]]);
    expect(provider.attempts[1]!.id).toBe(provider.attempts[0]!.id);
  });

  it.each([
    { what: 'failed', answer: () => FAILED },
    { what: 'is under way', answer: () => NEVER },
  ])('what $what and may have reached somebody is not', async ({ answer }) => {
    provider.answer = answer;
    await write(2);
    await chat.pass(1_200);
    await drainAndReopen();
    provider.answer = () => ACCEPTED;
    await chat.pass(20_000);
    expect(provider.attempts).toHaveLength(1);
  });

  it('a user in his window is not forgotten', async () => {
    await write();
    await drainAndReopen();
    await chat.pass(20_000);
    expect(stretches(provider.accepted)).toEqual([[1, 1]]);
  });

  it('of devices, nobody is notified of what they come back for', async () => {
    const device = chat.connect(bob);
    await chat.settle();
    await write();
    chat.volume(1).draining = true;
    device.disconnect();
    await drainAndReopen();
    const again = chat.connect(bob, 0);
    await chat.settle();
    again.ack(1);
    await chat.pass(20_000);
    expect(provider.attempts).toEqual([]);
  });
});

describe('a crowd', () => {
  it('is notified a few at a time, everybody once', async () => {
    await start();
    const users = Array.from({ length: 200 }, (_, i) => chat.userOn(1, `crowd${i}x`));
    await Promise.all(users.map((user) => register(chat, user)));
    const waiting: Array<() => void> = [];
    provider.answer = () => new Promise((resolve) => waiting.push(() => resolve(ACCEPTED)));
    for (const user of users) alice.send(++ids, user, 'x');
    await chat.pass(1_500);
    expect(provider.underWay).toBe(32);
    while (provider.accepted.length < users.length) {
      for (const answer of waiting.splice(0)) answer();
      await chat.pass(100);
    }
    expect(provider.mostUnderWay).toBe(32);
    expect(provider.attempts.map(({ user }) => user).sort()).toEqual([...users].sort());
  });

  it('of which not all fit in memory is found again in the store', async () => {
    await start();
    const users = Array.from({ length: 60 }, (_, i) => chat.userOn(1, `crowd${i}x`));
    await Promise.all(users.map((user) => register(chat, user)));
    const { notifier } = chat.volume(1);
    Object.assign(notifier.limits, { users: 8, handOffs: 4 });
    let most = 0;
    provider.answer = () => {
      most = Math.max(most, notifier.counters.queued);
      return ACCEPTED;
    };
    for (const user of users) alice.send(++ids, user, 'x');
    await chat.pass(60_000);
    expect(provider.attempts.map(({ user }) => user).sort()).toEqual([...users].sort());
    expect(most).toBeLessThanOrEqual(12);
  });

  it('of failures makes one line of the log', async () => {
    await start();
    const users = Array.from({ length: 50 }, (_, i) => chat.userOn(1, `crowd${i}x`));
    await Promise.all(users.map((user) => register(chat, user)));
    provider.answer = () => ({ outcome: 'refused', reason: 'h answered 403' });
    for (const user of users) alice.send(++ids, user, 'x');
    await chat.pass(15_000);
    const lines = chat.logs.filter((line) => line.includes('given up'));
    expect(lines).toEqual([expect.stringMatching(/403 \(and 49 more in the last 10 s\)$/)]);
  });
});

/** A small generator of random numbers (mulberry32): a seed replays a history. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('whatever happens', () => {
  it.each(Array.from({ length: 40 }, (_, i) => i + 1))(
    'no message is told by two notifications (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      const pick = <T>(...choices: T[]): T => choices[Math.floor(random() * choices.length)]!;
      await start(random);
      await register(chat, bob);
      const timeOut = (): Promise<HandOffResult> => new Promise((resolve) => setTimeout(() => resolve(FAILED), 10_000));
      provider.answer = () =>
        pick<() => HandOffResult | Promise<HandOffResult>>(
          () => ACCEPTED,
          () => ACCEPTED,
          () => FAILED,
          () => NOT_NOW,
          timeOut,
        )();
      let written = 0;
      let deaths = 0;
      let device: SimulatedConnection | null = null;
      for (let step = 0; step < 60; step++) {
        const what = random();
        if (what < 0.5) {
          await write();
          written++;
        } else if (what < 0.6 && seed % 2 === 0) {
          await chat.restartVolume(1);
          deaths++;
          device = null;
        } else if (what < 0.7) {
          device ??= chat.connect(bob);
        } else if (what < 0.8) {
          device?.disconnect();
          device = null;
        } else await chat.pass(pick(100, 700, 2_000, 8_000));
      }
      provider.answer = () => ACCEPTED;
      device?.disconnect();
      await chat.pass(60_000);

      // Each message belongs to one id at most, however often that was tried.
      const idOf = new Map<number, string>();
      for (const { id, firstSeq, lastSeq } of provider.told) {
        for (let seq = firstSeq; seq <= lastSeq; seq++) {
          expect(idOf.get(seq) ?? id, `seq ${seq} was told by two notifications`).toBe(id);
          idOf.set(seq, id);
        }
      }
      for (const id of new Set(provider.accepted.map((notification) => notification.id))) {
        const times = provider.accepted.filter((notification) => notification.id === id).length;
        expect(times, `${id} was accepted more than once`).toBe(1);
      }
      // Bob has acknowledged nothing, so all was told, but for what a death or the last attempt took.
      expect(written).toBeGreaterThan(0);
      expect(await registrationsOf(chat, bob)).toMatchObject([{ claimedUpTo: written }]);
      if (deaths === 0 && chat.volume(1).notifier.counters.givenUp === 0) expect(idOf.size).toBe(written);
      else expect(idOf.size).toBeGreaterThan(0);
    },
  );
});
