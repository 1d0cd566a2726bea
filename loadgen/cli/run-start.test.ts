import { expect, it } from 'vitest';
import { commandLine } from './run-start.ts';

it.each([
  [['run', 'my chat.ts', '--tag', "a=it's"], `plimsoll run 'my chat.ts' --tag 'a=it'\\''s'`],
  [['run', 'smoke', '--results', 'http://me:p@ss@db:8123/x'], "plimsoll run smoke --results 'http://…@db:8123/x'"],
  [['run', 'smoke', '--control=nats://token@far:4222'], "plimsoll run smoke '--control=nats://…@far:4222'"],
  [['run', '--auth-secret', 'hush', 'smoke'], 'plimsoll run --auth-secret … smoke'],
  [['run', 'smoke', '--auth-secret=hush'], "plimsoll run smoke '--auth-secret=…'"],
])('%j is kept as it was typed, without secrets', (args, kept) => {
  expect(commandLine(args)).toBe(kept);
});
