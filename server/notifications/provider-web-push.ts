/**
 * Web Push: the notification as JSON, encrypted for the browser (RFC 8291), to the push service that its subscription
 * names, signed with the server's VAPID key (RFC 8292). Repeats carry the same `Topic`, by which a push service replaces
 * what it has not delivered yet.
 */
import { createECDH } from 'node:crypto';
import { HttpPoster } from './http-post.ts';
import type { HandOffResult, Notification, NotificationProvider, Target } from './provider.ts';
import { readPushEndpoint } from './push-endpoint.ts';

/** A push service keeps it so long for a device that it can't reach: a message of yesterday is no news. */
const TTL_SECONDS = 24 * 3_600;
/** The signed header is made once per push service; it is good for 12 h, and used for 6. */
const HEADER_MS = { good: 12 * 3_600_000, used: 6 * 3_600_000 };
const HEADERS_MOST = 256;
/** RFC 8030, 7.3: the subscription has expired or was never there. */
const GONE = [404, 410];

export interface WebPushOptions {
  vapid: { subject: string; publicKey: string; privateKey: string };
  pushHosts: readonly string[];
  now: () => number;
  timeoutMs?: number;
}

/** Rejects when the `web-push` package is not installed. */
export async function createWebPushProvider(options: WebPushOptions): Promise<NotificationProvider> {
  const { default: webPush } = await import('web-push').catch((error: Error) => {
    throw new Error(`Web Push needs the package web-push: npm install web-push (${error.message})`);
  });
  const poster = new HttpPoster(options.now, GONE, options.timeoutMs);
  const headers = new Map<string, { value: string; until: number }>();

  const authorization = (origin: string): string => {
    const now = options.now();
    const known = headers.get(origin);
    if (known !== undefined && known.until > now) return known.value;
    if (headers.size >= HEADERS_MOST) headers.clear();
    const { subject, publicKey, privateKey } = options.vapid;
    const expires = Math.floor((now + HEADER_MS.good) / 1_000);
    const made = webPush.getVapidHeaders(origin, subject, publicKey, privateKey, 'aes128gcm', expires);
    headers.set(origin, { value: made.Authorization, until: now + HEADER_MS.used });
    return made.Authorization;
  };

  return {
    name: 'web-push',
    read(given) {
      const subscription = given.subscription as Record<string, unknown> | null | undefined;
      if (typeof subscription !== 'object' || subscription === null) return 'subscription is missing';
      const url = readPushEndpoint(subscription.endpoint, options.pushHosts);
      if (typeof url === 'string') return url;
      const { p256dh, auth } = (subscription.keys ?? {}) as Record<string, unknown>;
      if (!isPublicKey(p256dh)) return 'subscription.keys.p256dh must be a public key of P-256, 65 bytes in Base64';
      if (!isBytes(auth, 16)) return 'subscription.keys.auth must be 16 bytes in Base64';
      return {
        provider: 'web-push',
        subscription: { endpoint: url.href, keys: { p256dh: urlSafe(p256dh), auth: urlSafe(auth) } },
      };
    },
    async send(notification: Notification, target: Target): Promise<HandOffResult> {
      if (target.provider !== 'web-push') return { outcome: 'refused', reason: 'registered with another provider' };
      // Asked again: the list may have become shorter since the device registered.
      const url = readPushEndpoint(target.subscription.endpoint, options.pushHosts);
      if (typeof url === 'string') return { outcome: 'refused', reason: url };
      try {
        const request = webPush.generateRequestDetails(target.subscription, JSON.stringify(notification), {
          TTL: TTL_SECONDS,
          urgency: 'high',
          topic: notification.id,
          contentEncoding: 'aes128gcm',
          headers: { Authorization: authorization(url.origin) },
        });
        return await poster.post(url, request.headers as Record<string, string | number>, request.body!);
      } catch (error) {
        return { outcome: 'refused', reason: `can't be encrypted: ${(error as Error).message}` };
      }
    },
    close: () => poster.close(),
  };
}

function isBytes(text: unknown, length: number): text is string {
  return typeof text === 'string' && /^[\w+/-]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === length;
}

/** Not only of the right length: a point of the curve, for with any other nothing can be encrypted. */
function isPublicKey(text: unknown): text is string {
  if (!isBytes(text, 65)) return false;
  try {
    const own = createECDH('prime256v1');
    own.generateKeys();
    own.computeSecret(Buffer.from(text, 'base64'));
    return true;
  } catch {
    return false;
  }
}

function urlSafe(text: string): string {
  return Buffer.from(text, 'base64').toString('base64url');
}
