import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';
import { retryPauseMs } from './hand-offs.ts';
import {
  ACCEPTED,
  FAILED,
  GONE,
  NOT_NOW,
  REFUSED,
  register,
  registrationsOf,
  SimulatedProvider,
} from './notifier.fixture.ts';
import type { HandOffResult } from './provider.ts';

const SETTINGS = { notifications: { collapseMs: 1_000, maxAttempts: 4 } };
const NEVER = new Promise<HandOffResult>(() => {});

let provider: SimulatedProvider;
let chat: ChatSimulation;
let alice: SimulatedConnection;
let bob: string;
let ids: number;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  provider = new SimulatedProvider();
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings: SETTINGS,
    providers: provider.providers,
  });
  alice = chat.connect(chat.userOn(0, 'alice'));
  bob = chat.userOn(1, 'bob');
  ids = 0;
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

function notifier() {
  return chat.volume(1).notifier;
}

/** Alice writes `count` messages to bob, or to another user. */
async function write(count = 1, to = bob): Promise<void> {
  for (let n = 0; n < count; n++) alice.send(++ids, to, 'secret words');
  await chat.settle();
}

describe('a registered device without a connection', () => {
  beforeEach(() => register(chat, bob));

  it('is told once of all that comes within the window, and not what it says', async () => {
    await write(2);
    await chat.pass(500);
    await write(3);
    expect(provider.attempts).toEqual([]);
    await chat.pass(600);
    expect(provider.attempts).toEqual([
      {
        id: expect.stringMatching(/^[\w-]{32}$/),
        user: bob,
        device: 'phone',
        count: 5,
        from: alice.name,
        firstSeq: 1,
        lastSeq: 5,
        time: expect.any(Number),
      },
    ]);
    expect(JSON.stringify(provider.attempts)).not.toContain('secret');
    expect(provider.targets).toEqual([{ provider: 'webhook', token: `${bob}/phone` }]);
    await chat.pass(60_000);
    expect(provider.attempts).toHaveLength(1);
    expect(notifier().counters).toEqual({ sent: 1, retried: 0, givenUp: 0, removed: 0, queued: 0 });
  });

  it('is told again of what comes later, and of nothing twice', async () => {
    await write(2);
    await chat.pass(1_500);
    await write();
    await chat.pass(1_500);
    const stretches = provider.accepted.map(({ firstSeq, lastSeq, count }) => [firstSeq, lastSeq, count]);
    expect(stretches).toEqual([
      [1, 2, 2],
      [3, 3, 1],
    ]);
    expect(provider.accepted[0]!.id).not.toBe(provider.accepted[1]!.id);
    expect(await registrationsOf(chat, bob)).toMatchObject([{ device: 'phone', claimedUpTo: 3, notifiedUpTo: 3 }]);
  });

  it('counts what was received, not what the user sent himself', async () => {
    const device = chat.connect(bob);
    await chat.settle();
    device.send(1, chat.userOn(0, 'carol'), 'mine');
    await chat.settle();
    device.disconnect();
    await chat.pass(1_500);
    expect(provider.attempts).toEqual([]);
    await write(2);
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ count: 2, firstSeq: 2, lastSeq: 3 }]);
  });

  it('is told who wrote last', async () => {
    const carol = chat.connect(chat.userOn(0, 'carol'));
    await write();
    carol.send(1, bob, 'x');
    await chat.settle();
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ from: carol.name, count: 2 }]);
  });

  it('is told of messages to its group, and which group that is', async () => {
    const group = chat.userOn(0, 'friends');
    alice.group('create', group, { users: [bob] });
    await chat.settle();
    await write();
    alice.sendGroup(++ids, group, 'secret words');
    await chat.settle();
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ user: bob, count: 2, from: alice.name, group, lastSeq: 2 }]);
    await write();
    await chat.pass(1_500);
    expect(provider.attempts[1]).not.toHaveProperty('group');
  });

  it('is told of at most 1,000 as a number, and of the last one all the same', async () => {
    for (let n = 0; n < 12; n++) await write(100);
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ count: 1_000, firstSeq: 1, lastSeq: 1_200 }]);
    await write();
    await chat.pass(1_500);
    expect(provider.attempts[1]).toMatchObject({ count: 1, firstSeq: 1_201 });
  });

  it('is told nothing of what was there before it registered', async () => {
    const carol = chat.userOn(1, 'carol');
    await write(3, carol);
    await register(chat, carol);
    await chat.pass(1_500);
    await write(1, carol);
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ user: carol, count: 1, firstSeq: 4 }]);
  });

  it('is told on each of his devices', async () => {
    await register(chat, bob, 'tablet');
    await write();
    await chat.pass(1_500);
    expect(provider.accepted.map(({ device }) => device).sort()).toEqual(['phone', 'tablet']);
    expect(new Set(provider.accepted.map(({ id }) => id)).size).toBe(2);
  });

  it('is told nothing twice when it registers again', async () => {
    await write();
    await chat.pass(1_500);
    await register(chat, bob);
    await write();
    await chat.pass(1_500);
    expect(provider.accepted.map(({ firstSeq }) => firstSeq)).toEqual([1, 2]);
  });
});

describe('whoever is or was connected', () => {
  beforeEach(() => register(chat, bob));

  it('is not notified while he is', async () => {
    chat.connect(bob);
    await chat.settle();
    await write(3);
    await chat.pass(60_000);
    expect(provider.attempts).toEqual([]);
  });

  it('is not notified when he comes within the window and reads', async () => {
    await write();
    await chat.pass(500);
    const device = chat.connect(bob);
    await chat.settle();
    device.ack(1);
    device.disconnect();
    await chat.pass(10_000);
    expect(provider.attempts).toEqual([]);
  });

  it('is notified once when he comes within the window and leaves without having read', async () => {
    await write();
    await chat.pass(500);
    const device = chat.connect(bob);
    await chat.pass(5_000);
    expect(provider.attempts).toEqual([]);
    device.disconnect();
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ count: 1, firstSeq: 1, lastSeq: 1 }]);
  });

  it('is not notified when he comes while it is being claimed, and nothing is claimed', async () => {
    await write();
    const { store } = chat.volume(1);
    const read = store.timeline.bind(store);
    let device: SimulatedConnection | undefined;
    const reading = vi.spyOn(store, 'timeline').mockImplementation((...query) => {
      reading.mockImplementation(read);
      device = chat.connect(bob, 0);
      return read(...query);
    });
    await chat.pass(1_500);
    reading.mockRestore();
    expect(device!.bodies).toHaveLength(1);
    expect(provider.attempts).toEqual([]);
    expect(await registrationsOf(chat, bob)).toMatchObject([{ claimedUpTo: 0 }]);
    device!.disconnect();
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ firstSeq: 1, lastSeq: 1 }]);
  });

  it('is notified of it, and of what came since, when he comes before the first attempt and leaves long after', async () => {
    const crowd = Array.from({ length: 32 }, (_, i) => chat.userOn(1, `crowd${i}x`));
    for (const user of crowd) await register(chat, user);
    const answers: Array<(result: HandOffResult) => void> = [];
    provider.answer = () => new Promise((resolve) => answers.push(resolve));
    for (const user of crowd) alice.send(++ids, user, 'x');
    await chat.pass(1_500);
    await write();
    await chat.pass(1_500);
    expect(await registrationsOf(chat, bob)).toMatchObject([{ claimedUpTo: 1 }]);
    expect(provider.attempts).toHaveLength(32);
    const device = chat.connect(bob);
    await chat.settle();
    provider.answer = () => ACCEPTED;
    for (const answer of answers) answer(ACCEPTED);
    await chat.pass(120_000);
    expect(provider.attempts).toHaveLength(32);
    expect(await registrationsOf(chat, bob)).toMatchObject([{ claimedUpTo: 0 }]);
    await write();
    device.disconnect();
    await chat.pass(1_500);
    expect(provider.attempts.slice(32)).toMatchObject([{ user: bob, firstSeq: 1, lastSeq: 2, count: 2 }]);
  });

  it('is notified of what his last device left unread', async () => {
    const [phone, tablet] = [chat.connect(bob), chat.connect(bob)];
    await chat.settle();
    await write(3);
    phone.ack(1);
    phone.disconnect();
    await chat.pass(5_000);
    expect(provider.attempts).toEqual([]);
    tablet.disconnect();
    await chat.pass(1_500);
    expect(provider.attempts).toMatchObject([{ count: 2, firstSeq: 2, lastSeq: 3 }]);
  });

  it('is not told any more what he has read when an attempt failed', async () => {
    provider.answer = () => FAILED;
    await write();
    await chat.pass(1_200);
    expect(provider.attempts).toHaveLength(1);
    const device = chat.connect(bob);
    await chat.settle();
    device.ack(1);
    device.disconnect();
    await chat.pass(120_000);
    expect(provider.attempts).toHaveLength(1);
    expect(notifier().counters).toMatchObject({ sent: 0, givenUp: 0, queued: 0 });
  });

  it('is told by the same notification when he came and left without reading after a failed attempt', async () => {
    provider.answer = () => (provider.attempts.length === 1 ? FAILED : ACCEPTED);
    await write();
    await chat.pass(1_200);
    const device = chat.connect(bob);
    await chat.pass(1_500);
    expect(provider.attempts).toHaveLength(1);
    device.disconnect();
    await chat.pass(10_000);
    expect(provider.accepted).toHaveLength(1);
    expect(provider.attempts[1]).toEqual(provider.attempts[0]);
  });
});

describe('a hand-off that fails', () => {
  beforeEach(() => register(chat, bob));

  it('is repeated with growing pauses and the same id, and given up at last', async () => {
    const times: number[] = [];
    provider.answer = () => {
      times.push(chat.volume(1).options.now());
      return FAILED;
    };
    await write();
    await chat.pass(120_000);
    expect(provider.attempts).toHaveLength(SETTINGS.notifications.maxAttempts);
    expect(new Set(provider.attempts.map(({ id }) => id)).size).toBe(1);
    const pauses = times.slice(1).map((time, i) => time - times[i]!);
    // Half to all of 1, 2 and 4 s; the simulation's dice say 0.5.
    for (const [i, expected] of [750, 1_500, 3_000].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(expected);
      expect(pauses[i]).toBeLessThan(expected + 200);
    }
    expect(notifier().counters).toMatchObject({ sent: 0, retried: 3, givenUp: 1, queued: 0 });
    expect(chat.logs.join()).toMatch(/given up: h answered 500; that was attempt 4 of 4/);
  });

  it('is repeated when the provider says so, not before', async () => {
    provider.answer = () => (provider.attempts.length > 1 ? ACCEPTED : { ...NOT_NOW, retryAfterMs: 30_000 });
    await write();
    await chat.pass(1_200);
    expect(provider.attempts).toHaveLength(1);
    await chat.pass(29_000);
    expect(provider.attempts).toHaveLength(1);
    await chat.pass(2_000);
    expect(provider.accepted).toHaveLength(1);
  });

  it('gathers what comes meanwhile into one more', async () => {
    provider.answer = () => (provider.attempts.length < 3 ? FAILED : ACCEPTED);
    await write();
    await chat.pass(1_200);
    for (let n = 0; n < 10; n++) {
      await write();
      await chat.pass(100);
    }
    await chat.pass(30_000);
    const stretches = provider.accepted.map(({ firstSeq, lastSeq, count }) => [firstSeq, lastSeq, count]);
    expect(stretches).toEqual([
      [1, 1, 1],
      [2, 11, 10],
    ]);
  });

  it('that hangs does not hold up the other device', async () => {
    await register(chat, bob, 'tablet');
    provider.answer = ({ device }) => (device === 'phone' ? NEVER : ACCEPTED);
    await write();
    await chat.pass(1_200);
    await write();
    await chat.pass(1_200);
    expect(provider.accepted.map(({ device, firstSeq }) => [device, firstSeq])).toEqual([
      ['tablet', 1],
      ['tablet', 2],
    ]);
    expect(provider.attempts.filter(({ device }) => device === 'phone')).toHaveLength(1);
  });

  it('is given up at once when nothing helps, with one line', async () => {
    provider.answer = () => REFUSED;
    await write();
    await chat.pass(60_000);
    expect(provider.attempts).toHaveLength(1);
    expect(notifier().counters.givenUp).toBe(1);
    expect(chat.logs.filter((line) => line.includes('given up'))).toHaveLength(1);
    expect(await registrationsOf(chat, bob)).toHaveLength(1);
  });

  it('ends the registration when the provider calls it void', async () => {
    provider.answer = () => GONE;
    await write();
    await chat.pass(1_500);
    expect(await registrationsOf(chat, bob)).toEqual([]);
    expect(await notifier().registrations.users(undefined, 10)).toEqual([]);
    expect(notifier().counters).toMatchObject({ removed: 1, givenUp: 0 });
    await write();
    await chat.pass(10_000);
    expect(provider.attempts).toHaveLength(1);
    expect((await chat.volume(1).users.load(bob)).pushDevices).toBe(0);
  });

  it('follows a device that has registered anew when the old registration is void', async () => {
    let answer: (result: HandOffResult) => void = () => {};
    provider.answer = () => new Promise((resolve) => (answer = resolve));
    await write();
    await chat.pass(1_200);
    const user = await chat.volume(1).users.load(bob);
    await notifier().registrations.register(user, 'phone', { provider: 'webhook', token: 'new' }, 1);
    provider.answer = () => ACCEPTED;
    answer(GONE);
    await chat.pass(1_500);
    expect(provider.accepted).toMatchObject([{ firstSeq: 1, lastSeq: 1 }]);
    expect(provider.targets.at(-1)).toEqual({ provider: 'webhook', token: 'new' });
    expect(await registrationsOf(chat, bob)).toHaveLength(1);
  });

  it('ends when the device is removed', async () => {
    provider.answer = () => FAILED;
    await write();
    await chat.pass(1_200);
    const user = await chat.volume(1).users.load(bob);
    expect(await notifier().unregister(user, 'phone')).toBe(true);
    expect(await notifier().unregister(user, 'phone')).toBe(false);
    await chat.pass(60_000);
    expect(provider.attempts).toHaveLength(1);
    expect(notifier().counters.queued).toBe(0);
  });
});

describe('the pause before a repetition', () => {
  it('grows up to five minutes, and is at least what the provider asks for, up to an hour', () => {
    expect(retryPauseMs(1, 0, 0)).toBe(500);
    expect(retryPauseMs(1, 0, 1)).toBe(1_000);
    expect(retryPauseMs(5, 0, 1)).toBe(16_000);
    expect(retryPauseMs(60, 0, 1)).toBe(300_000);
    expect(retryPauseMs(1, 90_000, 0)).toBe(90_000);
    expect(retryPauseMs(1, 90_000, 1)).toBe(91_000);
    expect(retryPauseMs(1, 1e12, 0)).toBe(3_600_000);
  });
});

describe('without need', () => {
  it('a user costs one look into the store', async () => {
    await register(chat, chat.userOn(1, 'someone'));
    await write();
    await chat.pass(1_500);
    const user = await chat.volume(1).users.load(bob);
    expect(user.pushDevices).toBe(0);
    const consider = vi.spyOn(notifier(), 'consider');
    await write(3);
    await chat.pass(1_500);
    expect(consider).not.toHaveBeenCalled();
    await register(chat, bob);
    await write();
    await chat.pass(1_500);
    expect(provider.accepted).toMatchObject([{ user: bob, firstSeq: 5 }]);
  });

  it('a volume in which nobody is registered costs none', async () => {
    const properties = vi.spyOn(chat.volume(1).store, 'properties');
    await write(3);
    await chat.pass(3_000);
    expect(properties).not.toHaveBeenCalled();
    expect(notifier().counters.queued).toBe(0);
  });
});

describe('a user', () => {
  it('may register so many devices and no more', async () => {
    const user = await chat.volume(1).users.load(bob);
    const put = (device: string) =>
      notifier().registrations.register(user, device, { provider: 'webhook', token: 't' }, 1);
    const results = await Promise.all(Array.from({ length: 17 }, (_, i) => put(`d${i}`)));
    expect(results.map((result) => result !== null)).toEqual(Array.from({ length: 17 }, (_, i) => i < 16));
    expect(await put('d3')).not.toBeNull();
    expect(user.pushDevices).toBe(16);
  });
});
