/**
 * Notifications as JSON to one HTTP endpoint of the operator's, which knows how to reach the device: `token` is whatever
 * the device registered with. Repeats carry the same `Idempotency-Key`.
 */
import { HttpPoster } from './http-post.ts';
import type { HandOffResult, Notification, NotificationProvider, Target } from './provider.ts';

export const TOKEN_MOST_BYTES = 1_024;
/** 410 is the webhook's word about the device; 404 is more likely a wrong address, which voids no registration. */
const GONE = [410];

export interface WebhookOptions {
  url: string;
  now: () => number;
  timeoutMs?: number;
}

export function createWebhookProvider(options: WebhookOptions): NotificationProvider {
  const url = new URL(options.url);
  const poster = new HttpPoster(options.now, GONE, options.timeoutMs);
  return {
    name: 'webhook',
    read(given) {
      const { token } = given;
      if (typeof token !== 'string' || token === '') return 'token must be a text that the webhook knows the device by';
      if (Buffer.byteLength(token) > TOKEN_MOST_BYTES) return `token must have at most ${TOKEN_MOST_BYTES} bytes`;
      return { provider: 'webhook', token };
    },
    async send(notification: Notification, target: Target): Promise<HandOffResult> {
      if (target.provider !== 'webhook') return { outcome: 'refused', reason: 'registered with another provider' };
      const body = Buffer.from(JSON.stringify({ ...notification, token: target.token }));
      return poster.post(
        url,
        {
          'content-type': 'application/json',
          'content-length': body.length,
          'user-agent': 'plimsoll',
          'idempotency-key': notification.id,
        },
        body,
      );
    },
    close: () => poster.close(),
  };
}
