/** Which providers a node has, by its settings; and what is wrong with those, before anything is started. */
import { createECDH } from 'node:crypto';
import type { NodeSettings } from '../config.ts';
import type { NotificationProviders } from './provider.ts';
import { pushHostProblem } from './push-endpoint.ts';

type NotificationSettings = NodeSettings['notifications'];

/** Loads what is configured and nothing else. */
export async function openProviders(settings: NotificationSettings, now: () => number): Promise<NotificationProviders> {
  const providers: NotificationProviders = { byName: new Map(), publicKey: settings.vapid?.publicKey ?? null };
  if (settings.webhookUrl !== null) {
    const { createWebhookProvider } = await import('./provider-webhook.ts');
    providers.byName.set('webhook', createWebhookProvider({ url: settings.webhookUrl, now }));
  }
  if (settings.vapid !== null) {
    const { createWebPushProvider } = await import('./provider-web-push.ts');
    const { vapid, pushHosts } = settings;
    providers.byName.set('web-push', await createWebPushProvider({ vapid, pushHosts, now }));
  }
  return providers;
}

/** One sentence about what can't work, or null. Never quotes a key. */
export function notificationsProblem(settings: NotificationSettings): string | null {
  const { webhookUrl, vapid, pushHosts } = settings;
  if (webhookUrl !== null && !/^https?:$/.test(URL.canParse(webhookUrl) ? new URL(webhookUrl).protocol : '')) {
    return `The webhook for notifications must be an http or https URL, not "${webhookUrl}".`;
  }
  for (const host of pushHosts) {
    const problem = pushHostProblem(host);
    if (problem !== null) return `The list of push hosts: ${problem}.`;
  }
  if (vapid === null) return null;
  const protocol = URL.canParse(vapid.subject) ? new URL(vapid.subject).protocol : '';
  if (protocol !== 'https:' && protocol !== 'mailto:') {
    return `The VAPID subject must be a mailto: or https: URL by which push services can reach you, not "${vapid.subject}".`;
  }
  if (publicKeyOf(vapid.privateKey) !== vapid.publicKey) {
    return 'The VAPID keys are not a pair: make one with "npx web-push generate-vapid-keys".';
  }
  return null;
}

/** The public key of a private one, URL-safe Base64; null if that is none. */
function publicKeyOf(privateKey: string): string | null {
  const bytes = Buffer.from(privateKey, 'base64url');
  if (bytes.length !== 32 || !/^[\w-]+$/.test(privateKey)) return null;
  try {
    const curve = createECDH('prime256v1');
    curve.setPrivateKey(bytes);
    return curve.getPublicKey('base64url');
  } catch {
    return null;
  }
}
