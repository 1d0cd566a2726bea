import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MessageStore, StoreError } from './message-store.ts';
import { openLevelStore } from './message-store-leveldb.ts';

let directory: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'message-store-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(directory, { recursive: true, force: true });
});

describe('opening', () => {
  it('creates the directory and names the format in it', async () => {
    const path = join(directory, 'new', 'volume-1');
    await (await openLevelStore({ directory: path, durability: 'none' })).close();
    expect((await readdir(path)).sort()).toEqual(['format', 'leveldb']);
    const again = await openLevelStore({ directory: path, durability: 'none' });
    expect(again.createdEmpty).toBe(true);
    await again.close();
  });

  it('refuses a directory that another process holds', async () => {
    await startWriter('os');
    await expectRefusal(directory, 'locked', /in use by another process/);
  });

  it('refuses a directory that this process holds', async () => {
    const store = await openLevelStore({ directory, durability: 'os' });
    await expectRefusal(directory, 'locked', /in use by another process/);
    await store.close();
  });

  it('refuses a file, and a path below one', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expectRefusal(file, 'unwritable', /is, or lies below, a file/);
    await expectRefusal(join(file, 'below'), 'unwritable', /is, or lies below, a file/);
  });

  it('refuses a directory without the right to write', async () => {
    const path = join(directory, 'closed');
    await mkdir(path, { mode: 0o555 });
    const root = process.geteuid?.() === 0;
    // Root may write anywhere: be someone else for the time of the call, with a way to the directory.
    execFileSync('chmod', ['755', directory]);
    if (root) process.seteuid?.(65_534);
    try {
      await expectRefusal(path, 'unwritable', /is not writable/);
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  it('refuses what another program wrote, and a newer format', async () => {
    await writeFile(join(directory, 'diary.txt'), 'dear diary');
    await expectRefusal(directory, 'failed', /belongs to another program \(it holds "diary.txt"\)/);
    await writeFile(join(directory, 'format'), 'something else\n');
    await expectRefusal(directory, 'failed', /belongs to another program/);
    await writeFile(join(directory, 'format'), 'plimsoll-messages 2\n');
    await expectRefusal(directory, 'failed', /has format 2, and this Plimsoll reads up to 1/);
    expect((await readdir(directory)).sort()).toEqual(['diary.txt', 'format']);
  });

  it('refuses damaged data', async () => {
    const store = await openLevelStore({ directory, durability: 'os' });
    await commitEntry(store, 1);
    await store.close();
    const database = join(directory, 'leveldb');
    const manifest = (await readdir(database)).find((name) => name.startsWith('MANIFEST'))!;
    await truncate(join(database, manifest), 3);
    await expectRefusal(directory, 'corrupt', /is damaged/);
    await rm(join(database, 'CURRENT'));
    await expectRefusal(directory, 'corrupt', /CURRENT is missing/);
  });
});

describe('a failed commit', () => {
  it('loses nothing acknowledged when a record was torn, and takes the same batch again', async () => {
    const store = await openLevelStore({ directory, durability: 'os' });
    // A limit on the size of files tears a record in the middle, as a full disk does, without the right to mount one.
    const ignore = () => {};
    process.on('SIGXFSZ', ignore);
    let limit = 300_000;
    setFileSizeLimit(String(limit));
    let failures = 0;
    try {
      for (let seq = 1; seq <= 1500; seq++) {
        await commitUntilTaken(store, seq, () => {
          failures++;
          // Recovery writes a table somewhat larger than the log: every other time opening fails too.
          if (failures % 2 === 0) {
            limit += 300_000;
            setFileSizeLimit(String(limit));
          }
        });
      }
    } finally {
      setFileSizeLimit('unlimited');
      process.off('SIGXFSZ', ignore);
    }
    expect(failures).toBeGreaterThan(1);
    await expectEntries(store, 1500);
    await store.close();
    const again = await openLevelStore({ directory, durability: 'os' });
    await expectEntries(again, 1500);
    await again.close();
  });

  it('rejects the commits behind it, so that none overtakes it', async () => {
    const store = await openLevelStore({ directory, durability: 'os' });
    const ignore = () => {};
    process.on('SIGXFSZ', ignore);
    setFileSizeLimit('100000');
    try {
      const batches = [1, 2, 3].map((seq) => {
        const batch = store.batch();
        batch.putEntry(1, 'ann', seq, 'c', Buffer.alloc(seq === 1 ? 200_000 : 10));
        return batch;
      });
      const results = await Promise.allSettled(batches.map((batch) => store.commit(batch)));
      expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect((await store.head(1, 'ann')).seq).toBe(0);
      setFileSizeLimit('unlimited');
      await Promise.all(batches.map((batch) => store.commit(batch)));
    } finally {
      setFileSizeLimit('unlimited');
      process.off('SIGXFSZ', ignore);
    }
    expect((await store.timeline(1, 'ann', {})).map((entry) => entry.seq)).toEqual([1, 2, 3]);
    await store.close();
  });

  for (const durability of ['os', 'fsync'] as const) {
    it(`says that the disk is full, reads on, and goes on when there is room (${durability})`, async (context) => {
      if (!mountSmallDisk(directory)) context.skip('mounting is not permitted here; a file size limit stands in above');
      try {
        const store = await openLevelStore({ directory: join(directory, 'volume'), durability });
        const filler = join(directory, 'filler');
        await fillDisk(filler);
        let stored = 0;
        let failure: StoreError | undefined;
        while (failure === undefined) {
          failure = await commitEntry(store, stored + 1).then(
            () => undefined,
            (error) => error,
          );
          if (failure === undefined) stored++;
        }
        expect(failure.code).toBe('full');
        expect(failure.message).toMatch(/^The disk of .*volume is full \(.*No space left.*\): free some space/);

        const batch = store.batch();
        batch.putEntry(1, 'ann', stored + 1, 'c', entryValue(stored + 1));
        await expect(store.commit(batch)).rejects.toMatchObject({ code: 'full' });
        await expect(store.commit(batch)).rejects.toMatchObject({ code: 'full' });
        await expectEntries(store, stored);

        await rm(filler);
        await Promise.all([store.commit(batch), store.timeline(1, 'ann', {}), store.head(1, 'ann')]);
        for (let seq = stored + 2; seq <= stored + 100; seq++) await commitEntry(store, seq);
        await expectEntries(store, stored + 100);
        await store.close();

        const again = await openLevelStore({ directory: join(directory, 'volume'), durability });
        await expectEntries(again, stored + 100);
        await again.close();
      } finally {
        // Lazily: a failed expectation leaves the store open, and must be what is reported.
        execFileSync('umount', ['--lazy', directory]);
      }
    });
  }
});

describe('kill -9', () => {
  for (const durability of ['os', 'fsync'] as const) {
    it(`keeps every resolved commit, and batches whole (${durability})`, async () => {
      for (let round = 1; round <= 2; round++) {
        const volume = join(directory, `${durability}-${round}`);
        const writer = await startWriter(durability, volume);
        const printed = await writer.killAfter(500 * round);
        const store = await openLevelStore({ directory: volume, durability });
        const { seq, highestClientId } = await store.head(1, 'sender');
        expect(seq).toBeGreaterThanOrEqual(printed);
        expect(highestClientId).toBe(seq);
        expect((await store.cursors()).get(3)).toBe(seq);
        for (const [shard, user] of [[1, 'sender'] as const, [2, 'recipient'] as const]) {
          const entries = await store.timeline(shard, user, { limit: seq + 10 });
          expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
          expect(entries.every((e) => e.value.equals(Buffer.alloc(100 + (e.seq % 900), e.seq)))).toBe(true);
        }
        await store.close();
      }
    });
  }
});

async function expectRefusal(path: string, code: StoreError['code'], message: RegExp): Promise<void> {
  const error = await openLevelStore({ directory: path, durability: 'os' }).then(
    () => undefined,
    (reason: StoreError) => reason,
  );
  expect(error).toMatchObject({ name: 'StoreError', code });
  expect(error?.message).toMatch(message);
  expect(error?.message).toContain(path);
  expect(error?.message).toMatch(/^[A-Z][^\n]*\.$/);
}

function entryValue(seq: number): Buffer {
  return Buffer.alloc(1000, seq);
}

function commitEntry(store: MessageStore, seq: number): Promise<void> {
  const batch = store.batch();
  batch.putEntry(1, 'ann', seq, 'c', entryValue(seq));
  return store.commit(batch);
}

/** Commits the same batch until it is taken. */
async function commitUntilTaken(store: MessageStore, seq: number, onFailure: () => void): Promise<void> {
  const batch = store.batch();
  batch.putEntry(1, 'ann', seq, 'c', entryValue(seq));
  for (;;) {
    const error = await store.commit(batch).then(
      () => undefined,
      (reason: StoreError) => reason,
    );
    if (error === undefined) return;
    expect(error.code).toBe('full');
    onFailure();
  }
}

async function expectEntries(store: MessageStore, count: number): Promise<void> {
  const entries = await store.timeline(1, 'ann', { limit: count + 10 });
  expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(entries.every(({ seq, value }) => value.equals(entryValue(seq)))).toBe(true);
}

/** The soft limit of this process, in bytes. */
function setFileSizeLimit(bytes: string): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
}

function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Leaves about 1 MB. */
async function fillDisk(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.alloc(7 * 2 ** 20, 1));
  } finally {
    await file.close();
  }
}

/** Starts crash-writer and waits for its first commit. */
async function startWriter(durability: string, path = directory) {
  const script = fileURLToPath(new URL('./message-store-leveldb.crash-writer.ts', import.meta.url));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'jiti/register', script, path, durability], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout! });
  let last = 0;
  const waiters: (() => void)[] = [];
  lines.on('line', (line) => {
    last = Math.max(last, Number(line));
    for (const wake of waiters.splice(0)) wake();
  });
  const reached = async (number: number) => {
    while (last < number) {
      const printed = new Promise<void>((resolve) => waiters.push(resolve));
      await Promise.race([printed, exited.then(() => Promise.reject(new Error('The writer ended by itself.')))]);
    }
  };
  await reached(1);
  return {
    /** Kills it once it has printed `number`; returns the highest number that it printed. */
    async killAfter(number: number): Promise<number> {
      await reached(number);
      const drained = once(lines, 'close');
      child.kill('SIGKILL');
      await Promise.all([exited, drained]);
      return last;
    },
  };
}
