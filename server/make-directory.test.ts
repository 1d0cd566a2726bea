import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDirectory } from './make-directory.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-directory-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a directory', () => {
  it('is made with what is missing above it, and let be where it is', () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeDirectory(deep);
    makeDirectory(deep);
    expect(statSync(deep).isDirectory()).toBe(true);
  });

  it('is not made in the place of a file, nor below one', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => makeDirectory(file)).toThrow('EEXIST');
    expect(() => makeDirectory(join(file, 'x'))).toThrow('ENOTDIR');
  });

  it.runIf(platform() === 'linux')('is refused at once where nothing can be made', () => {
    expect(() => makeDirectory('/proc/plimsoll/x')).toThrow('ENOENT');
  });
});
