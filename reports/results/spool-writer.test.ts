import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { segmentPath, segmentsOf } from './spool-directory.ts';
import { decodeSegment } from './spool-segment.ts';
import { SpoolWriter } from './spool-writer.ts';

let directory: string;
let troubles: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plimsoll-spool-'));
  troubles = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function writer(options: { directory?: string | null; limitBytes?: number } = {}): SpoolWriter {
  return new SpoolWriter({
    runId: 'run',
    directory,
    limitBytes: 2 ** 30,
    ...options,
    onTrouble: (message) => troubles.push(message),
  });
}

const rowsOf = (from: number, count: number, text = '') => [
  { table: 'gauges', rows: Array.from({ length: count }, (_, index) => ({ value: from + index, text })) },
];

/** Values of all rows, in the order in which they are to be stored; takes them from the spool. */
function takeAll(spool: SpoolWriter): { values: number[]; before: unknown[] } {
  const values: number[] = [];
  const before: unknown[] = [];
  for (let segment = spool.oldest; segment !== undefined; segment = spool.oldest) {
    const bytes = typeof segment.source === 'string' ? readFileSync(segment.source) : segment.source;
    const { head, records } = decodeSegment(bytes, 'segment')!;
    before.push([head.segment, head.before]);
    for (const { lines } of records) {
      for (const line of lines.toString().trim().split('\n')) values.push(JSON.parse(line).value);
    }
    spool.remove(segment);
  }
  return { values, before };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

it('rows that come while others are written are written with the next', async () => {
  const spool = writer();
  const writes: Promise<void>[] = [];
  for (let from = 0; from < 200; from += 4) {
    spool.append(rowsOf(from, 4));
    if (from % 3 === 0) writes.push(spool.write());
    if (from % 60 === 0) writes.push(spool.cut());
    // Others wait for what is under way, in turns of the event loop in which more comes.
    if (from % 40 === 0) await spool.write();
  }
  await Promise.all([...writes, spool.cut()]);
  expect(spool.waitingRows).toBe(200);
  const { values, before } = takeAll(spool);
  expect(values).toEqual(upTo(200));
  expect(before.length).toBeGreaterThan(2);
  expect(before[1]).toEqual([2, { gauges: expect.any(Number) }]);
  expect(spool.waitingRows).toBe(0);
  await spool.close();
  expect(segmentsOf(directory)).toEqual([]);
});

it('a segment that got big is cut by itself', async () => {
  const spool = writer();
  for (let from = 0; from < 10; from++) {
    spool.append(rowsOf(from, 1, 'x'.repeat(2 ** 20)));
    await spool.write();
  }
  expect(segmentsOf(directory)).toHaveLength(3);
  await spool.cut();
  expect(takeAll(spool).values).toEqual(upTo(10));
});

it('a file that somebody removed is told from one that could not be sent, and its rows are lost', async () => {
  const spool = writer();
  spool.append(rowsOf(0, 3));
  await spool.cut();
  const segment = spool.oldest!;
  expect(spool.forget(segment)).toBe(false);
  rmSync(directory, { recursive: true });
  expect(spool.forget(segment)).toBe(true);
  expect([spool.waitingRows, spool.lostRows]).toEqual([0, 3]);
  expect(troubles).toEqual([expect.stringMatching(/000001\.rows is gone/)]);
});

describe('a disk that takes nothing', () => {
  it.skipIf(process.platform !== 'linux')(
    'leaves rows in memory, and they are written when there is room',
    async () => {
      symlinkSync('/dev/full', segmentPath(directory, 1));
      const spool = writer();
      spool.append(rowsOf(0, 3));
      await spool.write();
      expect(troubles).toEqual([expect.stringMatching(/ENOSPC/)]);
      expect([spool.waitingRows, spool.lostRows]).toEqual([3, 0]);
      spool.append(rowsOf(3, 3));
      await spool.cut();
      expect(spool.waitingRows).toBe(6);
      expect(takeAll(spool).values).toEqual(upTo(6));
    },
  );

  it('because there is no folder is as good as memory', async () => {
    const spool = writer({ directory: null });
    spool.append(rowsOf(0, 3));
    await spool.cut();
    expect(spool.oldest!.source).toBeInstanceOf(Buffer);
    spool.append(rowsOf(3, 1));
    await spool.cut();
    expect(takeAll(spool)).toEqual({
      values: upTo(4),
      before: [
        [1, {}],
        [2, { gauges: 3 }],
      ],
    });
    expect(troubles).toEqual([]);
  });

  it.runIf(mayMount())('in the middle of a record leaves no half of it', async () => {
    const mount = mkdtempSync(join(tmpdir(), 'plimsoll-tiny-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]);
    try {
      const spool = writer({ directory: mount });
      let rows = 0;
      for (; troubles.length === 0; rows++) {
        spool.append(rowsOf(rows, 1, 'x'.repeat(1_500)));
        await spool.write();
      }
      expect(troubles).toEqual([expect.stringMatching(/ENOSPC/)]);
      spool.append(rowsOf(rows++, 1));
      await spool.cut();
      // A file, and what it had no room for.
      const { values, before } = takeAll(spool);
      expect(values).toEqual(upTo(rows));
      expect(before).toHaveLength(2);
      spool.append(rowsOf(rows, 1));
      await spool.cut();
      expect(spool.oldest!.source).toBe(segmentPath(mount, 3));
      await spool.close();
    } finally {
      execFileSync('umount', [mount]);
      rmSync(mount, { recursive: true });
    }
  });
});

/** Root may, but not in every container. */
function mayMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'plimsoll-may-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
