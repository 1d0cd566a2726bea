/** The flags of `serve` that say where notifications go. Keys come by the environment: arguments can be read by every user. */
import type { Options } from 'yargs';
import { UsageError } from './exit-codes.ts';
import { withEnvironment } from './flags.ts';

export const NOTIFICATION_FLAGS = withEnvironment({
  'notify-webhook': { type: 'string', describe: 'URL that notifications for offline users are posted to' },
  'vapid-subject': {
    type: 'string',
    describe: 'mailto: or https: URL to reach you by; turns Web Push on, with keys in PLIMSOLL_VAPID_…_KEY',
  },
  'push-hosts': {
    type: 'string',
    describe: 'push services that browsers may name, with commas (default: those of the common browsers)',
  },
} as const satisfies Record<string, Options>);

export interface NotificationChoices {
  webhookUrl?: string;
  vapid?: { subject: string; publicKey: string; privateKey: string };
  pushHosts?: string[];
}

/** What differs from the node's defaults. Whether it can work is for the node to say. */
export function readNotifications(
  flags: { notifyWebhook?: string | undefined; vapidSubject?: string | undefined; pushHosts?: string | undefined },
  environment: NodeJS.ProcessEnv,
): NotificationChoices {
  const choices: NotificationChoices = {};
  if (flags.notifyWebhook) choices.webhookUrl = flags.notifyWebhook;
  if (flags.pushHosts !== undefined) {
    choices.pushHosts = flags.pushHosts
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== '');
  }
  const publicKey = environment.PLIMSOLL_VAPID_PUBLIC_KEY ?? '';
  const privateKey = environment.PLIMSOLL_VAPID_PRIVATE_KEY ?? '';
  const subject = flags.vapidSubject ?? '';
  if (subject === '' && publicKey === '' && privateKey === '') return choices;
  if (subject === '' || publicKey === '' || privateKey === '') {
    throw new UsageError(
      'Web Push needs --vapid-subject, PLIMSOLL_VAPID_PUBLIC_KEY and PLIMSOLL_VAPID_PRIVATE_KEY together; ' +
        '"npx web-push generate-vapid-keys" makes the two keys',
    );
  }
  choices.vapid = { subject, publicKey, privateKey };
  return choices;
}
