/** What senders and other volumes see while a store hangs, fails or is behind; and that everything is made good afterwards. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeSettings } from '../config.ts';
import { DeadLetterLog } from '../store/dead-letters.ts';
import { ChatSimulation, type ChatSimulationOptions } from '../testing/chat-simulation.ts';

let directory: string;
let chat: ChatSimulation;
let logs: DeadLetterLog[];

beforeEach(async () => {
  logs = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  directory = await mkdtemp(join(tmpdir(), 'plimsoll-given-up-'));
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
  for (const log of logs) await log.close();
  await rm(directory, { recursive: true, force: true });
});

const withLog = async (volume: number, maxBytes = 1_000_000): Promise<DeadLetterLog> => {
  const log = await DeadLetterLog.open({ directory, volume, maxBytes });
  logs.push(log);
  return log;
};

async function start(
  settings: Partial<NodeSettings> = {},
  deadLetters: ChatSimulationOptions['deadLetters'] | null = withLog,
): Promise<{ alice: string; bob: string; carol: string }> {
  chat = await ChatSimulation.start({
    volumes: 2,
    advanceTimers: (ms) => vi.advanceTimersByTime(ms),
    settings,
    ...(deadLetters ? { deadLetters } : {}),
  });
  return { alice: chat.userOn(0, 'alice'), bob: chat.userOn(1, 'bob'), carol: chat.userOn(0, 'carol') };
}

/** Real files take real time, which fake timers do not make pass. */
async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 200_000; turn++) {
    if (await condition()) return;
    await chat.turns(1);
  }
  throw new Error(`waited in vain for ${what}`);
}

const logText = (): Promise<string> => readFile(join(directory, 'volume-0.jsonl'), 'utf8');

describe('a store that hangs', () => {
  it('refuses what is new, gives up what waits, and makes everything good when it answers', async () => {
    const { alice, bob, carol } = await start();
    const a = chat.connect(alice);
    const b = chat.connect(bob);
    await chat.settle();
    a.send(1, bob, 'before');
    await chat.settle();
    chat.shelves[0]!.hangWrites = true;
    a.send(2, bob, 'waits');
    await chat.pass(100);
    a.send(3, carol, 'gathers');
    await chat.pass(6_000);
    a.send(4, bob, 'refused');
    await chat.settle();
    expect(a.of('error')).toMatchObject([{ id: 4, code: 1004, retryAfterMs: 1_000 }]);
    // Who repeats learns that nobody knows yet, and does not pile up.
    a.send(2, bob, 'waits');
    await chat.settle();
    expect(a.of('error').slice(1)).toMatchObject([{ id: 2, code: 1007, retryAfterMs: 1_000 }]);
    expect(await logText()).toBe('');

    await chat.pass(25_000);
    await eventually('the letters', () => a.of('error').length === 4);
    expect(a.of('error').slice(2)).toMatchObject([
      { id: 2, code: 1008, retryAfterMs: 5_000 },
      { id: 3, code: 1008, retryAfterMs: 5_000 },
    ]);
    const letters = (await logText()).trim().split('\n');
    expect(letters.map((line) => JSON.parse(line))).toMatchObject([
      { key: `${alice}/2`, user: alice, id: 2, to: bob, bodyBase64: Buffer.from('waits').toString('base64') },
      { key: `${alice}/3`, to: carol },
    ]);
    a.send(2, bob, 'waits');
    await chat.pass(10_000);
    expect(a.of('error').slice(4)).toMatchObject([{ id: 2, code: 1008 }]);
    expect(a.of('sent').map(({ id }) => id)).toEqual([1]);
    expect(await logText()).toBe(`${letters.join('\n')}\n`);
    // Connections and reads go on.
    expect(a.closed).toBe(false);
    expect(await chat.timeline(alice)).toHaveLength(1);

    chat.shelves[0]!.hangWrites = false;
    await chat.pass(1_000);
    expect(a.of('sent').map(({ id, seq }) => [id, seq])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    a.send(2, bob, 'waits');
    a.send(4, bob, 'refused');
    await chat.settle();
    expect(b.bodies).toEqual(['before', 'waits', 'refused']);
    expect(await chat.timeline(carol)).toHaveLength(1);
    expect(chat.volume(0).commit.state).toBe('closed');
    await eventually('the log to be empty', async () => (await logText()) === '');
    expect(chat.volume(0).givenUp.openLetters).toBe(0);
  });

  it('leaves the letters to a replay when the process dies, and the replay stores each once', async () => {
    const { alice, bob } = await start();
    const a = chat.connect(alice);
    const b = chat.connect(bob);
    await chat.settle();
    chat.shelves[0]!.hangWrites = true;
    a.send(1, bob, 'one');
    await chat.pass(31_000);
    await eventually('the letter', () => a.of('error').length === 1);
    chat.killVolume(0);
    chat.shelves[0]!.hangWrites = false;
    await chat.restartVolume(0);
    await chat.settle();
    expect(chat.volume(0).givenUp.openLetters).toBe(1);
    const again = chat.connect(alice);
    await chat.settle();
    for (let time = 0; time < 2; time++) again.send(1, bob, 'one');
    await chat.pass(1_000);
    expect(new Set(again.of('sent').map(({ seq }) => seq))).toEqual(new Set([1]));
    expect(b.bodies).toEqual(['one']);
  });
});

describe('without a dead-letter log', () => {
  it('senders are told that nothing is kept, never that it certainly failed', async () => {
    const { alice, carol } = await start({ commitGiveUpMs: 10_000 }, null);
    const a = chat.connect(alice);
    await chat.settle();
    chat.shelves[0]!.failWrites = true;
    a.send(1, carol, 'one');
    await chat.pass(12_000);
    expect(a.of('error')).toMatchObject([{ id: 1, code: 1007, text: expect.stringContaining('kept nowhere else') }]);
    chat.shelves[0]!.failWrites = false;
    await chat.pass(3_000);
    expect(a.of('sent')).toMatchObject([{ id: 1, seq: 1 }]);
    expect(await chat.timeline(carol)).toHaveLength(1);
  });

  it('the same when the log can not be written', async () => {
    const { alice, carol } = await start({}, async (volume) => {
      await writeFile(join(directory, `volume-${volume}.jsonl`), '{"type":"letter","key":"someone/1"}\n');
      return withLog(volume, 50);
    });
    const a = chat.connect(alice);
    await chat.settle();
    chat.shelves[0]!.failWrites = true;
    a.send(1, carol, 'one');
    await chat.pass(31_000);
    await eventually('the error', () => a.of('error').length === 1);
    expect(a.of('error')).toMatchObject([{ id: 1, code: 1007, text: expect.stringContaining('kept nowhere else') }]);
    expect(chat.logs.join('\n')).toContain('has reached its 50 bytes');
  });
});

describe('what gathers while a store is away', () => {
  it('is bounded: beyond the bound senders are refused, and what was taken is stored', async () => {
    const { alice, carol } = await start({ maxUncommittedBytes: 20_000 });
    const a = chat.connect(alice);
    await chat.settle();
    chat.shelves[0]!.hangWrites = true;
    const body = 'x'.repeat(1_000);
    for (let id = 1; id <= 500; id++) {
      a.send(id, carol, body);
      if (id % 5 === 0) await chat.turns(1);
    }
    await chat.settle();
    const refused = a.of('error');
    expect(refused.length).toBeGreaterThan(400);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set([1004]));
    expect(chat.volume(0).commit.waitingBytes).toBeLessThan(40_000);
    expect(chat.volume(0).commit.state).toBe('closed');
    chat.shelves[0]!.hangWrites = false;
    await chat.pass(200);
    expect(a.of('sent')).toHaveLength(500 - refused.length);
    a.send(1_000, carol, 'after');
    await chat.settle();
    expect(a.of('sent').at(-1)).toMatchObject({ id: 1_000 });
    expect(await chat.timeline(carol)).toHaveLength(501 - refused.length);
  });

  it('holds no records of other volumes: they come again, once each and in order', async () => {
    const { alice, bob } = await start();
    const a = chat.connect(alice);
    const b = chat.connect(bob);
    await chat.settle();
    // The first record ever from this source is among those that are not taken.
    chat.shelves[1]!.hangWrites = true;
    b.send(1, alice, 'b hangs');
    await chat.pass(6_000);
    const before = chat.volume(1).commit.waitingBytes;
    for (let id = 1; id <= 20; id++) {
      a.send(id, bob, `${id}`);
      await chat.settle();
    }
    await chat.pass(3_000);
    expect(a.of('sent')).toHaveLength(20);
    expect(chat.volume(1).commit.waitingBytes).toBe(before);
    // New ones are on their way when the store comes back, and arrive before the repetition.
    for (let id = 21; id <= 40; id++) {
      if (id === 30) chat.shelves[1]!.hangWrites = false;
      a.send(id, bob, `${id}`);
      await chat.turns(1);
    }
    await chat.pass(3_000);
    expect(b.bodies).toEqual(Array.from({ length: 40 }, (_, i) => `${i + 1}`));
    expect(chat.volume(0).forwarding.unconfirmed).toBe(0);
    expect(a.bodies).toEqual(['b hangs']);
  });

  it('the same when the volume itself is restarted meanwhile', async () => {
    const { alice, bob } = await start();
    const a = chat.connect(alice);
    await chat.settle();
    a.send(1, bob, '1');
    await chat.pass(200);
    chat.shelves[1]!.failWrites = true;
    for (let id = 2; id <= 6; id++) {
      a.send(id, bob, `${id}`);
      await chat.pass(200);
    }
    await chat.restartVolume(0);
    await chat.pass(500);
    const again = chat.connect(alice);
    await chat.settle();
    again.send(7, bob, '7');
    await chat.pass(500);
    chat.shelves[1]!.failWrites = false;
    await chat.pass(5_000);
    again.send(8, bob, '8');
    await chat.pass(2_000);
    const b = chat.connect(bob, 0);
    await chat.pass(500);
    expect(b.bodies).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  it('merges receipts of one pair that a volume does not confirm', async () => {
    const { alice, bob } = await start();
    const a = chat.connect(alice);
    await chat.settle();
    chat.shelves[0]!.hangWrites = true;
    a.send(1, alice, 'opens the circuit');
    await chat.pass(6_000);
    const { receipts } = chat.volume(1);
    const long = alice;
    for (let upTo = 1; upTo <= 100_000; upTo++) receipts.emit('delivered', long, bob, upTo);
    await chat.pass(100);
    for (let upTo = 100_001; upTo <= 200_000; upTo++) receipts.emit('delivered', long, bob, upTo);
    await chat.settle();
    expect(receipts.waitingBytes).toBeLessThan(6_000_000);
    for (let upTo = 200_001; upTo <= 300_000; upTo++) receipts.emit('delivered', long, bob, upTo);
    await chat.settle();
    expect(receipts.waitingBytes).toBeLessThan(6_000_000);
    chat.shelves[0]!.hangWrites = false;
    await chat.pass(5_000);
    expect(receipts.waitingBytes).toBe(0);
    a.status(bob);
    await chat.settle();
    expect(a.of('receipt').at(-1)).toMatchObject({ peer: bob, upTo: 300_000 });
  });
});
