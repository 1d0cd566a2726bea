import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markReplayed, readDeadLetters } from '../../loadgen/cli/dead-letter-log.ts';
import { type DeadLetter, DeadLetterLog, type DeadLetterLogOptions } from './dead-letters.ts';

let directory: string;
let logs: DeadLetterLog[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plimsoll-dead-'));
  logs = [];
});

afterEach(async () => {
  for (const log of logs) await log.close();
  await rm(directory, { recursive: true, force: true });
});

async function open(options: Partial<DeadLetterLogOptions> = {}): Promise<DeadLetterLog> {
  const log = await DeadLetterLog.open({ directory, volume: 0, now: () => 2_000, ...options });
  logs.push(log);
  return log;
}

function letter(id: number, more: Partial<DeadLetter> = {}): DeadLetter {
  return { user: 'alice', id, to: 'bob', body: Buffer.from([0, 255, id]), time: 1_000, reason: 'full', ...more };
}

function toGroup(id: number): DeadLetter {
  const { to: _, ...rest } = letter(id);
  return { ...rest, group: 'club' };
}

/** What the command line finds in the log. */
async function found(): Promise<string[]> {
  return (await readDeadLetters(directory))!.open.map(({ key }) => key);
}

describe('the dead-letter log', () => {
  it('has letters as lines that the command line reads, whole', async () => {
    const log = await open();
    await log.append([letter(1), toGroup(2)]);
    expect((await readFile(log.file, 'utf8')).split('\n')[0]).toBe(
      '{"type":"letter","key":"alice/1","time":1000,"user":"alice","id":1,"to":"bob","bodyBase64":"AP8B","reason":"full"}',
    );
    const { open: letters, torn } = (await readDeadLetters(directory))!;
    expect(torn).toBe(0);
    expect(letters).toMatchObject([
      { key: 'alice/1', user: 'alice', id: 1, to: 'bob', bodyBase64: 'AP8B', time: 1000, reason: 'full' },
      { key: 'alice/2', group: 'club' },
    ]);
    expect(letters[1]).not.toHaveProperty('to');
    expect(log.openLetters).toBe(2);
  });

  it('keeps a letter over a restart until it is settled or replayed, and is empty once none is open', async () => {
    const first = await open();
    await first.append([letter(1), letter(2), letter(3)]);
    await first.settle(['alice/2']);
    expect(await found()).toEqual(['alice/1', 'alice/3']);
    const second = await open();
    expect(second.openLetters).toBe(2);
    await markReplayed((await readDeadLetters(directory))!.open.slice(0, 1), 3_000);
    expect(await found()).toEqual(['alice/3']);
    await second.settle(['alice/3']);
    expect(await readFile(second.file, 'utf8')).toBe('');
    await second.append([letter(4)]);
    expect(await found()).toEqual(['alice/4']);
  });

  it('learns what was replayed meanwhile', async () => {
    const log = await open();
    await log.append([letter(1), letter(2)]);
    const [first, second] = (await readDeadLetters(directory))!.open;
    await markReplayed([first!], 3_000);
    await log.refresh();
    expect(log.openLetters).toBe(1);
    await markReplayed([second!], 3_000);
    await log.refresh();
    expect(log.openLetters).toBe(0);
    expect(await readFile(log.file, 'utf8')).toBe('');
  });

  it('is emptied at the start when everything was replayed meanwhile', async () => {
    const first = await open();
    await first.append([letter(1)]);
    await markReplayed((await readDeadLetters(directory))!.open, 3_000);
    const second = await open();
    expect(second.openLetters).toBe(0);
    expect(await readFile(second.file, 'utf8')).toBe('');
  });

  it('bears a torn last line, at every place where it can tear', async () => {
    const whole = await open();
    await whole.append([letter(1), letter(2)]);
    const text = await readFile(whole.file, 'utf8');
    const firstLine = text.indexOf('\n') + 1;
    for (let length = firstLine; length < text.length; length += 7) {
      await writeFile(whole.file, text.slice(0, length));
      const log = await open();
      await log.append([letter(3)]);
      expect((await found()).filter((key) => key !== 'alice/2')).toEqual(['alice/1', 'alice/3']);
      await log.settle(['alice/3']);
      // The same when the command line is the next to write.
      await writeFile(whole.file, text.slice(0, length));
      await markReplayed((await readDeadLetters(directory))!.open.slice(0, 1), 3_000);
      expect(await found()).not.toContain('alice/1');
    }
  });

  it('says so when it is full, and takes letters again once some are settled', async () => {
    const log = await open({ maxBytes: 300 });
    await log.append([letter(1), letter(2)]);
    await expect(log.append([letter(3)])).rejects.toThrow(/has reached its 300 bytes: replay it/);
    expect(await found()).toEqual(['alice/1', 'alice/2']);
    expect(log.openLetters).toBe(2);
    await log.settle(['alice/1']);
    await log.append([letter(3)]);
    expect(await found()).toEqual(['alice/2', 'alice/3']);
    expect((await readFile(log.file, 'utf8')).length).toBeLessThanOrEqual(300);
  });

  it('writes what was asked for in order, also without waiting', async () => {
    const log = await open();
    await Promise.all([log.append([letter(1)]), log.settle(['alice/1']), log.append([letter(2)])]);
    expect(await found()).toEqual(['alice/2']);
  });

  it('leaves alone what it does not know', async () => {
    const log = await open();
    await log.append([letter(1)]);
    await appendFile(log.file, '{"type":"note","key":"x"}\nnull\n[]\n"text"\n\n');
    expect((await open()).openLetters).toBe(1);
    expect(await found()).toEqual(['alice/1']);
  });

  it('says what is wrong with a directory that is none', async () => {
    await mkdir(join(directory, 'volume-0.jsonl'));
    await expect(open()).rejects.toThrow(/name another directory with --dead-letters/);
    await writeFile(join(directory, 'file'), '');
    await expect(open({ directory: join(directory, 'file') })).rejects.toThrow(/--dead-letters/);
  });
});

it('is none of the command line when there is no directory', async () => {
  expect(await readDeadLetters(join(directory, 'nowhere'))).toBeNull();
});
