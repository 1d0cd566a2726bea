/**
 * A shard process: one uWebSockets.js app and the volumes it owns. Started by the supervisor, which it tells when it
 * listens and, once a second, how it is; it drains and ends when told to, or when the supervisor is gone.
 */

import uWS from 'uWebSockets.js';
import { join } from 'node:path';
import { openLocalBus } from './bus/bus-local.ts';
import type { ShardConfig } from './config.ts';
import { NEVER_REVOKED } from './messenger/revocations.ts';
import { NOTHING_COUNTED, type Volume } from './messenger/volume.ts';
import { openProviders } from './notifications/providers.ts';
import { CLOSES } from './protocol/errors.ts';
import { logicalShard } from './shard-map.ts';
import { type OpenFailure, ShardVolumes } from './shard-volumes.ts';
import { ProcessMeter, type ShardStats } from './stats.ts';
import { storeHealth } from './store-health.ts';
import { createAuthenticator } from './transport/authentication.ts';
import { ConnectionOutbox } from './transport/connection.ts';
import { ConnectionWatch } from './transport/connection-watch.ts';
import { serveAdministration } from './transport/http-admin.ts';
import { HttpApi, serveUpgradeHint } from './transport/http-api.ts';
import { serveGroupMembers } from './transport/http-group-members.ts';
import { serveGroups } from './transport/http-groups.ts';
import { serveHistory } from './transport/http-history.ts';
import { serveMessages } from './transport/http-messages.ts';
import { serveNotifications } from './transport/http-notifications.ts';
import { servePolls } from './transport/http-poll.ts';
import { servePresence } from './transport/http-presence.ts';
import { serveReceipts } from './transport/http-receipts.ts';
import { limitAddresses } from './transport/limited-app.ts';
import { listen } from './transport/listen.ts';
import { SHARD_PATHS } from './transport/openapi.ts';
import { hostName, type Route, serveWebSockets } from './transport/websocket.ts';

/** Connections closed per turn while draining, so that a drain of many does not stall those still served. */
const CLOSES_PER_TURN = 500;

export interface Shard {
  port: number;
  /** The volumes it could not open at its start; it serves the others. */
  failures: OpenFailure[];
  stats(): ShardStats;
  /** Ports of all processes, and which of them serves which volume (−1: none now): where clients are sent. */
  setOwners(ports: number[], table: number[]): void;
  /** Takes over a volume while running; returns why not, or null. Those it has are not disturbed. */
  adopt(volume: number): Promise<OpenFailure | null>;
  /** Gives a volume up: its clients are sent away, and its store is closed when this resolves with true (ShardVolumes). */
  release(volume: number): Promise<boolean>;
  drain(): Promise<void>;
}

export async function startShard(config: ShardConfig, log: (message: string) => void): Promise<Shard> {
  const paths = Array.from({ length: config.processes }, (_, peer) => busPath(config.busDirectory, peer));
  const bus = await openLocalBus({ process: config.index, paths, owners: [] });
  const providers = await openProviders(config.settings.notifications, Date.now);
  const owned = new ShardVolumes(config, bus, providers, log);
  const { open: volumes, table } = owned;
  const failures = await owned.openAll(config.own);
  bus.onMessage((from, to, kind, payload) => volumes.get(to)?.onBusMessage(from, kind, payload));
  bus.onUp((to) => {
    for (const volume of volumes.values()) volume.onBusUp(to);
  });

  let ports: number[] = [];
  let owners: number[] = [];
  const route: Route = (user, host) => {
    const volume = table[logicalShard(user)]!;
    const own = volumes.get(volume);
    if (own !== undefined) return own.draining ? '' : own;
    const owner = owners[volume] ?? -1;
    if (owner < 0 || owner === config.index) return '';
    return `ws://${config.publicHost ?? hostName(host, config.host)}:${ports[owner]}`;
  };
  const app = uWS.App();
  const addresses = limitAddresses(app, config.settings.addressRate, Date.now);
  const authenticator = createAuthenticator({
    secret: config.authSecret,
    now: Date.now,
    revokedUpTo: (user) => volumes.get(table[logicalShard(user)]!)?.revocations.upTo(user) ?? NEVER_REVOKED,
  });
  const watch = new ConnectionWatch({ writeDeadlineSeconds: config.settings.writeDeadlineSeconds, now: Date.now });
  const outbox = new ConnectionOutbox({ maxBacklogBytes: config.maxBacklogBytes }, watch);
  const sockets = serveWebSockets(app, {
    authenticator,
    route,
    outbox,
    idleTimeoutSeconds: config.idleTimeoutSeconds,
    maxBodyBytes: config.maxBodyBytes,
    now: Date.now,
    log,
  });
  const api = new HttpApi(app, { paths: SHARD_PATHS, log });
  const access = { authenticator, route };
  serveUpgradeHint(api);
  serveMessages(api, access, config.maxBodyBytes);
  const polls = servePolls(api, access, { settings: config.settings, now: Date.now });
  serveReceipts(api, access);
  servePresence(api, access);
  serveHistory(api, access);
  serveGroups(api, access);
  serveGroupMembers(api, access);
  serveAdministration(api, access, Date.now);
  serveNotifications(api, access, providers);
  api.finish();
  const listening = await listen(app, [config.host, ...config.extraHosts], config.port);

  const meter = new ProcessMeter();
  return {
    port: listening.port,
    failures,
    setOwners(newPorts, newOwners) {
      ports = newPorts;
      owners = newOwners;
      owned.setOwners(newOwners);
    },
    adopt: (volume) => owned.adopt(volume),
    release: (volume) => owned.release(volume),
    stats: () => ({
      ...meter.read(),
      polling: polls.size,
      connections: sockets.counts.connections,
      connectionsOpened: sockets.counts.opened,
      connectionsClosed: sockets.counts.closed,
      slowConsumers: outbox.closes[CLOSES.slowConsumer.name]!,
      closes: outbox.closes,
      addressLimited: addresses.refused,
      malformed: sockets.counts.malformed,
      unauthorised: sockets.counts.unauthorised,
      redirected: sockets.counts.redirected,
      users: sum(volumes, (volume) => volume.users.size),
      presenceSubscriptions: sum(volumes, (volume) => volume.presence.subscriptions),
      presenceWatched: sum(volumes, (volume) => volume.presence.watchedUsers),
      commits: owned.gone.commits + sum(volumes, (volume) => volume.commit.commits),
      commitFailures: owned.gone.commitFailures + sum(volumes, (volume) => volume.commit.failures),
      unconfirmed: sum(volumes, (volume) => volume.forwarding.unconfirmed + volume.groups.fanout.unconfirmed),
      healthy: [...volumes.values()].every((volume) => volume.commit.state === 'closed'),
      store: storeHealth(volumes.values()),
      messages: owned.counters() ?? NOTHING_COUNTED,
      notifications: owned.notifications(),
    }),
    async drain() {
      listening.stop();
      watch.stop();
      for (const volume of volumes.values()) volume.draining = true;
      polls.closeAll();
      let closed = 0;
      for (const connection of sockets.all) {
        connection.close(CLOSES.goingAway);
        if (++closed % CLOSES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await owned.close();
      for (const provider of providers.byName.values()) provider.close();
      await bus.close();
      meter.stop();
    },
  };
}

function busPath(directory: string, index: number): string {
  return join(directory, `shard-${index}.sock`);
}

function sum(volumes: Map<number, Volume>, read: (volume: Volume) => number): number {
  let total = 0;
  for (const volume of volumes.values()) total += read(volume);
  return total;
}
