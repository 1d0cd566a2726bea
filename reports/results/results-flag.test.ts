import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { resultsFlag } from './results-flag.ts';

it.each([
  ['chdb:.plimsoll/results', ''],
  [resolve('.plimsoll/results'), ''],
  ['chdb:other', ` --results chdb:${resolve('other')}`],
  ['https://me:secret@db:8443/load', ' --results https://db:8443/load'],
  ['http://db:8123', ' --results http://db:8123/plimsoll'],
])('%s is named by %j behind a command', (place, flag) => {
  expect(resultsFlag(place)).toBe(flag);
});
