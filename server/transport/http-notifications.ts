/** Notifications over HTTP: a device registers, asks how far it was told, and ends it. */
import type { Volume } from '../messenger/volume.ts';
import { type NotificationProviders, PROVIDER_NAMES } from '../notifications/provider.ts';
import { DEVICES_MOST, type Registration } from '../notifications/registrations.ts';
import { ERRORS } from '../protocol/errors.ts';
import {
  type Access,
  authenticatedUser,
  deviceId,
  fromStore,
  loadUser,
  refuseWhileDraining,
  volumeOf,
} from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import { HttpProblem, problemOf } from './http-problem.ts';
import type { HttpCall } from './http-request.ts';

/** Fits every registration that is allowed. */
const BODY_MOST_BYTES = 8_192;
const RETRY_AFTER_MS = 1_000;

export function serveNotifications(api: HttpApi, access: Access, providers: NotificationProviders): void {
  api.get('/v1/notifications/key', (call) => {
    if (providers.publicKey === null) throw notConfigured('web-push');
    call.reply(200, { publicKey: providers.publicKey });
  });

  api.put('/v1/notifications', async (call) => {
    const name = authenticatedUser(call, access);
    const volume = volumeOf(call, access, 'user', name);
    const device = deviceOf(call);
    const given = await call.json(BODY_MOST_BYTES);
    const provider = PROVIDER_NAMES.find((candidate) => candidate === given.provider);
    if (provider === undefined) throw new HttpProblem(400, `provider must be ${PROVIDER_NAMES.join(' or ')}`);
    const target = (providers.byName.get(provider) ?? refuse(notConfigured(provider))).read(given);
    if (typeof target === 'string') throw new HttpProblem(400, target);
    refuseWrites(volume);
    const user = await loadUser(volume, name);
    const now = volume.options.now();
    const registration = await fromStore(volume.notifier.registrations.register(user, device, target, now));
    if (registration === null) {
      throw new HttpProblem(409, `a user may register ${DEVICES_MOST} devices; remove one of the others first`);
    }
    call.reply(200, { user: name, ...shown(registration) });
  });

  api.get('/v1/notifications', async (call) => {
    const name = authenticatedUser(call, access);
    const volume = volumeOf(call, access, 'user', name);
    const device = call.query.has('device') ? deviceOf(call) : null;
    const user = await loadUser(volume, name);
    const registrations = await fromStore(volume.notifier.registrations.list(user));
    if (device === null) {
      call.reply(200, { user: name, devices: registrations.map(shown) });
      return;
    }
    const registration = registrations.find((candidate) => candidate.device === device) ?? refuse(notRegistered());
    call.reply(200, { user: name, ...shown(registration) });
  });

  api.delete('/v1/notifications', async (call) => {
    const name = authenticatedUser(call, access);
    const volume = volumeOf(call, access, 'user', name);
    const device = deviceOf(call);
    refuseWrites(volume);
    const user = await loadUser(volume, name);
    if (!(await fromStore(volume.notifier.unregister(user, device)))) throw notRegistered();
    call.reply(200, { user: name, device });
  });
}

function deviceOf(call: HttpCall): string {
  return deviceId(call.query.text('device') || 'default');
}

/** What a client is told of a registration: nothing by which a notification could be sent in the server's place. */
function shown({ device, target, registeredAt, claimedUpTo, notifiedUpTo }: Registration): object {
  const endpoint = target.provider === 'web-push' ? { endpoint: target.subscription.endpoint } : {};
  return { device, provider: target.provider, ...endpoint, registeredAt, claimedUpTo, notifiedUpTo };
}

function refuseWrites(volume: Volume): void {
  refuseWhileDraining(volume);
  if (!volume.commit.healthy) throw problemOf(ERRORS.tryLater, RETRY_AFTER_MS);
}

function notConfigured(provider: string): HttpProblem {
  return new HttpProblem(400, `this server has no ${provider} notifications`);
}

function notRegistered(): HttpProblem {
  return new HttpProblem(404, 'this device is not registered for notifications');
}

function refuse(problem: HttpProblem): never {
  throw problem;
}
