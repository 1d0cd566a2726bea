/** Retention on a whole node: timelines stay short on the disk, and a client that missed too much is told so. */
import { afterEach, expect, it } from 'vitest';
import { encodeSend } from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

afterEach(cleanUp);

it('keeps the newest entries, resets who missed too much, and refuses ids that it may have forgotten', async () => {
  const node = await startTestNode({ settings: { retention: { maxEntries: 5, maxAgeSeconds: 0 } } });
  const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
  const a = await TestClient.open(await node.urlOf(alice), alice, { protocol: BINARY_SUBPROTOCOL });
  const bobUrl = await node.urlOf(bob);
  for (let id = 1; id <= 300; id++) a.write((writer) => encodeSend(writer, id, bob, Buffer.from(`${id}`)));
  await a.count('sent', 300);

  const history = async (user: string, url: string): Promise<number[]> => {
    const response = await fetch(`${url.replace('ws:', 'http:')}/v1/timeline?user=${user}`);
    const { entries } = (await response.json()) as { entries: Array<{ seq: number }> };
    return entries.map(({ seq }) => seq);
  };
  const newest = [296, 297, 298, 299, 300];
  const trimmed = async (user: string, url: string) => (await history(user, url)).length === 5;
  const aliceUrl = await node.urlOf(alice);
  await until('short timelines', async () => (await trimmed(bob, bobUrl)) && (await trimmed(alice, aliceUrl)));
  expect(await history(bob, bobUrl)).toEqual(newest);

  const b = await TestClient.open(bobUrl, bob, { after: 100 });
  expect((await b.count('message', 5)).map(({ seq }) => seq)).toEqual(newest);
  expect(b.frames.slice(0, 2)).toMatchObject([
    { type: 'welcome', head: 300, after: 295 },
    { type: 'reset', position: 295 },
  ]);
  a.write((writer) => encodeSend(writer, 7, bob, Buffer.from('7')));
  expect(await a.next('error')).toMatchObject({ code: 1010, id: 7 });
  a.write((writer) => encodeSend(writer, 301, bob, Buffer.from('next')));
  await until('the next message', () => b.of('message').length === 6);
  expect(b.of('message').at(-1)).toMatchObject({ seq: 301, body: 'next' });
});
