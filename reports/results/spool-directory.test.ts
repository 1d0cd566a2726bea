import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimSpool, createSpool, findSpools, placeOf, removeSpool, segmentPath } from './spool-directory.ts';

const PLACE = 'chdb:/results';
/** Beyond what Linux gives to a process. */
const NOBODY = 2 ** 22 + 1;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-spools-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A spool of this process, as another process would have named it. */
function spoolOf(runId: string, change: (owner: string[]) => string[]): string {
  const path = createSpool(root, runId, PLACE);
  const owner = basename(path)
    .slice(runId.length + 1)
    .split('-');
  const renamed = join(root, `${runId}.${change(owner).join('-')}`);
  renameSync(path, renamed);
  return renamed;
}

it('a spool is in use while its process lives, and found in order with its size', () => {
  const path = createSpool(root, 'b.2', PLACE);
  writeFileSync(segmentPath(path, 1), 'abc');
  writeFileSync(segmentPath(path, 2), 'de');
  spoolOf('a', ([, start, home]) => [String(NOBODY), start!, home!]);
  expect(findSpools(root)).toMatchObject([
    { runId: 'a', place: PLACE, bytes: 0, inUse: false },
    { runId: 'b.2', place: PLACE, bytes: 5, inUse: true },
  ]);
  removeSpool(path);
  expect(findSpools(root)).toHaveLength(1);
});

it.skipIf(process.platform !== 'linux')('a process that got the id of one that is gone does not own its spool', () => {
  spoolOf('a', ([pid, start, home]) => [pid!, String(Number(start) - 1), home!]);
  expect(findSpools(root)).toMatchObject([{ inUse: false }]);
});

it('a spool of another container counts as left behind when it was quiet for a minute', () => {
  const path = spoolOf('a', ([pid, start]) => [pid!, start!, '1']);
  expect(findSpools(root)).toMatchObject([{ inUse: true }]);
  const past = Date.now() / 1_000 - 61;
  utimesSync(path, past, past);
  expect(findSpools(root)).toMatchObject([{ inUse: false }]);
});

it('only one gets a spool that was left behind', () => {
  spoolOf('a', ([, start, home]) => [String(NOBODY), start!, home!]);
  const [first] = findSpools(root);
  const [second] = findSpools(root);
  expect(claimSpool(first!)).toMatch(new RegExp(`a\\.${process.pid}-`));
  expect(claimSpool(second!)).toBeNull();
  expect(findSpools(root)).toMatchObject([{ inUse: true }]);
});

it('what else lies there is nobody’s spool', () => {
  mkdirSync(join(root, 'something'));
  writeFileSync(join(root, 'notes.txt'), '');
  expect(findSpools(root).filter(({ place }) => place !== null)).toEqual([]);
  expect(findSpools(join(root, 'missing'))).toEqual([]);
  expect(readdirSync(root)).toHaveLength(2);
});

it('names a place without user and password', () => {
  expect(placeOf('http://ada:secret@db:8123/load')).toBe('http://db:8123/load');
  expect(placeOf('chdb:/a/../b')).toBe('chdb:/b');
});
