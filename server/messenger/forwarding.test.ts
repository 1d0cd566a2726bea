import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';

let chat: ChatSimulation;
let alice: string;
let bob: string;

async function start(outboxMemoryBytes?: number): Promise<void> {
  const advanceTimers = (ms: number) => void vi.advanceTimersByTime(ms);
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers,
    ...(outboxMemoryBytes === undefined ? {} : { outboxMemoryBytes }),
  });
  alice = chat.userOn(0, 'alice');
  bob = chat.userOn(1, 'bob');
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  await start();
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

/** Sends bodies `first` … `last`, with ids above 0 and the link as it is. */
async function send(first: number, last: number, from = alice, to = bob): Promise<void> {
  const connection = chat.connect(from, 0);
  await chat.settle();
  for (let i = first; i <= last; i++) {
    connection.send(i, to, `${i}`);
    await chat.turns(2);
  }
  await chat.settle();
  expect(connection.of('sent').map(({ id }) => id)).toEqual(numbers(first, last));
  connection.disconnect();
}

async function received(user = bob): Promise<number[]> {
  const connection = chat.connect(user, 0);
  await chat.settle();
  const bodies = connection.bodies.map(Number);
  connection.disconnect();
  return bodies;
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

describe('a broken link', () => {
  it('holds messages back; when it is up again all come, once and in order', async () => {
    await send(1, 5);
    chat.network.cut(0, 1);
    await send(6, 40);
    expect(await received()).toEqual(numbers(1, 5));
    expect(chat.volume(0).forwarding.unconfirmed).toBeGreaterThan(0);
    chat.network.heal(0, 1);
    await chat.settle();
    expect(await received()).toEqual(numbers(1, 40));
    expect(chat.volume(0).forwarding.unconfirmed).toBe(0);
  });

  it('that breaks again and again loses and repeats nothing', async () => {
    const a = chat.connect(alice, 0);
    const b = chat.connect(bob, 0);
    for (let i = 1; i <= 60; i++) {
      a.send(i, bob, `${i}`);
      await chat.turns(i % 4);
      if (i % 5 === 0) chat.network.cut(0, 1);
      if (i % 7 === 0) chat.network.heal(0, 1);
    }
    chat.network.heal(0, 1);
    await chat.settle();
    expect(b.bodies.map(Number)).toEqual(numbers(1, 60));
  });

  it('does not fill the memory: what is over the limit waits in the store', async () => {
    await chat.stop();
    await start(2_000);
    chat.network.cut(0, 1);
    await send(1, 300);
    chat.network.heal(0, 1);
    await chat.settle();
    expect(await received()).toEqual(numbers(1, 300));
    await send(301, 310);
    expect(await received()).toEqual(numbers(1, 310));
    expect(chat.volume(0).forwarding.unconfirmed).toBe(0);
  });
});

describe('a restart', () => {
  it('of the sender’s volume sends what was not confirmed', async () => {
    chat.network.cut(0, 1);
    await send(1, 10);
    await chat.restartVolume(0);
    await send(11, 12);
    chat.network.heal(0, 1);
    await chat.settle();
    expect(await received()).toEqual(numbers(1, 12));
  });

  it('of the recipient’s volume drops what it has and takes what it has not, though users must be loaded', async () => {
    await send(1, 10);
    chat.killVolume(1);
    await send(11, 20);
    await chat.startVolume(1);
    await chat.settle();
    expect(await received()).toEqual(numbers(1, 20));
    await send(21, 25);
    expect(await received()).toEqual(numbers(1, 25));
  });

  it('of either volume between every two turns of a message’s way changes nothing', async () => {
    let id = 0;
    for (let moment = 0; moment < 16; moment++) {
      for (const victim of [0, 1]) {
        const a = chat.connect(alice, 0);
        await chat.settle();
        a.send(++id, bob, `${id}`);
        await chat.turns(moment);
        await chat.restartVolume(victim);
        await chat.settle();
        // As a client does that got no answer: the same id again.
        const again = chat.connect(alice, 0);
        await chat.settle();
        again.send(id, bob, `${id}`);
        await chat.settle();
        expect(again.of('sent').map((sent) => sent.id)).toContain(id);
        again.disconnect();
        a.disconnect();
      }
    }
    expect(await received()).toEqual(numbers(1, id));
    expect((await chat.timeline(alice)).map(({ seq }) => seq)).toEqual(numbers(1, id));
  });

  it('keeps the outbox numbers rising and the outbox small', async () => {
    for (let life = 0; life < 4; life++) {
      await send(life * 10 + 1, life * 10 + 10);
      await chat.pass(2_000);
      const outbox = await chat.volume(0).store.outbox();
      expect(outbox).toHaveLength(1);
      await chat.restartVolume(0);
      await chat.settle();
    }
    expect(await received()).toEqual(numbers(1, 40));
  });

  it('with an empty store: new messages are not taken for repeats of earlier ones', async () => {
    await send(1, 10);
    // The store of volume 0 is lost, as a memory store is at the death of its process.
    chat.killVolume(0);
    Object.assign(chat.shelves, { 0: chat.emptyShelf() });
    await chat.pass(10);
    await chat.startVolume(0);
    await chat.settle();
    await send(11, 15);
    expect(await received()).toEqual(numbers(1, 15));
  });
});

describe('a recipient that is not in memory', () => {
  it('is loaded, and keeps the order of messages that come before, during and after', async () => {
    const carol = chat.userOn(0, 'carol');
    await send(1, 3, alice, carol);
    await chat.restartVolume(0);
    const a = chat.connect(alice, 0);
    await chat.settle();
    for (let i = 4; i <= 30; i++) {
      a.send(i, carol, `${i}`);
      // Carol's connect loads her, too, in the middle of it.
      if (i === 10) chat.connect(carol, 0);
      await chat.turns(i % 3);
    }
    await chat.settle();
    expect(await received(carol)).toEqual(numbers(1, 30));
  });

  it('waits for a store that can not be read, and so do later messages', async () => {
    await send(1, 3);
    await chat.restartVolume(1);
    await chat.settle();
    chat.shelves[1]!.failReads = true;
    await send(4, 8);
    await chat.pass(500);
    chat.shelves[1]!.failReads = false;
    await chat.pass(500);
    expect(await received()).toEqual(numbers(1, 8));
  });

  it('that never existed starts at 1', async () => {
    await send(1, 1);
    await chat.restartVolume(1);
    const dave = chat.userOn(1, 'dave');
    await send(2, 3, alice, dave);
    expect((await chat.timeline(dave)).map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

it('messages of many senders to one recipient, from both volumes, are gap-free and in each sender’s order', async () => {
  const senders = [0, 1, 0, 1].map((volume, i) => chat.userOn(volume, `sender${i}-`));
  const connections = senders.map((sender) => chat.connect(sender));
  const b = chat.connect(bob);
  for (let i = 1; i <= 50; i++) {
    for (const connection of connections) connection.send(i, bob, `${i}`);
    await chat.turns(i % 3);
  }
  await chat.settle();
  expect(b.sequences).toEqual(numbers(1, 200));
  for (const sender of senders) {
    const own = b.of('message').filter(({ peer }) => peer === sender);
    expect(own.map(({ id }) => id)).toEqual(numbers(1, 50));
  }
});
