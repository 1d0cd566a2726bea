import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMountDisks } from './abilities.fixture.ts';
import { StoreDisk } from './store-disk.ts';

const mayMount = canMountDisks();

let scratch: string;
let disk: StoreDisk | undefined;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'plimsoll-disk-'));
});

afterEach(() => {
  disk?.remove();
  rmSync(scratch, { recursive: true, force: true });
});

describe.skipIf(!mayMount)('a disk of its own (needs the right to mount)', () => {
  it('takes nothing more while it is full, keeps what it has, and takes more afterwards', () => {
    disk = StoreDisk.mount(join(scratch, 'data'));
    const file = join(disk.directory, 'log');
    writeFileSync(file, 'x'.repeat(100_000));
    const open = openSync(file, 'a');
    disk.fill();
    // The rest of the last page is still there.
    expect(writeSync(open, Buffer.alloc(64 * 1024))).toBeLessThan(4_096);
    expect(() => writeSync(open, Buffer.alloc(64 * 1024))).toThrow(/ENOSPC/);
    expect(() => writeFileSync(join(disk!.directory, 'another'), 'y'.repeat(10_000))).toThrow(/ENOSPC/);
    expect(readFileSync(file, 'utf8')).toMatch(/^x{100000}/);
    disk.free();
    writeSync(open, Buffer.alloc(64 * 1024));
    fsyncSync(open);
    closeSync(open);
  });

  it('is gone afterwards, however often it is taken away', () => {
    disk = StoreDisk.mount(join(scratch, 'data'));
    expect(mounts()).toContain(disk.directory);
    disk.remove();
    disk.remove();
    expect(mounts()).not.toContain(disk.directory);
  });
});

function mounts(): string {
  return readFileSync('/proc/mounts', 'utf8');
}
