import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from './clickhouse-server.suite.ts';

let server: ClickHouseServer;
beforeAll(async () => {
  server = await startClickHouse({
    users: [
      { name: 'writer', password: 'a<b&c' },
      { name: 'reader', password: 'r', readOnly: true },
    ],
  });
});
afterAll(() => server.stop());

async function ask(user: string, password: string, query: string): Promise<string> {
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
  const answer = await fetch(server.url, { method: 'POST', headers, body: query });
  return (await answer.text()).trim();
}

it('is a ClickHouse that knows its users, stands still when told, and keeps its rows when it is killed', async () => {
  await ask('writer', 'a<b&c', 'CREATE DATABASE d');
  await ask('writer', 'a<b&c', 'CREATE TABLE d.t (n UInt8) ENGINE = MergeTree ORDER BY n');
  await ask('writer', 'a<b&c', 'INSERT INTO d.t VALUES (7)');
  expect(await ask('writer', 'wrong', 'SELECT 1')).toMatch(/AUTHENTICATION_FAILED/);
  expect(await ask('default', '', 'SELECT n FROM d.t')).toMatch(/ACCESS_DENIED/);
  expect(await ask('reader', 'r', 'INSERT INTO d.t VALUES (8)')).toMatch(/READONLY/);

  server.pause();
  let answered = false;
  const answer = ask('reader', 'r', 'SELECT n FROM d.t').finally(() => {
    answered = true;
  });
  await expect(fetch(`${server.url}/ping`, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
  expect(answered).toBe(false);
  server.resume();
  expect(await answer).toBe('7');

  await server.kill();
  await expect(ask('reader', 'r', 'SELECT 1')).rejects.toThrow(/fetch failed/);
  await server.restart();
  expect(await ask('reader', 'r', 'SELECT n FROM d.t')).toBe('7');
});
