/**
 * Who carries a notification to a device that is not connected: the seam. A provider reads what a device registered
 * with, and makes one attempt at a time; when to try again is the notifier's business.
 *
 * Guarantees that every implementation keeps (provider.suite.ts checks them):
 * - `send` never rejects, ends within its own time limit, follows no redirect and reads a bounded part of the answer.
 * - `accepted` only after a 2xx answer.
 * - Every attempt for one notification carries the same `notification.id`, where the receiver can tell repeats by it.
 * - No reason holds a token, a key or the path of an endpoint, for it goes to the log.
 */

/** What a device is told: that there is something, and where to read on. Never the body of a message. */
export interface Notification {
  /** 32 characters of URL-safe Base64, the same in every attempt. */
  id: string;
  user: string;
  device: string;
  /** Messages received in `firstSeq`–`lastSeq`; more than COUNT_MOST are told as COUNT_MOST. */
  count: number;
  /** Who wrote the last one. */
  from: string;
  /** The group it was written to, if it was. */
  group?: string;
  /** Places in the user's timeline. */
  firstSeq: number;
  lastSeq: number;
  /** When the last one was sent, ms since the epoch. */
  time: number;
}

export const PROVIDER_NAMES = ['web-push', 'webhook'] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** What a device registers with, as it is stored. */
export type Target =
  | { provider: 'web-push'; subscription: { endpoint: string; keys: { p256dh: string; auth: string } } }
  | { provider: 'webhook'; token: string };

/**
 * `retry`: perhaps later, at the earliest after `retryAfterMs` (0: not said); `untaken`: this attempt certainly did not
 * reach the device. `gone`: the registration is void, forget it. `refused`: no attempt can succeed.
 */
export type HandOffResult =
  | { outcome: 'accepted' }
  | { outcome: 'retry'; reason: string; retryAfterMs: number; untaken: boolean }
  | { outcome: 'gone'; reason: string }
  | { outcome: 'refused'; reason: string };

export interface NotificationProvider {
  readonly name: ProviderName;
  /** Reads what a client gave; a text says what is wrong with it. */
  read(given: Record<string, unknown>): Target | string;
  send(notification: Notification, target: Target): Promise<HandOffResult>;
  /** Ends attempts under way; they count as `retry`. */
  close(): void;
}

/** The providers that are configured, by name, and what a browser subscribes with. */
export interface NotificationProviders {
  byName: Map<ProviderName, NotificationProvider>;
  /** VAPID public key, URL-safe Base64; null: no Web Push. */
  publicKey: string | null;
}

export const NO_PROVIDERS: NotificationProviders = { byName: new Map(), publicKey: null };
