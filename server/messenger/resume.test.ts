import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';

let chat: ChatSimulation;
let alice: string;
let bob: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    maxBodyBytes: 65_536,
  });
  alice = chat.userOn(0, 'alice');
  bob = chat.userOn(1, 'bob');
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

async function sendMany(count: number, bytes = 10): Promise<void> {
  const a = chat.connect(alice);
  await chat.settle();
  for (let i = 1; i <= count; i++) a.send(i, bob, `${i}`.padEnd(bytes));
  await chat.settle();
  a.disconnect();
}

/** first, first + 1, …, last */
function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

describe('a connect with a position', () => {
  it.each([0, 1, 49, 50, 51, 250, 499, 500])('of %i gets exactly what follows', async (after) => {
    await sendMany(500);
    const b = chat.connect(bob, after);
    await chat.settle();
    expect(b.frames[0]).toEqual({ type: 'welcome', head: 500, after });
    expect(b.sequences).toEqual(range(after + 1, 500));
    expect(b.of('reset')).toEqual([]);
  });

  it('that it does not give starts at what the devices of the user acknowledged', async () => {
    await sendMany(10);
    const first = chat.connect(bob);
    await chat.settle();
    first.ack(4);
    await chat.settle();
    const second = chat.connect(bob);
    await chat.settle();
    expect(second.sequences).toEqual(range(5, 10));
  });

  it('beyond the head is reset to it and goes on from there', async () => {
    await sendMany(3);
    const b = chat.connect(bob, 9);
    await chat.settle();
    expect(b.frames).toEqual([
      { type: 'welcome', head: 3, after: 3 },
      { type: 'reset', position: 3 },
    ]);
    const a = chat.connect(alice);
    await chat.settle();
    a.send(10, bob, 'next');
    await chat.settle();
    expect(b.sequences).toEqual([4]);
  });

  it('in what is not yet committed is reset: no device can have seen it', async () => {
    await sendMany(3);
    const a = chat.connect(alice, 3);
    const later = chat.connect(alice, 3);
    await chat.settle();
    a.send(50, bob, 'under way');
    const early = chat.connect(alice, 4);
    expect(early.of('reset')).toEqual([{ type: 'reset', position: 3 }]);
    await chat.settle();
    expect(early.sequences).toEqual([4]);
    expect(later.sequences).toEqual([4]);
  });
});

describe('during live traffic', () => {
  it('there is no gap and no duplicate, whenever the device connects', async () => {
    await sendMany(120);
    const a = chat.connect(alice, 120);
    await chat.settle();
    const connections: SimulatedConnection[] = [];
    for (let i = 0; i < 60; i++) {
      a.send(1_000 + i, bob, 'live');
      if (i % 2 === 0) connections.push(chat.connect(bob, i * 2));
      await chat.turns(i % 3);
    }
    await chat.settle();
    for (const [i, connection] of connections.entries()) expect(connection.sequences).toEqual(range(i * 4 + 1, 180));
  });

  it('a device that sends while it is catching up gets its own entries as `sent` only', async () => {
    await sendMany(900);
    const b = chat.connect(bob, 0);
    b.send(1, alice, 'early');
    b.send(2, alice, 'bird');
    await chat.settle();
    expect(b.of('sent').map(({ seq }) => seq)).toEqual([901, 902]);
    expect(b.of('message').map(({ seq }) => seq)).toEqual(range(1, 900));
  });
});

describe('a device that reads slowly', () => {
  it('gets pieces of limited size, each when the network has taken the one before', async () => {
    await sendMany(40, 40_000);
    const b = chat.connect(bob, 0);
    let bytes = 0;
    let most = 0;
    const write = b.write.bind(b);
    b.write = (frames) => {
      bytes += frames.length;
      // The transport, too, hands frames to the socket in a microtask.
      queueMicrotask(() => {
        b.backlog += frames.length;
        most = Math.max(most, b.backlog);
      });
      write(frames);
    };
    for (let drains = 0; drains < 100 && b.sequences.length < 40; drains++) {
      await chat.settle();
      b.drain();
    }
    expect(b.sequences).toEqual(range(1, 40));
    expect(bytes).toBeGreaterThan(40 * 40_000);
    expect(most).toBeLessThan(200 * 1_024);
  });

  it('misses nothing that comes while it is paused', async () => {
    await sendMany(300);
    const b = chat.connect(bob, 0);
    b.backlog = 1_000_000;
    await chat.settle();
    const a = chat.connect(alice, 300);
    await chat.settle();
    for (let i = 0; i < 20; i++) a.send(1_000 + i, bob, 'more');
    await chat.settle();
    expect(b.sequences.length).toBeLessThan(320);
    b.drain();
    await chat.settle();
    expect(b.sequences).toEqual(range(1, 320));
  });
});

it('goes on after the store could not be read', async () => {
  await sendMany(100);
  chat.shelves[1]!.failReads = true;
  const b = chat.connect(bob, 0);
  await chat.pass(1_000);
  expect(b.sequences).toEqual([]);
  chat.shelves[1]!.failReads = false;
  await chat.pass(1_000);
  expect(b.sequences).toEqual(range(1, 100));
});

it('gives the same sequences after a restart of the volume, with a user that must be loaded', async () => {
  await sendMany(10);
  await chat.restartVolume(1);
  const b = chat.connect(bob, 3);
  expect(b.welcomed).toBe(false);
  await chat.settle();
  expect(b.sequences).toEqual(range(4, 10));
  expect(b.bodies.map(Number)).toEqual(range(4, 10));
  const a = chat.connect(alice, 10);
  await chat.settle();
  a.send(99, bob, '11');
  await chat.settle();
  expect(b.sequences).toEqual(range(4, 11));
});
