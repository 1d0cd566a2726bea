import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from './exit-codes.ts';
import { checkOutputs, takesStandardOutput, writeOutput } from './output-places.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-outputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a place for results', () => {
  it('that can be written is let be: no file is made, none is changed', () => {
    writeFileSync(join(folder, 'old.md'), 'mine');
    checkOutputs({ html: join(folder, 'new.html'), markdown: join(folder, 'old.md'), summaryJson: '/dev/null' });
    expect(readdirSync(folder)).toEqual(['old.md']);
    expect(readFileSync(join(folder, 'old.md'), 'utf8')).toBe('mine');
  });

  it.each([
    [
      'a directory that is not there',
      'no/x.json',
      /--summary-json: .*no\/x\.json can't be written: there is no directory/,
    ],
    ['a directory', 'there', /--summary-json: .*there can't be written: EISDIR/],
    ['in a file', 'file/x', /--summary-json: .*can't be written: ENOTDIR/],
  ])('%s is refused', (_what, name, message) => {
    mkdirSync(join(folder, 'there'));
    writeFileSync(join(folder, 'file'), '');
    const check = () => checkOutputs({ summaryJson: join(folder, name) });
    expect(check).toThrow(UsageError);
    expect(check).toThrow(message);
    expect(readdirSync(folder).sort()).toEqual(['file', 'there']);
  });

  it('standard output is taken by one form only', () => {
    expect(takesStandardOutput({ markdown: '-', html: 'r.html' })).toBe(true);
    expect(takesStandardOutput({ markdown: 'x.md', json: false })).toBe(false);
    expect(() => checkOutputs({ markdown: '-', json: true })).toThrow('--markdown - and --json would mix');
    checkOutputs({ markdown: '-' });
  });

  it('that can’t be written to its end is as it was before', async () => {
    const old = join(folder, 'old.csv');
    writeFileSync(old, 'mine');
    async function* cut() {
      yield 'half';
      throw new Error('the store is gone');
    }
    await expect(writeOutput('csv', old, cut())).rejects.toThrow('the store is gone');
    await expect(writeOutput('csv', join(folder, 'new.csv'), cut())).rejects.toThrow('the store is gone');
    expect(readdirSync(folder)).toEqual(['old.csv']);
    expect(readFileSync(old, 'utf8')).toBe('mine');
    await writeOutput('csv', old, 'yours');
    expect(readFileSync(old, 'utf8')).toBe('yours');
    expect(readdirSync(folder)).toEqual(['old.csv']);
  });

  it('a file is taken by one form only', () => {
    const csv = join(folder, 'x');
    const check = () => checkOutputs({ csv, junit: `${folder}/./x` });
    expect(check).toThrow(/--junit and --csv would overwrite each other|--csv and --junit would overwrite each other/);
    checkOutputs({ csv: '/dev/null', hlog: '/dev/null', junit: csv });
    expect(readdirSync(folder)).toEqual([]);
  });
});
