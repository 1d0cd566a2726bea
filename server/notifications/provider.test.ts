import { describe, expect, it } from 'vitest';
import webPushPackage from 'web-push';
import { HttpReceiver } from '../testing/http-receiver.ts';
import { PushReceiver, verifyVapid } from '../testing/push-receiver.ts';
import { readRetryAfter } from './http-post.ts';
import { NOTIFICATION, providerSuite } from './provider.suite.ts';
import type { NotificationProvider, Target } from './provider.ts';
import { createWebPushProvider } from './provider-web-push.ts';
import { createWebhookProvider } from './provider-webhook.ts';
import { notificationsProblem, openProviders } from './providers.ts';
import { pushHostProblem, readPushEndpoint } from './push-endpoint.ts';

const NOW = 1_700_000_000_000;
const VAPID = { subject: 'mailto:operator@example.com', ...webPushPackage.generateVAPIDKeys() };
const receiver = new PushReceiver();
const webPush = (timeoutMs = 1_000): Promise<NotificationProvider> =>
  createWebPushProvider({ vapid: VAPID, pushHosts: ['127.0.0.1', 'push.example'], now: Date.now, timeoutMs });

providerSuite('webhook', {
  open: async (url, timeoutMs) => createWebhookProvider({ url, now: Date.now, timeoutMs }),
  given: () => ({ token: 'of the phone' }),
  idHeader: 'idempotency-key',
  gone: [410],
});

providerSuite('web-push', {
  open: (_, timeoutMs) => webPush(timeoutMs),
  given: (url) => ({ subscription: receiver.subscription(url) }),
  idHeader: 'topic',
  gone: [404, 410],
});

/** What one notification is on the wire. */
async function received(open: (url: string) => Promise<NotificationProvider>, given: (url: string) => object) {
  const endpoint = await HttpReceiver.start();
  const origin = endpoint.url;
  const provider = await open(`${origin}/x`);
  await provider.send(NOTIFICATION, provider.read({ ...given(`${origin}/x`) }) as Target);
  provider.close();
  await endpoint.stop();
  return { ...endpoint.requests[0]!, origin };
}

describe('a webhook gets', () => {
  it('the notification and the token as JSON', async () => {
    const open = async (url: string) => createWebhookProvider({ url, now: Date.now });
    const { headers, body } = await received(open, () => ({ token: 'of the phone' }));
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body.toString())).toEqual({ ...NOTIFICATION, token: 'of the phone' });
  });

  it.each([undefined, '', 7, {}, 'x'.repeat(1_025)])('no token such as %j', (token) => {
    const provider = createWebhookProvider({ url: 'http://127.0.0.1:1/', now: Date.now });
    expect(provider.read({ token })).toMatch(/^token must/);
  });
});

describe('a push service gets', () => {
  it('the notification encrypted for the browser, signed by the server', async () => {
    const open = () => webPush();
    const { headers, body, origin } = await received(open, (url) => ({ subscription: receiver.subscription(url) }));
    expect(headers['content-encoding']).toBe('aes128gcm');
    expect(headers.ttl).toBe('86400');
    expect(headers.urgency).toBe('high');
    expect(JSON.parse(receiver.decrypt(body))).toEqual(NOTIFICATION);
    const { claims, publicKey } = verifyVapid(headers.authorization as string);
    expect(publicKey).toBe(VAPID.publicKey);
    expect(claims).toEqual({ aud: origin, sub: VAPID.subject, exp: expect.any(Number) });
    const hours = (claims.exp - Date.now() / 1_000) / 3_600;
    expect(hours).toBeGreaterThan(6);
    expect(hours).toBeLessThanOrEqual(12);
  });

  const good = receiver.subscription('https://push.example/a');
  const { p256dh, auth } = good.keys;
  const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]).toString('base64url');
  it.each([
    ['no subscription', {}],
    ['null', { subscription: null }],
    ['no keys', { subscription: { endpoint: good.endpoint } }],
    ['a short key', { subscription: { ...good, keys: { p256dh: p256dh.slice(0, 40), auth } } }],
    ['a point off the curve', { subscription: { ...good, keys: { p256dh: offCurve, auth } } }],
    ['a short secret', { subscription: { ...good, keys: { p256dh, auth: auth.slice(0, 10) } } }],
    ['a key that is a number', { subscription: { ...good, keys: { p256dh: 5, auth } } }],
    ['no endpoint', { subscription: { keys: good.keys } }],
  ])('nothing for %s', async (_, given) => {
    expect((await webPush()).read(given)).toMatch(/^subscription/);
  });

  it('keys in ordinary Base64 as well', async () => {
    const provider = await webPush();
    const keys = {
      p256dh: Buffer.from(p256dh, 'base64url').toString('base64'),
      auth: Buffer.from(auth, 'base64url').toString('base64'),
    };
    const read = provider.read({ subscription: { ...good, keys } });
    expect(read).toEqual({ provider: 'web-push', subscription: good });
  });

  it('nothing any more when its host is taken off the list', async () => {
    const subscription = receiver.subscription('https://elsewhere.example/a');
    const result = await (await webPush()).send(NOTIFICATION, { provider: 'web-push', subscription });
    expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('elsewhere.example') });
  });
});

describe('an endpoint', () => {
  const hosts = ['push.example', '*.wild.example', 'port.example:8443', '127.0.0.1'];
  it.each([
    'https://push.example/a',
    'https://PUSH.example/a',
    'https://push.example:443/a',
    'https://a.wild.example/x?y',
    'https://a.b.wild.example/',
    'https://port.example:8443/',
    'http://127.0.0.1:9999/',
    'https://127.0.0.1:9999/',
  ])('%s is taken', (endpoint) => {
    expect(readPushEndpoint(endpoint, hosts)).toBeInstanceOf(URL);
  });

  it.each([
    'http://push.example/a',
    'https://push.example:8443/a',
    'https://push.example.evil.example/',
    'https://evilpush.example/',
    'https://push.example@evil.example/',
    'https://user:word@push.example/',
    'https://wild.example/',
    'https://evilwild.example/',
    'https://port.example/',
    'http://localhost:80/',
    'http://[::1]/',
    'http://2130706433.example/',
    'http://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'file:///etc/passwd',
    'ftp://push.example/',
    'nonsense',
    '',
    7,
    null,
    `https://push.example/${'x'.repeat(2_048)}`,
  ])('%s is not', (endpoint) => {
    expect(readPushEndpoint(endpoint, hosts)).toBeTypeOf('string');
  });

  it('may only be on hosts that can be written as one', () => {
    for (const host of [...hosts, '[::1]', 'localhost']) expect(pushHostProblem(host)).toBeNull();
    for (const host of ['', '*', '*.', 'a.*.b', 'https://push.example', 'push.example/a', 'Push.example', 'a b']) {
      expect(pushHostProblem(host)).toContain('not a host name');
    }
  });
});

describe('the settings', () => {
  const none = { collapseMs: 1, maxAttempts: 1, webhookUrl: null, vapid: null, pushHosts: ['push.example'] };

  it('open what is configured and nothing else', async () => {
    expect(await openProviders(none, Date.now)).toEqual({ byName: new Map(), publicKey: null });
    const { byName, publicKey } = await openProviders({ ...none, webhookUrl: 'http://h/', vapid: VAPID }, Date.now);
    expect([...byName.keys()]).toEqual(['webhook', 'web-push']);
    expect(publicKey).toBe(VAPID.publicKey);
  });

  it('are refused in one sentence when they can not work', () => {
    expect(notificationsProblem({ ...none, webhookUrl: 'http://h/', vapid: VAPID })).toBeNull();
    expect(notificationsProblem({ ...none, webhookUrl: 'ftp://h/' })).toContain('http or https');
    expect(notificationsProblem({ ...none, webhookUrl: 'h' })).toContain('http or https');
    expect(notificationsProblem({ ...none, pushHosts: ['*'] })).toContain('"*"');
    expect(notificationsProblem({ ...none, vapid: { ...VAPID, subject: 'me' } })).toContain('mailto:');
    for (const wrong of [
      { ...VAPID, privateKey: VAPID.publicKey },
      { ...VAPID, privateKey: '' },
      { ...VAPID, publicKey: `${VAPID.publicKey}=` },
      { ...VAPID, publicKey: receiver.subscription('').keys.p256dh },
    ]) {
      const problem = notificationsProblem({ ...none, vapid: wrong });
      expect(problem).toContain('not a pair');
      expect(problem).not.toContain(VAPID.privateKey);
    }
  });
});

describe('Retry-After', () => {
  it.each([
    [undefined, 0],
    ['120', 120_000],
    ['0', 0],
    ['-5', 0],
    ['soon', 0],
    [new Date(NOW + 30_000).toUTCString(), 30_000],
    [new Date(NOW - 30_000).toUTCString(), 0],
  ])('%s is a wait of %i ms', (header, ms) => {
    expect(readRetryAfter(header, NOW)).toBe(ms);
  });
});
