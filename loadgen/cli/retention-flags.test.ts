import { expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../server/config.ts';
import { readRetention } from './retention-flags.ts';

it('without flags nothing is removed, as the server has it', () => {
  expect(readRetention({})).toEqual(DEFAULT_SETTINGS.retention);
});

it('counts and durations are read with their units', () => {
  expect(readRetention({ retentionEntries: '10k', retentionAge: '36h' })).toEqual({
    maxEntries: 10_000,
    maxAgeSeconds: 129_600,
  });
  expect(readRetention({ retentionEntries: '0', retentionAge: '0s' })).toEqual(DEFAULT_SETTINGS.retention);
});

it.each([
  [{ retentionEntries: '-1' }, /^--retention-entries/],
  [{ retentionEntries: '1.5' }, /^--retention-entries/],
  [{ retentionEntries: 'many' }, /^--retention-entries/],
  [{ retentionAge: '30' }, /^--retention-age/],
  [{ retentionAge: '5ms' }, /^--retention-age must be 0 or at least 1s, not 5ms$/],
])('%j is refused', (argv, sentence) => {
  expect(() => readRetention(argv)).toThrow(sentence);
});
