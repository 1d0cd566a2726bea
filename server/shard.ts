/**
 * A shard process: one uWebSockets.js app and the volumes it owns. Started by the supervisor, which it tells when it
 * listens and, once a second, how it is; it drains and ends when told to, or when the supervisor is gone.
 */

import uWS from 'uWebSockets.js';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from './bus/bus.ts';
import { openLocalBus } from './bus/bus-local.ts';
import { SERVER_DEFAULTS, type ShardConfig } from './config.ts';
import { NEVER_REVOKED } from './messenger/revocations.ts';
import { Volume, type VolumeCounters } from './messenger/volume.ts';
import { CLOSES } from './protocol/errors.ts';
import { logicalShard, volumesOfProcess, volumeTable } from './shard-map.ts';
import { ProcessMeter, type ShardStats } from './stats.ts';
import type { MessageStore } from './store/message-store.ts';
import { createAuthenticator } from './transport/authentication.ts';
import { ConnectionOutbox } from './transport/connection.ts';
import { ConnectionWatch } from './transport/connection-watch.ts';
import { HttpApi, serveUpgradeHint } from './transport/http-api.ts';
import { serveHistory } from './transport/http-history.ts';
import { serveMessages } from './transport/http-messages.ts';
import { servePolls } from './transport/http-poll.ts';
import { limitAddresses } from './transport/limited-app.ts';
import { listen } from './transport/listen.ts';
import { SHARD_PATHS } from './transport/openapi.ts';
import { hostName, type Route, serveWebSockets } from './transport/websocket.ts';

/** Connections closed per turn while draining, so that a drain of many does not stall those still served. */
const CLOSES_PER_TURN = 500;

export interface Shard {
  port: number;
  stats(): ShardStats;
  /** Ports of all processes, where clients of their users are sent; changes when one comes back elsewhere. */
  setOwners(ports: number[]): void;
  drain(): Promise<void>;
}

export async function startShard(config: ShardConfig, log: (message: string) => void): Promise<Shard> {
  const table = volumeTable(config.volumes);
  const own = volumesOfProcess(config.index, config.processes, config.volumes);
  const bus = await openLocalBus({
    path: busPath(config.busDirectory, config.index),
    own,
    peers: Array.from({ length: config.processes }, (_, peer) => ({
      path: busPath(config.busDirectory, peer),
      volumes: volumesOfProcess(peer, config.processes, config.volumes),
    })).filter((_, peer) => peer !== config.index),
  });
  const volumes = await openVolumes(config, own, table, bus, log);
  bus.onMessage((from, to, kind, payload) => volumes.get(to)?.onBusMessage(from, kind, payload));
  bus.onUp((to) => {
    for (const volume of volumes.values()) volume.onBusUp(to);
  });

  let owners: number[] = [];
  const route: Route = (user, host) => {
    const volume = table[logicalShard(user)]!;
    const own = volumes.get(volume);
    if (own !== undefined) return own;
    const port = owners[volume % config.processes];
    return port === undefined ? '' : `ws://${config.publicHost ?? hostName(host, config.host)}:${port}`;
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
  serveHistory(api, access);
  api.finish();
  const listening = await listen(app, [config.host, ...config.extraHosts], config.port);

  const meter = new ProcessMeter();
  return {
    port: listening.port,
    setOwners(ports) {
      owners = ports;
    },
    stats: () => ({
      ...meter.read(),
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
      commits: sum(volumes, (volume) => volume.commit.commits),
      commitFailures: sum(volumes, (volume) => volume.commit.failures),
      unconfirmed: sum(volumes, (volume) => volume.forwarding.unconfirmed),
      healthy: [...volumes.values()].every((volume) => volume.commit.healthy),
      messages: addCounters([...volumes.values()].map((volume) => volume.counters)),
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
      await Promise.all([...volumes.values()].map((volume) => volume.close(SERVER_DEFAULTS.drainTimeoutMs)));
      await bus.close();
      meter.stop();
    },
  };
}

async function openVolumes(
  config: ShardConfig,
  own: number[],
  table: Uint16Array,
  bus: Bus,
  log: (message: string) => void,
): Promise<Map<number, Volume>> {
  const volumes = new Map<number, Volume>();
  for (const id of own) {
    const store = await openStore(config, id);
    const volume = await Volume.open({
      id,
      store,
      bus,
      table,
      maxBodyBytes: config.maxBodyBytes,
      outboxMemoryBytes: SERVER_DEFAULTS.outboxMemoryBytes,
      settings: config.settings,
      now: Date.now,
      log,
    });
    volumes.set(id, volume);
  }
  return volumes;
}

async function openStore(config: ShardConfig, volume: number): Promise<MessageStore> {
  if (config.store.kind === 'memory') {
    const { openMemoryStore } = await import('./store/message-store-memory.ts');
    return openMemoryStore();
  }
  const { openLevelStore } = await import('./store/message-store-leveldb.ts');
  const directory = join(config.store.directory, `volume-${volume}`);
  mkdirSync(directory, { recursive: true });
  return openLevelStore({ directory, durability: config.durability });
}

function busPath(directory: string, index: number): string {
  return join(directory, `shard-${index}.sock`);
}

function sum(volumes: Map<number, Volume>, read: (volume: Volume) => number): number {
  let total = 0;
  for (const volume of volumes.values()) total += read(volume);
  return total;
}

function addCounters(all: VolumeCounters[]): VolumeCounters {
  const total = { ...all[0]! };
  for (const counters of all.slice(1)) {
    for (const name of Object.keys(total) as Array<keyof VolumeCounters>) total[name] += counters[name];
  }
  return total;
}
