import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openResultsStore, parseResultsUrl } from './results-store-open.ts';

describe('a results URL', () => {
  it('names a directory, relative to the working directory', () => {
    expect(parseResultsUrl('chdb:.plimsoll/results')).toEqual({
      kind: 'chdb',
      directory: resolve('.plimsoll/results'),
    });
    expect(parseResultsUrl('chdb:/var/a b')).toEqual({ kind: 'chdb', directory: '/var/a b' });
  });

  it('names a server, its user and its database', () => {
    expect(parseResultsUrl('https://me:p%40ss@db.example:8443/load_tests')).toEqual({
      kind: 'server',
      origin: 'https://db.example:8443',
      database: 'load_tests',
      username: 'me',
      password: 'p@ss',
    });
    expect(parseResultsUrl('http://localhost:8123')).toEqual({
      kind: 'server',
      origin: 'http://localhost:8123',
      database: 'plimsoll',
      username: 'default',
      password: '',
    });
  });

  it.each([
    '',
    'chdb:',
    'results',
    'ftp://host/x',
    'http://',
    'http://host:8123/a-b',
    'http://host:8123/a/b',
    'http://host:8123/a?b=c',
    'http://user:%zz@host:8123/a',
  ])('is refused as %j', async (url) => {
    await expect(openResultsStore(url)).rejects.toMatchObject({ name: 'ResultsError', code: 'invalid-url' });
  });

  it('is refused without showing its password', () => {
    expect(() => parseResultsUrl('http://user:secret@host:8123/a-b')).toThrow(/^(?!.*secret).*a-b is not a database/);
    expect(() => parseResultsUrl('http://user:sec@ret/x@host:8123/a')).toThrow(/^(?!.*ret\/x).*cannot be used/);
  });
});
