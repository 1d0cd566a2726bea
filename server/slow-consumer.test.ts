/** Guarantee 6: who does not read is disconnected with a code, and misses nothing after a resume. */
import { afterEach, expect, it } from 'vitest';
import { encodeSend } from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

afterEach(cleanUp);

it.each(['plimsoll.v1', 'plimsoll.v1.json'] as const)(
  'a slow consumer (%s)',
  async (protocol) => {
    const node = await startTestNode({ maxBacklogBytes: 262_144 });
    const [alice, bob, carol] = [node.userOn(0, 'alice'), node.userOn(1, 'bob'), node.userOn(1, 'carol')];
    const url = await node.urlOf(bob);
    const a = await TestClient.open(await node.urlOf(alice), alice, { protocol: BINARY_SUBPROTOCOL });
    const c = await TestClient.open(url, carol);
    let b = await TestClient.open(url, bob, { protocol });
    b.socket.pause();

    const body = Buffer.alloc(16_000, 'x');
    let id = 0;
    const slowConsumers = async () => (await node.stats()).shards[1]!.stats?.slowConsumers ?? 0;
    while ((await slowConsumers()) === 0) {
      expect(id).toBeLessThan(4_000);
      for (let i = 0; i < 100; i++) a.write((writer) => encodeSend(writer, ++id, bob, body));
      await a.count('sent', id);
    }

    // Its neighbour on the same process has noticed nothing.
    a.write((writer) => encodeSend(writer, ++id, carol, Buffer.from('hello')));
    expect(await c.next('message')).toMatchObject({ peer: alice, body: 'hello' });

    b.socket.resume();
    const { code } = await b.untilClosed();
    expect([4408, 1006]).toContain(code);
    let position = 0;
    let connections = 0;
    const last = id - 1;
    for (;;) {
      for (const { seq, body: text } of b.of('message')) {
        expect(seq).toBe(++position);
        expect(text?.length).toBe(body.length);
      }
      if (position === last) break;
      expect(++connections).toBeLessThan(5);
      b = await TestClient.open(url, bob, { protocol, after: position });
      await until('the rest', () => b.of('message').length === last - position || b.closed);
    }
    // One resume is enough for a client that reads.
    expect(connections).toBe(1);
    expect(await slowConsumers()).toBe(1);
  },
  30_000,
);
