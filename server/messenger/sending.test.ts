import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';

let chat: ChatSimulation;
let alice: string;
let bob: string;
let carol: string;
let a: SimulatedConnection;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({ volumes: 2, advanceTimers: (ms) => vi.advanceTimersByTime(ms) });
  alice = chat.userOn(0, 'alice');
  bob = chat.userOn(1, 'bob');
  carol = chat.userOn(0, 'carol');
  a = chat.connect(alice);
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

describe('a repeated id', () => {
  it('gets the original answer after its commit, and there is no second copy', async () => {
    a.send(5, bob, 'once');
    await chat.settle();
    await chat.pass(300);
    a.send(5, bob, 'once');
    await chat.settle();
    const [first, second] = a.of('sent');
    expect(second).toEqual(first);
    expect(await chat.timeline(alice)).toHaveLength(1);
    expect(await chat.timeline(bob)).toHaveLength(1);
  });

  it('gets the original answer when it comes before the commit, on the same and on another connection', async () => {
    const laptop = chat.connect(alice);
    a.send(5, bob, 'once');
    a.send(5, bob, 'once');
    laptop.send(5, bob, 'once');
    await chat.settle();
    expect(a.of('sent')).toHaveLength(2);
    expect(new Set([...a.of('sent'), ...laptop.of('sent')].map(({ seq }) => seq))).toEqual(new Set([1]));
    expect(laptop.of('sent')).toHaveLength(1);
    expect(await chat.timeline(bob)).toHaveLength(1);
  });

  it('is recognised after a restart of the volume', async () => {
    a.send(5, bob, 'once');
    await chat.settle();
    const [first] = a.of('sent');
    await chat.restartVolume(0);
    const again = chat.connect(alice, 0);
    await chat.settle();
    again.send(5, bob, 'once');
    await chat.settle();
    expect(again.of('sent')).toEqual([first]);
    expect(await chat.timeline(bob)).toHaveLength(1);
  });

  it('is stored once when the process died before the commit', async () => {
    a.send(5, bob, 'once');
    await chat.restartVolume(0);
    const again = chat.connect(alice, 0);
    await chat.settle();
    again.send(5, bob, 'once');
    await chat.settle();
    expect(again.of('sent')).toHaveLength(1);
    expect(await chat.timeline(alice)).toHaveLength(1);
    expect(await chat.timeline(bob)).toHaveLength(1);
  });

  it('for another recipient is refused, committed or not', async () => {
    a.send(5, bob, 'to bob');
    a.send(5, carol, 'to carol');
    await chat.settle();
    a.send(5, carol, 'to carol');
    await chat.settle();
    expect(a.of('error')).toMatchObject([
      { id: 5, code: 1005 },
      { id: 5, code: 1005 },
    ]);
    expect(await chat.timeline(carol)).toEqual([]);
    expect(await chat.timeline(alice)).toHaveLength(1);
  });

  it('is not called failed while the store can not be read: its answer waits until it is known', async () => {
    a.send(5, bob, 'once');
    await chat.settle();
    chat.shelves[0]!.failReads = true;
    a.send(5, bob, 'once');
    await chat.pass(1_200);
    expect(a.of('error')).toEqual([]);
    expect(a.of('sent')).toHaveLength(1);
    chat.shelves[0]!.failReads = false;
    await chat.pass(1_000);
    expect(a.of('sent')).toHaveLength(2);
    expect(await chat.timeline(bob)).toHaveLength(1);
  });
});

describe('ids of two devices out of order', () => {
  it('are all new, each with its own sequence', async () => {
    const laptop = chat.connect(alice);
    a.send(10, bob, 'ten');
    laptop.send(9, bob, 'nine');
    laptop.send(8, carol, 'eight');
    await chat.settle();
    expect([...a.of('sent'), ...laptop.of('sent')].map(({ id, seq }) => [id, seq])).toEqual([
      [10, 1],
      [9, 2],
      [8, 3],
    ]);
    expect(await chat.timeline(bob)).toHaveLength(2);
    expect(await chat.timeline(carol)).toHaveLength(1);
  });

  it('keep the order of each connection, though an id below the highest needs a look into the store', async () => {
    const b = chat.connect(bob);
    const laptop = chat.connect(alice);
    a.send(100, bob, 'phone');
    laptop.send(7, bob, 'first');
    laptop.send(101, bob, 'second');
    laptop.send(8, bob, 'third');
    laptop.send(102, bob, 'fourth');
    await chat.settle();
    expect(b.bodies).toEqual(['phone', 'first', 'second', 'third', 'fourth']);
    expect(laptop.of('sent').map(({ id }) => id)).toEqual([7, 101, 8, 102]);
  });

  it('of the same new id at once are stored once', async () => {
    const laptop = chat.connect(alice);
    a.send(10, bob, 'ten');
    await chat.settle();
    a.send(9, bob, 'nine');
    laptop.send(9, bob, 'nine');
    await chat.settle();
    expect(a.of('sent').at(-1)).toEqual(laptop.of('sent').at(-1));
    expect(a.of('sent').at(-1)).toMatchObject({ id: 9, seq: 2 });
    expect(await chat.timeline(bob)).toHaveLength(2);
  });
});

it('answers a repeat while draining, and refuses what is new as certainly not sent', async () => {
  a.send(5, bob, 'once');
  await chat.settle();
  chat.volume(0).draining = true;
  a.send(5, bob, 'once');
  a.send(4, bob, 'new, below the highest');
  a.send(6, bob, 'new');
  await chat.settle();
  expect(a.of('sent')).toHaveLength(2);
  expect(a.of('error')).toMatchObject([
    { id: 4, code: 1006 },
    { id: 6, code: 1006 },
  ]);
  expect(await chat.timeline(alice)).toHaveLength(1);
});
