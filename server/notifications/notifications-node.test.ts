/** Notifications of a real node, to a webhook and a push service that the test runs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import webPush from 'web-push';
import { type ApiAnswer, ApiClient } from '../testing/api-client.ts';
import { HttpReceiver } from '../testing/http-receiver.ts';
import { PushReceiver, verifyVapid } from '../testing/push-receiver.ts';
import { TestClient } from '../testing/test-client.ts';
import { cleanUp, makeDirectory, startRefusedNode, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { signToken } from '../transport/authentication.ts';
import { OPENAPI_DOCUMENT } from '../transport/openapi.ts';
import type { Method } from '../transport/openapi-types.ts';
import type { Notification } from './provider.ts';

const VAPID = { subject: 'mailto:operator@example.com', ...webPush.generateVAPIDKeys() };
const TIMEOUT_MS = 60_000;

let receiver: HttpReceiver;
let node: TestNode;
/** Holds every answer against the OpenAPI document. */
const api = new ApiClient(OPENAPI_DOCUMENT);

beforeEach(async () => {
  receiver = await HttpReceiver.start();
});

afterEach(async () => {
  await cleanUp();
  await receiver.stop();
});

async function start(options: Parameters<typeof startTestNode>[0] = {}): Promise<void> {
  const notifications = {
    collapseMs: 200,
    webhookUrl: `${receiver.url}/hook`,
    vapid: VAPID,
    pushHosts: ['127.0.0.1', 'push.example'],
  };
  node = await startTestNode({ ...options, settings: { ...options.settings, notifications } });
}

async function request(method: Method, user: string, device = '', body?: unknown, token?: string): Promise<ApiAnswer> {
  const query = new URLSearchParams({ user, ...(device && { device }) });
  return api.request(method, `${await httpUrlOf(user)}/v1/notifications?${query}`, {
    ...(token && { headers: { authorization: `Bearer ${token}` } }),
    ...(body !== undefined && { body }),
  });
}

async function httpUrlOf(user: string): Promise<string> {
  return (await node.urlOf(user)).replace('ws:', 'http:');
}

async function register(user: string, device: string, body: object): Promise<void> {
  const answer = await request('put', user, device, body);
  expect(answer).toMatchObject({ status: 200, body: { user, device, claimedUpTo: expect.any(Number) } });
}

const webhook = (user: string) => ({ provider: 'webhook', token: `token of ${user}` });

/** What the webhook was asked to tell a user. */
function hooked(user: string): Array<Notification & { token: string }> {
  return receiver.requests
    .filter(({ path }) => path === '/hook')
    .map(({ body }) => JSON.parse(body.toString()))
    .filter((notification) => notification.user === user);
}

async function sendAll(sender: TestClient, recipients: string[], firstId: number): Promise<void> {
  const before = sender.of('sent').length;
  for (const [i, to] of recipients.entries()) sender.send({ type: 'send', id: firstId + i, to, body: 'secret words' });
  await sender.count('sent', before + recipients.length);
}

describe('a node', () => {
  it('notifies by webhook and by Web Push, once, through failures', { timeout: TIMEOUT_MS }, async () => {
    await start();
    const [bob, carol, dave, erin] = [0, 1, 0, 1].map((shard, i) => node.userOn(shard, `user${i}x`)) as [
      string,
      string,
      string,
      string,
    ];
    const alice = await TestClient.open(await node.urlOf('alice'), 'alice');
    const browser = new PushReceiver();
    await register(bob, 'phone', webhook(bob));
    await register(dave, 'phone', webhook(dave));
    await register(erin, 'phone', webhook(erin));
    const subscription = browser.subscription(`${receiver.url}/push/s3cret`);
    await register(carol, 'browser', { provider: 'web-push', subscription });

    receiver.answer = (response, { path, body }) => {
      const { user } = path === '/hook' ? JSON.parse(body.toString()) : { user: carol };
      const attempts = path === '/hook' ? hooked(user).length : pushed().length;
      // The first attempt for dave gets no answer at all, erin's connection breaks, the others fail twice.
      if (user === dave && attempts === 1) return;
      if (user === erin && attempts === 1) response.destroy();
      else if (user !== dave && user !== erin && attempts < 3) response.writeHead(500).end('no');
      else response.writeHead(201).end();
    };
    const pushed = () => receiver.requests.filter(({ path }) => path === '/push/s3cret');
    await sendAll(alice, [dave, bob, bob, carol, bob, erin], 1);

    await until(
      'all notifications',
      async () => {
        const { shards } = await node.stats();
        return shards.reduce((sum, { stats }) => sum + (stats?.notifications.sent ?? 0), 0) === 4;
      },
      30_000,
    );
    const bobs = hooked(bob);
    expect(bobs).toHaveLength(3);
    expect(bobs[0]).toEqual({
      id: expect.any(String),
      user: bob,
      device: 'phone',
      count: 3,
      from: 'alice',
      firstSeq: 1,
      lastSeq: 3,
      time: expect.any(Number),
      token: `token of ${bob}`,
    });
    expect(bobs[1]).toEqual(bobs[0]);
    expect(bobs[2]).toEqual(bobs[0]);
    const keys = receiver.requests.map(({ headers }) => headers['idempotency-key']).filter(Boolean);
    expect(new Set(keys)).toEqual(new Set([bobs[0]!.id, hooked(dave)[0]!.id, hooked(erin)[0]!.id]));
    expect(hooked(dave)).toHaveLength(2);
    expect(hooked(erin)).toHaveLength(2);

    expect(pushed()).toHaveLength(3);
    for (const { headers, body } of pushed()) {
      const told = JSON.parse(browser.decrypt(body)) as Notification;
      expect(told).toMatchObject({ user: carol, device: 'browser', count: 1, from: 'alice', firstSeq: 1, lastSeq: 1 });
      expect(headers.topic).toBe(told.id);
      const { claims, publicKey } = verifyVapid(headers.authorization!);
      expect(publicKey).toBe(VAPID.publicKey);
      expect(claims).toMatchObject({ aud: receiver.url, sub: VAPID.subject });
    }
    expect(receiver.requests.map(({ body }) => body.toString('latin1')).join()).not.toContain('secret words');

    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(metrics).toMatch(/plimsoll_notifications_sent_total\{shard="0"\} 2/);
    expect(metrics).toMatch(/plimsoll_notifications_retried_total\{shard="0"\} 3/);
    const key = await api.get(`${await httpUrlOf(bob)}/v1/notifications/key`);
    expect(key.body).toEqual({ publicKey: VAPID.publicKey });
    await alice.close();
  });

  it('notifies nobody twice over the death of a shard', { timeout: TIMEOUT_MS }, async () => {
    await start({ shards: 1, store: { kind: 'level', directory: await makeDirectory() } });
    const users = Array.from({ length: 60 }, (_, i) => `user${i}`);
    for (const user of users) await register(user, 'phone', webhook(user));
    const accepted: Notification[] = [];
    receiver.answer = (response, { body }) => {
      setTimeout(() => {
        if (response.destroyed) return;
        accepted.push(JSON.parse(body.toString()));
        response.writeHead(200).end();
      }, 100);
    };
    let alice = await TestClient.open(await node.urlOf('alice'), 'alice');
    await sendAll(alice, users, 1);
    await until('some notifications', () => accepted.length >= 10);
    const [shard] = await node.shardPids();
    process.kill(shard!, 'SIGKILL');
    await until(
      'the shard to be back',
      async () => (await node.stats()).shards[0]?.restarts === 1 && (await node.stats()).shards[0]!.up,
    );
    alice = await TestClient.open(await node.urlOf('alice'), 'alice');
    await sendAll(alice, users, 1_001);
    const toldUpTo = (user: string, seq: number) =>
      accepted.some((notification) => notification.user === user && notification.lastSeq === seq);
    await until('everybody to be told', () => users.every((user) => toldUpTo(user, 2)), 30_000);

    for (const user of users) {
      const ids = new Map<number, string>();
      for (const { id, firstSeq, lastSeq } of hooked(user)) {
        for (let seq = firstSeq; seq <= lastSeq; seq++) {
          expect(ids.get(seq) ?? id, `${user} was told twice of ${seq}`).toBe(id);
          ids.set(seq, id);
        }
      }
      const own = accepted.filter((notification) => notification.user === user);
      expect(new Set(own.map(({ id }) => id)).size).toBe(own.length);
    }
    // Lost are at most those whose hand-off the death interrupted.
    const untold = users.filter((user) => !hooked(user).some(({ firstSeq }) => firstSeq === 1));
    expect(untold.length).toBeLessThanOrEqual(32);
    await alice.close();
  });

  it('forgets a browser whose push service does', { timeout: TIMEOUT_MS }, async () => {
    await start({ shards: 1, store: { kind: 'memory' } });
    const subscription = new PushReceiver().subscription(`${receiver.url}/push`);
    await register('bob', 'browser', { provider: 'web-push', subscription });
    receiver.answer = (response) => response.writeHead(410).end();
    const alice = await TestClient.open(await node.urlOf('alice'), 'alice');
    await sendAll(alice, ['bob'], 1);
    await until('the registration to go', async () => (await request('get', 'bob', 'browser')).status === 404);
    await sendAll(alice, ['bob'], 2);
    await register('bob', 'browser', { provider: 'web-push', subscription });
    expect((await request('get', 'bob')).body).toMatchObject({ devices: [{ claimedUpTo: 2 }] });
    expect(receiver.requests).toHaveLength(1);
    await alice.close();
  });
});

describe('registering', () => {
  it('is shown and ended, and survives a restart', { timeout: TIMEOUT_MS }, async () => {
    await start({ shards: 1 });
    await register('bob', 'phone', webhook('bob'));
    const subscription = new PushReceiver().subscription('https://push.example/x');
    await register('bob', 'browser', { provider: 'web-push', subscription });
    const [shard] = await node.shardPids();
    process.kill(shard!, 'SIGKILL');
    await until('the shard to be back', async () => {
      const [status] = (await node.stats()).shards;
      return status!.restarts === 1 && status!.up;
    });
    const { body: all } = await request('get', 'bob');
    expect(all).toEqual({
      user: 'bob',
      devices: [
        {
          device: 'browser',
          provider: 'web-push',
          endpoint: 'https://push.example/x',
          registeredAt: expect.any(Number),
          claimedUpTo: 0,
          notifiedUpTo: 0,
        },
        { device: 'phone', provider: 'webhook', registeredAt: expect.any(Number), claimedUpTo: 0, notifiedUpTo: 0 },
      ],
    });
    expect(JSON.stringify(all)).not.toContain(subscription.keys.auth);
    expect((await request('delete', 'bob', 'phone')).status).toBe(200);
    expect((await request('delete', 'bob', 'phone')).status).toBe(404);
    expect((await request('get', 'bob', 'phone')).status).toBe(404);
    expect((await request('get', 'bob', 'browser')).status).toBe(200);
  });

  it('is refused with one sentence', { timeout: TIMEOUT_MS }, async () => {
    const secret = 'a secret of the node';
    await start({ shards: 1, store: { kind: 'memory' }, authSecret: secret });
    const token = signToken(secret, 'bob', 60);
    const subscription = new PushReceiver().subscription('https://push.example/x');
    const refusal = async (body: unknown, device = 'phone') => {
      const answer = await request('put', 'bob', device, body, token);
      return [answer.status, answer.body.error];
    };
    expect(await refusal('{')).toEqual([400, expect.any(String)]);
    expect(await refusal([])).toEqual([400, expect.any(String)]);
    expect(await refusal({})).toEqual([400, 'provider must be web-push or webhook']);
    expect(await refusal({ provider: 'apns', token: 'x' })).toEqual([400, 'provider must be web-push or webhook']);
    expect(await refusal({ provider: 'webhook' })).toEqual([400, expect.stringContaining('token must')]);
    for (const endpoint of ['https://evil.example/', 'http://push.example/', 'http://169.254.169.254/', 'x']) {
      const body = { provider: 'web-push', subscription: { ...subscription, endpoint } };
      expect(await refusal(body)).toEqual([400, expect.stringMatching(/endpoint|push service/)]);
    }
    expect(await refusal({ provider: 'web-push', subscription: { ...subscription, keys: {} } })).toEqual([
      400,
      expect.stringContaining('p256dh'),
    ]);
    expect((await refusal('x'.repeat(10_000)))[0]).toBe(413);
    expect((await refusal(webhook('bob'), 'd'.repeat(33)))[0]).toBe(400);
    expect((await request('put', 'bob', 'phone', webhook('bob'))).status).toBe(401);
    expect((await request('get', 'bob', '', undefined, signToken(secret, 'eve', 60))).status).toBe(401);
    for (let i = 0; i < 16; i++) {
      expect((await request('put', 'bob', `d${i}`, webhook('bob'), token)).status).toBe(200);
    }
    expect(await refusal(webhook('bob'), 'd16')).toEqual([409, expect.stringContaining('16 devices')]);
    expect((await request('put', 'bob', 'd3', webhook('bob'), token)).status).toBe(200);
  });

  it('is refused where nothing is configured', { timeout: TIMEOUT_MS }, async () => {
    node = await startTestNode({ shards: 1, store: { kind: 'memory' } });
    const answer = await request('put', 'bob', 'phone', webhook('bob'));
    expect(answer).toMatchObject({ status: 400, body: { error: 'this server has no webhook notifications' } });
    expect((await api.get(`${await httpUrlOf('bob')}/v1/notifications/key`)).status).toBe(400);
  });
});

describe('a node that can not notify', () => {
  it('does not start, says why, and does not say the key', { timeout: TIMEOUT_MS }, async () => {
    const vapid = { ...VAPID, publicKey: webPush.generateVAPIDKeys().publicKey };
    const { code, message } = await startRefusedNode({ settings: { notifications: { vapid } } });
    expect(code).toBe(104);
    expect(message).toMatch(/not a pair.*generate-vapid-keys/);
    expect(message).not.toContain(VAPID.privateKey);
  });
});
