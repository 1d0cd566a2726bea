import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';

let chat: ChatSimulation;
let alice: string;
let a: SimulatedConnection;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({ volumes: 2, advanceTimers: (ms) => vi.advanceTimersByTime(ms) });
  alice = chat.userOn(0, 'alice');
  a = chat.connect(alice);
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

async function sendMany(to: string, count: number, firstId = 1): Promise<void> {
  for (let i = 0; i < count; i++) a.send(firstId + i, to, '');
  await chat.settle();
}

describe.each([
  { where: 'in the same volume', volume: 0 },
  { where: 'in another volume', volume: 1 },
])('receipts of a recipient $where', ({ volume }) => {
  let bob: string;
  beforeEach(() => {
    bob = chat.userOn(volume, 'bob');
  });
  const delivered = (connection: SimulatedConnection): number[] =>
    connection.of('receipt').flatMap(({ state, upTo }) => (state === 'delivered' ? [upTo] : []));

  it('are cumulative: an acknowledgement of many messages is told in one', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 20);
    b.ack(12);
    await chat.settle();
    expect(delivered(a)).toEqual([12]);
    b.ack(20);
    await chat.settle();
    expect(delivered(a)).toEqual([12, 20]);
  });

  it('are told per sender, whoever sent in between', async () => {
    const carol = chat.userOn(1 - volume, 'carol');
    const c = chat.connect(carol);
    const b = chat.connect(bob);
    for (let i = 1; i <= 6; i++) {
      (i % 2 ? a : c).send(i, bob, '');
      await chat.settle();
    }
    b.ack(5);
    await chat.settle();
    expect(delivered(a).at(-1)).toBe(3);
    expect(delivered(c).at(-1)).toBe(2);
  });

  it('ignore an acknowledgement that is repeated, lower, or of something not sent yet', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 3);
    b.ack(2);
    await chat.settle();
    b.ack(2);
    b.ack(1);
    await chat.settle();
    expect(delivered(a)).toEqual([2]);
    b.ack(1_000);
    await chat.settle();
    await sendMany(bob, 1, 10);
    expect(delivered(a)).toEqual([2, 3]);
  });

  it('come from a position given at connect, but not from one that a reset gave', async () => {
    await sendMany(bob, 4);
    chat.connect(bob, 99);
    await chat.settle();
    expect(delivered(a)).toEqual([]);
    chat.connect(bob, 3);
    await chat.settle();
    expect(delivered(a).at(-1)).toBe(3);
  });

  it('say `stored` for what was shown to a device that left without a word', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 5);
    b.ack(2);
    await chat.settle();
    expect(a.of('receipt').filter(({ state }) => state === 'stored')).toEqual([]);
    b.disconnect();
    await chat.settle();
    expect(a.of('receipt').at(-1)).toEqual({ type: 'receipt', state: 'stored', peer: bob, upTo: 5 });
  });

  it('reach a sender that was away when it asks: before they are stored, while, and after', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 3);
    a.disconnect();
    b.ack(3);
    await chat.settle();
    const again = chat.connect(alice, 3);
    await chat.settle();
    for (const moment of ['in memory', 'being stored', 'stored']) {
      if (moment === 'being stored') vi.advanceTimersByTime(1_000);
      if (moment === 'stored') await chat.pass(2_000);
      again.frames.length = 0;
      again.status(bob, 'nobody');
      await chat.settle();
      expect([moment, again.frames]).toEqual([moment, [{ type: 'receipt', state: 'delivered', peer: bob, upTo: 3 }]]);
    }
    await chat.restartVolume(0);
    const later = chat.connect(alice, 3);
    await chat.settle();
    later.status(bob);
    await chat.settle();
    expect(delivered(later)).toEqual([3]);
  });

  it('are told again after the recipient’s volume died before the sender’s had stored them', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 3);
    await chat.pass(3_000);
    chat.network.cut(0, 1);
    b.ack(3);
    await chat.settle();
    await chat.restartVolume(volume);
    chat.network.heal(0, 1);
    const sender = volume === 0 ? chat.connect(alice, 3) : a;
    const again = chat.connect(bob, 3);
    await chat.settle();
    expect(again.frames[0]).toEqual({ type: 'welcome', head: 3, after: 3 });
    expect(delivered(sender)).toEqual([3]);
  });

  it('are told to a sender whose volume died after it was told and before it had stored them', async () => {
    const b = chat.connect(bob);
    await sendMany(bob, 3);
    b.ack(3);
    await chat.settle();
    expect(delivered(a)).toEqual([3]);
    await chat.restartVolume(0);
    await chat.settle();
    // Within one volume the death takes the recipient's connection, too.
    if (volume === 0) chat.connect(bob, 3);
    const again = chat.connect(alice, 3);
    await chat.settle();
    again.status(bob);
    await chat.settle();
    expect(delivered(again).at(-1)).toBe(3);
  });
});

it('survive, for a recipient that acknowledged and never returns, once both sides had their round', async () => {
  const bob = chat.userOn(1, 'bob');
  const b = chat.connect(bob);
  await sendMany(bob, 3);
  b.ack(3);
  await chat.settle();
  b.disconnect();
  await chat.pass(4_000);
  await chat.restartVolume(0);
  await chat.restartVolume(1);
  const again = chat.connect(alice, 3);
  await chat.settle();
  again.status(bob);
  await chat.settle();
  expect(again.of('receipt')).toMatchObject([{ state: 'delivered', upTo: 3 }]);
  // What is acknowledged is not sent again to a device that gives no position.
  const b2 = chat.connect(bob);
  await chat.settle();
  expect(b2.frames).toEqual([{ type: 'welcome', head: 3, after: 3 }]);
});

it('never get ahead of their own storing: a death of both volumes at any moment forgets none', async () => {
  const bob = chat.userOn(1, 'bob');
  for (let round = 1; round <= 12; round++) {
    const sender = chat.connect(alice, 0);
    const b = chat.connect(bob);
    await chat.settle();
    sender.send(round, bob, '');
    await chat.settle();
    // From just after the acknowledgement to some seconds later, and in the middle of a round of housekeeping.
    setImmediate(() => b.ack(round));
    await chat.turns(1);
    if (round % 2) await chat.pass(round * 250);
    else vi.advanceTimersByTime(round * 250);
    chat.killVolume(0);
    chat.killVolume(1);
    await chat.startVolume(0);
    await chat.startVolume(1);
    await chat.settle();
    const asks = chat.connect(alice, 0);
    const returns = chat.connect(bob);
    await chat.settle();
    returns.ack(round);
    await chat.pass(1_500);
    asks.status(bob);
    await chat.settle();
    const told = asks.of('receipt').filter(({ state }) => state === 'delivered');
    expect(Math.max(...told.map(({ upTo }) => upTo))).toBe(round);
  }
});

it('reach far back: more unacknowledged messages than are kept in memory', async () => {
  const bob = chat.userOn(1, 'bob');
  const b = chat.connect(bob);
  await sendMany(bob, 2_500);
  b.ack(700);
  await chat.settle();
  b.ack(1_900);
  b.ack(2_499);
  await chat.settle();
  expect(a.of('receipt').at(-1)).toMatchObject({ state: 'delivered', upTo: 2_499 });
  b.ack(2_500);
  await chat.settle();
  expect(a.of('receipt').at(-1)).toMatchObject({ state: 'delivered', upTo: 2_500 });
  const upTos = a.of('receipt').map(({ upTo }) => upTo);
  expect(upTos).toEqual([...upTos].sort((x, y) => x - y));
});
