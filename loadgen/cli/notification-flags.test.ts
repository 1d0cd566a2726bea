import { describe, expect, it } from 'vitest';
import { UsageError } from './exit-codes.ts';
import { readNotifications } from './notification-flags.ts';

const KEYS = { PLIMSOLL_VAPID_PUBLIC_KEY: 'pub', PLIMSOLL_VAPID_PRIVATE_KEY: 'priv' };

describe('notification flags', () => {
  it('change nothing when none is given', () => {
    expect(readNotifications({}, {})).toEqual({});
  });

  it('become settings', () => {
    const flags = { notifyWebhook: 'http://h/', vapidSubject: 'mailto:a@b.c', pushHosts: 'a.example, *.b.example,' };
    expect(readNotifications(flags, KEYS)).toEqual({
      webhookUrl: 'http://h/',
      vapid: { subject: 'mailto:a@b.c', publicKey: 'pub', privateKey: 'priv' },
      pushHosts: ['a.example', '*.b.example'],
    });
  });

  it.each([
    [{ vapidSubject: 'mailto:a@b.c' }, {}],
    [{}, KEYS],
    [{ vapidSubject: 'mailto:a@b.c' }, { PLIMSOLL_VAPID_PUBLIC_KEY: 'pub' }],
    [{ vapidSubject: 'mailto:a@b.c' }, { PLIMSOLL_VAPID_PRIVATE_KEY: 'priv' }],
  ])('are refused when half of Web Push is missing: %j %j', (flags, environment) => {
    expect(() => readNotifications(flags, environment)).toThrow(UsageError);
    expect(() => readNotifications(flags, environment)).toThrow(/generate-vapid-keys/);
  });
});
