import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { absoluteDriverName, loadDriver } from './driver-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-loader-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a driver’s name', () => {
  it.each([
    ['reference', 'reference'],
    ['long-poll', 'long-poll'],
    ['mine.ts', '/chat/mine.ts'],
    ['../drivers/mine.ts', '/drivers/mine.ts'],
    ['/abs/mine.ts', '/abs/mine.ts'],
    ['json-websocket:server.json', 'json-websocket:/chat/server.json'],
    ['json-websocket:/abs/server.json', 'json-websocket:/abs/server.json'],
  ])('%s of a scenario in /chat is %s', (name, absolute) => {
    expect(absoluteDriverName(name, '/chat')).toBe(absolute);
  });
});

it.each(['reference', 'long-poll'])('the driver %s comes with Plimsoll', async (name) => {
  const create = await loadDriver(name);
  expect(create({ target: 'ws://127.0.0.1:1' }, {} as never).name).toBe(name);
});

it('a module throws DriverErrors of the agent’s own class, whatever it is written in', async () => {
  const text = `import { DriverError } from 'plimsoll/driver';
    export const createDriver = () => { throw new DriverError('server', String(DriverError.name)); };`;
  for (const name of ['driver.ts', 'driver.mjs']) {
    writeFileSync(join(folder, name), text);
    const create = await loadDriver(join(folder, name));
    expect(() => create({ target: 'ws://x:1' }, {} as never)).toThrow("can't be created: DriverError");
  }
});

it('json-websocket without its file says what is missing', async () => {
  await expect(loadDriver('json-websocket')).rejects.toThrow(/json-websocket needs the file.*json-websocket:<file>/);
});

it('what is thrown while it is loaded need not be an Error', async () => {
  writeFileSync(join(folder, 'throws.ts'), 'throw "no";');
  await expect(loadDriver(join(folder, 'throws.ts'))).rejects.toThrow(/throws\.ts can't be loaded: no$/);
});
