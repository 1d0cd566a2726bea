import { afterEach, describe, expect, it, vi } from 'vitest';
import { type NullServer, startNullServer } from './null-server.ts';
import type { DriverEvents, TargetDriver } from './target-driver.ts';
import { createReferenceDriver } from './target-driver-reference.ts';

let server: NullServer;
let driver: TargetDriver<string>;

async function connected(...users: string[]) {
  const log: string[] = [];
  const events: DriverEvents<string> = {
    sent: ({ context }, id) => log.push(`${context}: sent ${id}`),
    sendFailed: ({ context }, id, reason) => log.push(`${context}: failed ${id} ${reason}`),
    received: ({ context }, from, body) => log.push(`${context}: ${from} says ${Buffer.from(body)}`),
    delivered: ({ context }, id) => log.push(`${context}: delivered ${id}`),
    closed: () => {},
  };
  server = await startNullServer();
  driver = createReferenceDriver<string>({ target: `ws://127.0.0.1:${server.port}` }, events);
  await driver.prepare();
  const connect = (user: string) => driver.connect({ user, device: 'test', context: user, timeoutMs: 5_000 });
  return { log, connections: await Promise.all(users.map(connect)) };
}

afterEach(async () => {
  await driver.close();
  server.stop();
});

describe('the null server', () => {
  it('answers, pushes, and tells the sender of the acknowledgement', async () => {
    const { log, connections } = await connected('ann', 'bob');
    connections[0]!.send('bob', 1, Buffer.from('hi'));
    connections[1]!.send('ann', 2, Buffer.from('yo'));
    await vi.waitFor(() => expect(log).toHaveLength(6));
    expect([...log].sort()).toEqual([
      'ann: bob says yo',
      'ann: delivered 1',
      'ann: sent 1',
      'bob: ann says hi',
      'bob: delivered 2',
      'bob: sent 2',
    ]);
    expect(server.counts()).toMatchObject({ connections: 2, sends: 2 });
  });

  it('tells each sender how far theirs were acknowledged, from many and in order', async () => {
    const { log, connections } = await connected('ann', 'bob', 'cat');
    for (let id = 1; id <= 100; id++) connections[id % 2]!.send('cat', id, Buffer.from(`${id}`));
    await vi.waitFor(() => expect(log).toHaveLength(300));
    const said = (user: string) => log.filter((line) => line.startsWith(`cat: ${user} says`));
    expect(said('bob')).toEqual(Array.from({ length: 50 }, (_, i) => `cat: bob says ${2 * i + 1}`));
    expect(said('ann')).toEqual(Array.from({ length: 50 }, (_, i) => `cat: ann says ${2 * i + 2}`));
  });

  it('takes a message to nobody, and knows who has left', async () => {
    const { log, connections } = await connected('ann', 'bob');
    connections[1]!.close(true);
    await vi.waitFor(() => expect(server.counts().connections).toBe(1));
    connections[0]!.send('bob', 1, Buffer.from('gone?'));
    await vi.waitFor(() => expect(log).toEqual(['ann: sent 1']));
  });
});
