/** A real node on a disk that is full, and on one that hangs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDeadLetters } from '../loadgen/cli/dead-letter-log.ts';
import { Workspace } from '../loadgen/testing/command-line.ts';
import { TestClient } from './testing/test-client.ts';
import { canMount, type FullableDisk, fullableDisk, hangingDisk, type TestDisk } from './testing/test-disk.ts';
import { cleanUp, makeDirectory, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const mounts = mkdtempSync(join(tmpdir(), 'plimsoll-mount-'));
const mayMount = canMount(mounts);
rmSync(mounts, { recursive: true, force: true });
if (!mayMount)
  process.stderr.write(
    'mounting is not allowed here: the tests on a full and on a hanging disk are left out of this run\n',
  );
const GIVE_UP_MS = 2_000;

let disk: TestDisk | undefined;
let letters: string;
let workspace: Workspace;
let clients: TestClient[];

beforeEach(async () => {
  letters = await makeDirectory();
  workspace = new Workspace();
  clients = [];
});

afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  (disk as { goOn?: () => void } | undefined)?.goOn?.();
  await cleanUp();
  disk?.remove();
  disk = undefined;
  await workspace.close();
});

function start(directory: string, settings: object = {}): Promise<TestNode> {
  const store = { kind: 'level' as const, directory: join(directory, 'data') };
  return startTestNode({
    shards: 1,
    store,
    settings: { commitGiveUpMs: GIVE_UP_MS, deadLetterDirectory: letters, ...settings },
  });
}

async function connect(node: TestNode, user: string, after?: number): Promise<TestClient> {
  const client = await TestClient.open(await node.urlOf(user), user, after === undefined ? {} : { after });
  clients.push(client);
  return client;
}

const bodies = (client: TestClient): string[] =>
  client
    .of('message')
    .filter(({ direction }) => direction === 'in')
    .map(({ body }) => body!);

async function history(node: TestNode, user: string): Promise<string[]> {
  const base = (await node.urlOf(user)).replace('ws', 'http');
  const response = await fetch(`${base}/v1/timeline?user=${user}&limit=1000`);
  expect(response.status).toBe(200);
  const { entries } = (await response.json()) as { entries: Array<{ direction: string; body: string }> };
  return entries.filter(({ direction }) => direction === 'in').map(({ body }) => body);
}

interface Health {
  healthy: boolean;
  shards: Array<{ store: { circuit: string; troubleSeconds: number; lastError: string; deadLettersOpen: number } }>;
}

const health = async (node: TestNode): Promise<Health> => (await fetch(`${node.url}/v1/health`)).json() as never;

/** Sends until the store refuses: the ids that were accepted for writing, answered or not. */
async function sendUntilRefused(client: TestClient, to: string, firstId: number): Promise<number[]> {
  const ids: number[] = [];
  const refused = (): Set<number | undefined> =>
    new Set(client.of('error').flatMap(({ code, id }) => (code === 1004 ? [id] : [])));
  const before = refused().size;
  for (let id = firstId; refused().size === before; id++) {
    client.send({ type: 'send', id, to, body: `${id}` });
    ids.push(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const all = refused();
  return ids.filter((id) => !all.has(id));
}

describe.skipIf(!mayMount)('a full disk (needs the right to mount)', () => {
  it('refuses, tells the truth, keeps connections and history, and delivers everything once when there is room', async () => {
    const full = fullableDisk(workspace.directory, '48m');
    disk = full;
    const node = await start(full.directory);
    const a = await connect(node, 'alice');
    const b = await connect(node, 'bob');
    a.send({ type: 'send', id: 1, to: 'bob', body: '1' });
    await b.next('message');

    full.fill();
    const taken = [1, ...(await sendUntilRefused(a, 'bob', 2))];
    const refusal = a.of('error').find(({ code }) => code === 1004) as { retryAfterMs?: number };
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    const waiting = await until('the senders to be told', () => {
      const answered = a.of('sent').length;
      const told = a.of('error').filter(({ code }) => code === 1008);
      return told.length === taken.length - answered && told.length > 0 && told.map(({ id }) => id!);
    });
    expect((await readDeadLetters(letters))!.open.map(({ id }) => id)).toEqual(waiting);
    const bad = await until('health to be bad', async () => {
      const now = await health(node);
      return !now.healthy && now.shards[0]!.store.deadLettersOpen > 0 && now.shards[0]!.store;
    });
    expect(['open', 'half-open']).toContain(bad.circuit);
    expect(bad.lastError).toMatch(/disk .* is full/);
    expect(bad.troubleSeconds).toBeGreaterThan(0);
    expect([a.closed, b.closed]).toEqual([null, null]);
    const stored = taken.filter((id) => !waiting.includes(id)).map(String);
    expect(await history(node, 'bob')).toEqual(stored);
    expect(bodies(b)).toEqual(stored);

    full.free();
    await until('the rest to be sent', () => a.of('sent').length === taken.length);
    expect(a.of('sent').map(({ id }) => id)).toEqual(taken);
    await until('all to arrive', () => bodies(b).length >= taken.length);
    a.send({ type: 'send', id: 5_000, to: 'bob', body: 'after' });
    await until('the next one to arrive', () => bodies(b).includes('after'));
    expect(bodies(b)).toEqual([...taken.map(String), 'after']);
    await until('health to be good', async () => (await health(node)).healthy);
    await until('the letters to be settled', async () => (await readDeadLetters(letters))!.open.length === 0);
    expect([a.closed, b.closed]).toEqual([null, null]);
  }, 60_000);

  it('leaves letters behind when the node is killed; the command shows and replays them, once', async () => {
    const full: FullableDisk = fullableDisk(workspace.directory, '48m');
    disk = full;
    let node = await start(full.directory);
    const a = await connect(node, 'alice');
    a.send({ type: 'send', id: 1, to: 'bob', body: '1' });
    await a.next('sent');
    full.fill();
    await sendUntilRefused(a, 'bob', 2);
    const told = await until('the senders to be told', () => {
      const all = a.of('error').filter(({ code }) => code === 1008);
      return all.length > 0 && all.map(({ id }) => id!);
    });
    for (const pid of [node.pid, ...(await node.shardPids())]) process.kill(pid, 'SIGKILL');
    await node.exited;
    full.free();

    const flags = ['--dead-letters', letters];
    const list = await workspace.run(['dead-letters', 'list', ...flags]);
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/^when +from +to +size +why\n.* alice +bob +\d B +The disk .* is full/);
    const asJson = await workspace.run(['dead-letters', 'list', '--json', ...flags]);
    const { letters: listed } = JSON.parse(asJson.stdout) as { letters: Array<{ id: number }> };
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(told));

    node = await start(full.directory);
    const target = ['-t', node.url.replace('http', 'ws')];
    // Two at the same time, and one more.
    const [one, other] = await Promise.all(
      [0, 1].map(() => workspace.run(['dead-letters', 'replay', ...flags, ...target])),
    );
    expect([one!.code, other!.code, one!.stderr, other!.stderr]).toEqual([0, 0, '', '']);
    expect(`${one!.stdout}${other!.stdout}`).toMatch(/\d messages? replayed\./);
    const again = await workspace.run(['dead-letters', 'replay', ...flags, ...target]);
    expect(again).toMatchObject({ code: 0, stdout: `No dead letters wait in ${letters}.\n` });
    const received = await history(node, 'bob');
    expect(received).toEqual([...new Set(received)]);
    expect(received).toEqual(expect.arrayContaining(['1', ...listed.map(({ id }) => `${id}`)]));
  }, 60_000);
});

describe.skipIf(!mayMount)('a disk that hangs (needs the right to mount)', () => {
  it('opens the circuit after a while, keeps what waits in the log, and goes on where it was', async () => {
    const hanging = hangingDisk(workspace.directory, 64 * 1024 * 1024);
    disk = hanging;
    const node = await start(hanging.directory, { commitGiveUpMs: 7_000, maxUncommittedBytes: 1_000_000 });
    const a = await connect(node, 'alice');
    const b = await connect(node, 'bob');
    a.send({ type: 'send', id: 1, to: 'bob', body: '1' });
    await b.next('message');

    hanging.hang();
    const taken = [1, ...(await sendUntilRefused(a, 'bob', 2))];
    const told = await until('the senders to be told', () => {
      const all = a.of('error').filter(({ code }) => code === 1008);
      return all.length === taken.length - 1 && all.map(({ id }) => id);
    });
    expect(told).toEqual(taken.slice(1));
    expect(a.of('sent')).toHaveLength(1);
    expect(await history(node, 'bob')).toEqual(['1']);
    const { healthy, shards } = await health(node);
    expect(healthy).toBe(false);
    expect(shards[0]!.store).toMatchObject({
      circuit: 'open',
      lastError: expect.stringContaining('the store has not answered a write for'),
    });

    hanging.goOn();
    await until('all to arrive', () => bodies(b).length === taken.length);
    expect(bodies(b)).toEqual(taken.map(String));
    expect(a.of('sent').map(({ id }) => id)).toEqual(taken);
    await until('the letters to be settled', async () => (await readDeadLetters(letters))!.open.length === 0);
    expect([a.closed, b.closed]).toEqual([null, null]);
  }, 60_000);
});
