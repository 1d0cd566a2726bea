import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('ensure-test-tools.mjs', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-tools-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function ensure(...names: string[]) {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  return spawnSync(process.execPath, [SCRIPT, ...names], { encoding: 'utf8', env });
}

it('is quiet when the program is on the path', () => {
  const program = join(folder, 'nats-server');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  const { status, stdout, stderr } = ensure('nats-server');
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});

it.each([[[]], [['chromium', 'no-such-tool']]])('refuses %j and names what it knows', (names) => {
  const { status, stderr } = ensure(...names);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^(no test tool named|unknown test tool no-such-tool); known are chromium, gcc, nats-server\n$/,
  );
});
