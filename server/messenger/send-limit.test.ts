/** The rate of a user: exact, shared by his devices, in order, and the end of who does not listen. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CLOSES, ERRORS } from '../protocol/errors.ts';
import { ChatSimulation } from '../testing/chat-simulation.ts';

let chat: ChatSimulation;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

async function start(perSecond: number, burst: number): Promise<void> {
  chat = await ChatSimulation.start({
    volumes: 1,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings: { userRate: { perSecond, burst } },
  });
}

it('a burst is taken, the next send refused with the time until there is a token', async () => {
  await start(10, 5);
  const a = chat.connect('alice');
  await chat.settle();
  for (let id = 1; id <= 7; id++) a.send(id, 'bob');
  await chat.settle();
  expect(a.of('sent').map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
  expect(a.of('error')).toMatchObject([
    { code: ERRORS.rateLimited.code, id: 6, retryAfterMs: 100 },
    { code: ERRORS.rateLimited.code, id: 7, retryAfterMs: 200 },
  ]);
  expect(chat.volume(0).counters.rateLimited).toBe(2);

  await chat.pass(99);
  a.send(6, 'bob');
  await chat.settle();
  expect(a.of('error').at(-1)).toMatchObject({ id: 6, retryAfterMs: 1 });
  await chat.pass(1);
  a.send(6, 'bob');
  await chat.settle();
  expect(a.of('sent').at(-1)).toMatchObject({ id: 6 });
});

it('the lasting rate is the rate: a client that repeats when it is told to loses nothing', async () => {
  await start(100, 10);
  const a = chat.connect('alice');
  await chat.settle();
  const started = chat.volume(0).options.now();
  for (let id = 1; id <= 300; id++) {
    a.send(id, 'bob');
    await chat.settle();
    while (a.of('error').at(-1)?.id === id && a.of('sent').at(-1)?.id !== id) {
      await chat.pass(a.of('error').at(-1)!.retryAfterMs);
      a.send(id, 'bob');
      await chat.settle();
    }
  }
  expect(a.of('sent').map(({ id }) => id)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  expect(chat.volume(0).options.now() - started).toBe((300 - 10) * 10);
});

it('a client that repeats each at the time that it was told is not refused again', async () => {
  await start(100, 10);
  const a = chat.connect('alice');
  const b = chat.connect('bob');
  await chat.settle();
  for (let id = 1; id <= 60; id++) a.send(id, 'bob', `${id}`);
  await chat.settle();
  let passed = 0;
  for (const { id, retryAfterMs } of a.of('error')) {
    await chat.pass(retryAfterMs - passed);
    passed = retryAfterMs;
    a.send(id, 'bob', `${id}`);
  }
  await chat.settle();
  expect(a.of('error')).toHaveLength(50);
  expect(b.bodies).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}`));
  expect(passed).toBe(500);
});

it('counts for all devices of the user together, and for nobody else', async () => {
  await start(1, 2);
  const phone = chat.connect('alice');
  const laptop = chat.connect('alice');
  const bob = chat.connect('bob');
  await chat.settle();
  phone.send(1, 'carol');
  laptop.send(2, 'carol');
  phone.send(3, 'carol');
  laptop.send(4, 'carol');
  bob.send(1, 'carol');
  await chat.settle();
  expect(phone.of('error')).toMatchObject([{ id: 3, retryAfterMs: 1_000 }]);
  expect(laptop.of('error')).toMatchObject([{ id: 4 }]);
  expect(bob.of('sent')).toHaveLength(1);
});

it('survives a user who disconnects to be forgotten', async () => {
  await start(0.01, 2);
  let a = chat.connect('alice');
  await chat.settle();
  a.send(1, 'bob');
  a.send(2, 'bob');
  a.disconnect();
  await chat.pass(90_000);
  a = chat.connect('alice');
  await chat.settle();
  a.send(3, 'bob');
  await chat.settle();
  expect(a.of('error')).toMatchObject([{ id: 3, retryAfterMs: 10_000 }]);
});

it('what was on its way does not overtake what was refused', async () => {
  await start(1_000, 2);
  const a = chat.connect('alice');
  const b = chat.connect('bob');
  await chat.settle();
  for (const id of [1, 2, 3]) a.send(id, 'bob', `${id}`);
  await chat.pass(10);
  // There are tokens again, but 3 has not come back yet.
  for (const id of [4, 5]) a.send(id, 'bob', `${id}`);
  await chat.settle();
  expect(a.of('error').map(({ id }) => id)).toEqual([3, 4, 5]);
  for (const id of [3, 4]) a.send(id, 'bob', `${id}`);
  await chat.pass(10);
  a.send(5, 'bob', '5');
  await chat.settle();
  expect(b.bodies).toEqual(['1', '2', '3', '4', '5']);
});

it('a refused send that is given up holds the others up for a second, not for ever', async () => {
  await start(1_000, 1);
  const a = chat.connect('alice');
  await chat.settle();
  a.send(1, 'bob');
  a.send(2, 'bob');
  await chat.pass(500);
  a.send(3, 'bob');
  await chat.settle();
  expect(a.of('error').map(({ id }) => id)).toEqual([2, 3]);
  await chat.pass(600);
  a.send(4, 'bob');
  await chat.settle();
  expect(a.of('sent').map(({ id }) => id)).toEqual([1, 4]);
});

it('a device that goes on although it is refused is closed; the user’s others are not', async () => {
  await start(10, 30);
  const flood = chat.connect('mallory');
  const other = chat.connect('mallory');
  await chat.settle();
  let id = 0;
  while (!flood.closed && id < 1_000) flood.send(++id, 'bob');
  // 30 taken, ten times as many refused, and one more.
  expect(id).toBe(30 + 300 + 1);
  expect(flood.closeCode).toBe(CLOSES.flooding.code);
  expect(other.closed).toBe(false);
});

it('one that is refused now and then is not', async () => {
  await start(1, 1);
  const a = chat.connect('alice');
  await chat.settle();
  for (let id = 1; id <= 500; id++) {
    a.send(id, 'bob');
    await chat.pass(200);
  }
  expect(a.of('error').length).toBeGreaterThan(300);
  expect(a.closed).toBe(false);
});

it('costs no memory once it is over', async () => {
  await start(10, 1);
  const a = chat.connect('alice');
  await chat.settle();
  a.send(1, 'bob');
  a.send(2, 'bob');
  await chat.settle();
  expect(a.of('error')).toHaveLength(1);
  await chat.pass(12_000);
  expect(chat.volume(0).sending.refusedDevices).toBe(0);
});

it('0 is no limit', async () => {
  await start(0, 0);
  const a = chat.connect('alice');
  await chat.settle();
  for (let id = 1; id <= 5_000; id++) a.send(id, 'bob');
  await chat.settle();
  expect(a.of('sent')).toHaveLength(5_000);
});

it('the oldest connection of a user gives way to one too many', async () => {
  chat = await ChatSimulation.start({
    volumes: 1,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings: { maxConnectionsPerUser: 3 },
  });
  const devices = Array.from({ length: 5 }, () => chat.connect('alice'));
  const other = chat.connect('bob');
  await chat.settle();
  expect(devices.map(({ closeCode }) => closeCode)).toEqual([4429, 4429, 0, 0, 0]);
  expect(other.closed).toBe(false);
  expect(chat.volume(0).users.peek('alice')!.devices).toEqual(devices.slice(2));
});
