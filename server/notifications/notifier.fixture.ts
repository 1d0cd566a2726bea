/** A provider without a network, and what a test asks of notifications in a simulation. */
import type { ChatSimulation } from '../testing/chat-simulation.ts';
import type { HandOffResult, Notification, NotificationProvider, NotificationProviders, Target } from './provider.ts';
import type { Registration } from './registrations.ts';

export const ACCEPTED: HandOffResult = { outcome: 'accepted' };
export const FAILED: HandOffResult = { outcome: 'retry', reason: 'h answered 500', retryAfterMs: 0, untaken: false };
export const NOT_NOW: HandOffResult = { outcome: 'retry', reason: 'h answered 503', retryAfterMs: 0, untaken: true };
export const GONE: HandOffResult = { outcome: 'gone', reason: 'h answered 410' };
export const REFUSED: HandOffResult = { outcome: 'refused', reason: 'h answered 403' };

/** Stands for both providers; remembers every attempt, and answers as a test says. */
export class SimulatedProvider implements NotificationProvider {
  readonly name = 'webhook';
  readonly attempts: Notification[] = [];
  readonly targets: Target[] = [];
  readonly accepted: Notification[] = [];
  /** Attempts that may have reached the device. */
  readonly told = new Set<Notification>();
  underWay = 0;
  mostUnderWay = 0;
  answer: (notification: Notification) => HandOffResult | Promise<HandOffResult> = () => ACCEPTED;

  get providers(): NotificationProviders {
    return { byName: new Map([[this.name, this]]), publicKey: null };
  }

  read(): string {
    return 'not read in simulations';
  }

  async send(notification: Notification, target: Target): Promise<HandOffResult> {
    // A copy: attempts for one notification are told apart.
    const attempt = { ...notification };
    this.attempts.push(attempt);
    this.told.add(attempt);
    this.targets.push(target);
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    const result = await this.answer(notification);
    this.underWay--;
    if (result.outcome === 'retry' && result.untaken) this.told.delete(attempt);
    if (result.outcome === 'accepted') this.accepted.push(notification);
    return result;
  }

  close(): void {}
}

/** Registers a device and waits until that is durable. */
export async function register(chat: ChatSimulation, name: string, device = 'phone'): Promise<void> {
  const volume = chat.volume(chat.volumeOf(name));
  const user = await volume.users.load(name);
  const target: Target = { provider: 'webhook', token: `${name}/${device}` };
  await volume.notifier.registrations.register(user, device, target, volume.options.now());
}

export async function registrationsOf(chat: ChatSimulation, name: string): Promise<Registration[]> {
  const volume = chat.volume(chat.volumeOf(name));
  return volume.notifier.registrations.list(await volume.users.load(name));
}
