/** A node's processes: what a death, a drain or a bad start leaves behind, and what it must not. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, isAlive, makeDirectory, startRefusedNode, startTestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

afterEach(cleanUp);

const allDead = (pids: number[]) => until('all processes to be gone', () => !pids.some(isAlive));

describe('a shard process that is killed', () => {
  it('is started again on its port, and nothing acknowledged is lost or doubled', async () => {
    const node = await startTestNode();
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const urls = [await node.urlOf(alice), await node.urlOf(bob)];
    const pids = await node.shardPids();
    const sender = new PersistentSender(urls[0]!, alice, bob);
    const b = await TestClient.open(urls[1]!, bob);
    for (let id = 1; id <= 90; id++) {
      if (id === 30) process.kill(pids[1]!, 'SIGKILL');
      if (id === 60) process.kill(pids[0]!, 'SIGKILL');
      await sender.send(id);
    }
    expect((await b.untilClosed()).code).toBe(1006);
    await until('both to be back', async () =>
      (await node.stats()).shards.every(({ up, restarts }) => up && restarts === 1),
    );
    expect([await node.urlOf(alice), await node.urlOf(bob)]).toEqual(urls);

    const position = b.of('message').at(-1)?.seq ?? 0;
    const again = await TestClient.open(urls[1]!, bob, { after: position });
    await again.count('message', 90 - position);
    const received = [...b.of('message'), ...again.of('message')];
    expect(received.map(({ seq }) => seq)).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
    expect(received.map(({ id }) => id)).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
    expect(node.log()).toMatch(/shard 1 was ended by SIGKILL; it is started again[\s\S]*shard 1 is back on port \d+/);

    const newPids = await node.shardPids();
    expect(newPids).not.toContain(pids[0]);
    // Redirects work in the new process as in the old one.
    const lost = new TestClient(urls[0]!, bob);
    await lost.untilClosed();
    expect(lost.frames).toEqual([{ type: 'redirect', url: urls[1] }]);
    await node.stop();
    await allDead([...pids, ...newPids]);
  }, 30_000);

  it('is missed by health until it is back', async () => {
    const node = await startTestNode();
    const [pid] = await node.shardPids();
    process.kill(pid!, 'SIGKILL');
    const health = async () => (await fetch(`${node.url}/v1/health`)).status;
    await until('health to be bad', async () => (await health()) === 503);
    await until('health to be good', async () => (await health()) === 200);
  });
});

describe('a drain', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s closes with 1001, ends with 0, and leaves no process',
    async (signal) => {
      const node = await startTestNode();
      const pids = await node.shardPids();
      const clients: TestClient[] = [];
      for (const process of [0, 1]) {
        const user = node.userOn(process, 'user');
        clients.push(await TestClient.open(await node.urlOf(user), user));
      }
      clients[0]!.send({ type: 'send', id: 1, to: node.userOn(1, 'user'), body: 'last' });
      await clients[0]!.next('sent');
      node.signal(signal);
      expect(await node.exited).toEqual({ code: 0, signal: null });
      for (const client of clients) expect((await client.untilClosed()).code).toBe(1001);
      await allDead(pids);
      expect(node.log()).toBe('');
      await expect(fetch(`${node.url}/v1/health`)).rejects.toThrow();
    },
  );

  it('comes when standard input closes, if the node is to stop with its parent', async () => {
    const node = await startTestNode();
    const pids = await node.shardPids();
    node.closeStdin();
    expect(await node.exited).toEqual({ code: 0, signal: null });
    await allDead(pids);
  });

  it('does not come when standard input closes, if it is not', async () => {
    const node = await startTestNode({ stopWithParent: false });
    node.closeStdin();
    await node.shardPids();
    expect((await fetch(`${node.url}/v1/health`)).status).toBe(200);
  });

  it('happens to the shard processes when their supervisor is killed', async () => {
    const node = await startTestNode();
    const pids = await node.shardPids();
    const user = node.userOn(0, 'user');
    const client = await TestClient.open(await node.urlOf(user), user);
    client.send({ type: 'send', id: 1, to: user, body: 'kept' });
    await client.next('sent');
    node.signal('SIGKILL');
    expect((await client.untilClosed()).code).toBe(1001);
    await allDead(pids);
    const next = await startTestNode({ store: { kind: 'level', directory: node.directory } });
    const again = await TestClient.open(await next.urlOf(user), user, { after: 0 });
    expect((await again.count('message', 2)).map(({ body }) => body)).toEqual(['kept', 'kept']);
  });
});

describe('a restart with the data', () => {
  it('goes on with histories, sequences and positions, on fewer processes, too', async () => {
    let node = await startTestNode({ shards: 3 });
    const users = [0, 1, 2].map((process) => node.userOn(process, 'user'));
    for (let life = 0; life < 3; life++) {
      for (const [i, user] of users.entries()) {
        const to = users[(i + 1) % 3]!;
        const client = await TestClient.open(await node.urlOf(user), user, { after: 0 });
        expect(client.frames[0]!.head).toBe(life * 10 + (i > 0 ? 5 : 0));
        for (let n = 1; n <= 5; n++) client.send({ type: 'send', id: life * 5 + n, to, body: `${life}` });
        await client.count('sent', 5);
        const reader = await TestClient.open(await node.urlOf(to), to, { after: 0 });
        await until(
          'all to arrive',
          () => reader.of('message').filter(({ peer }) => peer === user).length === 5 * (life + 1),
        );
        await reader.close();
        await client.close();
      }
      await node.stop();
      node = await startTestNode({ shards: 3 - life, store: { kind: 'level', directory: node.directory } });
    }
    for (const user of users) {
      const reader = await TestClient.open(await node.urlOf(user), user, { after: 0 });
      await reader.count('message', 30);
      expect(reader.of('message').map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    }
  }, 30_000);

  it('delivers what waited for another process when the node went down', async () => {
    const first = await startTestNode();
    const [alice, bob] = [first.userOn(0, 'alice'), first.userOn(1, 'bob')];
    const pids = await first.shardPids();
    // Bob's process can't take anything.
    process.kill(pids[1]!, 'SIGSTOP');
    const a = await TestClient.open(await first.urlOf(alice), alice);
    for (let id = 1; id <= 20; id++) a.send({ type: 'send', id, to: bob, body: `${id}` });
    await a.count('sent', 20);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    first.signal('SIGKILL');
    await allDead(pids);
    const node = await startTestNode({ store: { kind: 'level', directory: first.directory } });
    const b = await TestClient.open(await node.urlOf(bob), bob);
    expect((await b.count('message', 20)).map(({ seq, id }) => [seq, id])).toEqual(
      Array.from({ length: 20 }, (_, i) => [i + 1, i + 1]),
    );
  });
});

describe('a start that can not work ends with 104 and one sentence', () => {
  async function refuse(options: Parameters<typeof startRefusedNode>[0], sentence: RegExp): Promise<void> {
    const { code, message } = await startRefusedNode(options);
    expect(message.trimEnd()).toMatch(sentence);
    expect(message.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(104);
  }
  const level = (directory: string) => ({ kind: 'level' as const, directory });

  it('when the router’s port is taken', async () => {
    const node = await startTestNode({ store: { kind: 'memory' } });
    await refuse({ port: node.port }, new RegExp(`^port ${node.port} .* taken`));
    expect((await fetch(`${node.url}/v1/health`)).status).toBe(200);
  });

  it('when a shard’s port is taken', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await refuse({ shards: 1, shardPort: port }, new RegExp(`^port ${port} .* taken`));
    server.close();
  });

  it('when another node has the data directory', async () => {
    const node = await startTestNode();
    await refuse({ store: level(node.directory) }, /lock|another|in use/i);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
  });

  it('when the data directory is a file, of another program, damaged, newer, or for fewer processes', async () => {
    const directory = await makeDirectory();
    const make = async (name: string, content: string) => {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, 'node.json'), content);
      return level(join(directory, name));
    };
    await writeFile(join(directory, 'file'), '');
    await refuse({ store: level(join(directory, 'file')) }, /can't make the data directory .*--data/);
    await refuse({ store: level(join(directory, 'file', 'below')) }, /can't make the data directory .*--data/);
    await refuse({ store: level(directory) }, /is not empty and not a data directory of Plimsoll/);
    await refuse({ store: await make('other', '{"format":"other"}') }, /is not of Plimsoll/);
    await refuse({ store: await make('damaged', '{') }, /is damaged/);
    await refuse({ store: await make('empty', '') }, /is damaged/);
    await refuse({ store: await make('none', '{"format":"plimsoll-node","version":1}') }, /is damaged/);
    await refuse({ store: await make('newer', '{"format":"plimsoll-node","version":2}') }, /version 2/);
    const one = await make('one', '{"format":"plimsoll-node","version":1,"volumes":1}');
    await refuse({ store: one }, /made for 1 shard process.*--shards 1/);
  }, 20_000);

  it('and leaves neither processes nor sockets behind; nor does a node that was stopped', async () => {
    const node = await startTestNode();
    expect(await readdir(node.temporary)).toHaveLength(1);
    expect((await startRefusedNode({ store: level(node.directory) })).leftBehind).toEqual([]);
    expect((await startRefusedNode({ port: node.port })).leftBehind).toEqual([]);
    await node.stop();
    expect(await readdir(node.temporary)).toEqual([]);
  });
});

/** Sends one message after the other, repeating each over new connections until it is acknowledged. */
class PersistentSender {
  #url: string;
  #user: string;
  #to: string;
  #client: TestClient | null = null;

  constructor(url: string, user: string, to: string) {
    this.#url = url;
    this.#user = user;
    this.#to = to;
  }

  async send(id: number): Promise<void> {
    await until(`message ${id} to be acknowledged`, async () => {
      try {
        if (this.#client === null || this.#client.closed) {
          this.#client = await TestClient.open(this.#url, this.#user, { after: 0 });
        }
        this.#client.send({ type: 'send', id, to: this.#to, body: '' });
        return (await this.#client.next('sent')).id === id;
      } catch {
        this.#client = null;
        return false;
      }
    });
  }
}
