import { expect, it } from 'vitest';
import { joinLive, readLive } from './live-flag.ts';

it('reads where the page is to be', () => {
  expect(readLive(undefined)).toBeNull();
  expect(readLive('false')).toBeNull();
  for (const written of ['', 'true']) expect(readLive(written)).toEqual({ host: '127.0.0.1', port: 5665 });
  expect(readLive('0')).toEqual({ host: '127.0.0.1', port: 0 });
  expect(readLive('8080')).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(readLive('0.0.0.0:8080')).toEqual({ host: '0.0.0.0', port: 8080 });
  expect(readLive('load-7.example:8080')).toEqual({ host: 'load-7.example', port: 8080 });
  expect(readLive('[::1]:8080')).toEqual({ host: '::1', port: 8080 });
});

it.each(['yes', '70000', 'host:', ':8080', '::1:8080', 'http://a:1', '-1'])('refuses %s in one sentence', (written) => {
  expect(() => readLive(written)).toThrow(
    `--live must be written --live, --live port or --live host:port, not "${written}"`,
  );
});

it('leaves a scenario that follows the flag alone', () => {
  expect(joinLive(['run', '--live', 'smoke'])).toEqual(['run', '--live=', 'smoke']);
  expect(joinLive(['run', '--live', '8080', 'smoke'])).toEqual(['run', '--live=8080', 'smoke']);
  expect(joinLive(['run', 'smoke', '--live', '0.0.0.0:1', '-q'])).toEqual(['run', 'smoke', '--live=0.0.0.0:1', '-q']);
  expect(joinLive(['run', 'smoke', '--live'])).toEqual(['run', 'smoke', '--live=']);
  expect(joinLive(['run', 'smoke', '--live=1'])).toEqual(['run', 'smoke', '--live=1']);
});
