import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';

let chat: ChatSimulation;
let alice: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({ volumes: 2, advanceTimers: (ms) => vi.advanceTimersByTime(ms) });
  alice = chat.userOn(0, 'alice');
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

describe.each([
  { where: 'in the same volume', volume: 0 },
  { where: 'in another volume', volume: 1 },
])('a message to a user $where', ({ volume }) => {
  let bob: string;
  beforeEach(() => {
    bob = chat.userOn(volume, 'bob');
  });

  it('goes the five steps: send, sent, message, ack, delivered', async () => {
    const a = chat.connect(alice);
    const b = chat.connect(bob);
    a.send(77, bob, 'hi');
    expect(a.of('sent')).toEqual([]);
    await chat.settle();
    expect(a.of('sent')).toEqual([{ type: 'sent', id: 77, seq: 1, time: expect.any(Number) }]);
    const { time } = a.of('sent')[0]!;
    expect(b.of('message')).toEqual([
      { type: 'message', direction: 'in', seq: 1, id: 77, time, peer: alice, body: 'hi' },
    ]);
    expect(a.of('receipt')).toEqual([]);
    b.ack(1);
    await chat.settle();
    expect(a.of('receipt')).toEqual([{ type: 'receipt', state: 'delivered', peer: bob, upTo: 1 }]);
    expect(a.of('message')).toEqual([]);
  });

  it('tells the sender that it is stored when the recipient has no device, and delivers it later', async () => {
    const a = chat.connect(alice);
    a.send(1, bob, 'are you there?');
    await chat.settle();
    expect(a.of('receipt')).toEqual([{ type: 'receipt', state: 'stored', peer: bob, upTo: 1 }]);
    const b = chat.connect(bob);
    await chat.settle();
    expect(b.frames[0]).toEqual({ type: 'welcome', head: 1, after: 0 });
    expect(b.bodies).toEqual(['are you there?']);
    b.ack(1);
    await chat.settle();
    expect(a.of('receipt').at(-1)).toEqual({ type: 'receipt', state: 'delivered', peer: bob, upTo: 1 });
  });

  it('keeps the order of one connection, without a gap', async () => {
    const a = chat.connect(alice);
    const b = chat.connect(bob);
    const bodies = Array.from({ length: 300 }, (_, i) => `m${i}`);
    for (const [i, body] of bodies.entries()) {
      a.send(i + 1, bob, body);
      if (i % 7 === 0) await chat.turns(1);
    }
    await chat.settle();
    expect(b.bodies).toEqual(bodies);
    expect(b.sequences).toEqual(bodies.map((_, i) => i + 1));
    expect(a.sequences).toEqual(bodies.map((_, i) => i + 1));
  });

  it('shows all devices of both users the same sequences, and the sending device only `sent`', async () => {
    const phones = [chat.connect(alice), chat.connect(bob)] as const;
    const laptops = [chat.connect(alice), chat.connect(bob)] as const;
    phones[0].send(1, bob, 'one');
    laptops[1].send(1, alice, 'two');
    laptops[0].send(2, bob, 'three');
    await chat.settle();
    for (const [user, phone, laptop] of [
      [alice, phones[0], laptops[0]],
      [bob, phones[1], laptops[1]],
    ] as const) {
      expect(phone.sequences).toEqual([1, 2, 3]);
      expect(laptop.sequences).toEqual([1, 2, 3]);
      expect((await chat.timeline(user)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    }
    expect(phones[0].of('sent')).toHaveLength(1);
    expect(laptops[0].of('sent')).toHaveLength(1);
    expect(laptops[0].of('message').find(({ body }) => body === 'one')).toMatchObject({ direction: 'out', peer: bob });
    expect(phones[0].bodies).not.toContain('one');
    const laptopView = new Map(laptops[1].frames.flatMap((f) => (f.type === 'message' ? [[f.seq, f.body]] : [])));
    for (const { seq, body } of phones[1].of('message')) {
      if (laptopView.has(seq)) expect(laptopView.get(seq)).toBe(body);
    }
  });
});

it('puts a message to oneself into the timeline twice: sent and received', async () => {
  const a = chat.connect(alice);
  a.send(1, alice, 'note');
  await chat.settle();
  expect(a.sequences).toEqual([1, 2]);
  expect(a.of('message')).toMatchObject([{ direction: 'in', seq: 2, peer: alice, body: 'note' }]);
  a.ack(2);
  await chat.settle();
  expect(a.of('receipt')).toEqual([{ type: 'receipt', state: 'delivered', peer: alice, upTo: 1 }]);
});

it('refuses a body over the limit and goes on', async () => {
  const bob = chat.userOn(1, 'bob');
  const a = chat.connect(alice);
  a.send(1, bob, 'x'.repeat(4_097));
  a.send(2, bob, 'x'.repeat(4_096));
  await chat.settle();
  expect(a.of('error')).toMatchObject([{ id: 1, code: 1002 }]);
  expect(a.of('sent')).toMatchObject([{ id: 2, seq: 1 }]);
});

it('answers nobody else when a device leaves before its commit, and the message arrives all the same', async () => {
  const bob = chat.userOn(1, 'bob');
  const a = chat.connect(alice);
  const b = chat.connect(bob);
  a.send(1, bob, 'last words');
  a.disconnect();
  await chat.settle();
  expect(a.of('sent')).toEqual([]);
  expect(b.bodies).toEqual(['last words']);
});

it('says try-later while the store fails, nothing false, and goes on when it works again', async () => {
  const bob = chat.userOn(1, 'bob');
  const a = chat.connect(alice);
  const b = chat.connect(bob);
  await chat.settle();
  chat.shelves[0]!.failWrites = true;
  a.send(1, bob, 'before it is known');
  await chat.settle();
  expect(a.of('sent')).toEqual([]);
  a.send(2, bob, 'while it fails');
  expect(a.of('error')).toMatchObject([{ id: 2, code: 1004 }]);
  chat.shelves[0]!.failWrites = false;
  await chat.pass(5_000);
  expect(a.of('sent')).toMatchObject([{ id: 1, seq: 1 }]);
  a.send(2, bob, 'while it fails');
  await chat.settle();
  expect(b.bodies).toEqual(['before it is known', 'while it fails']);
});
