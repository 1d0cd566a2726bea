/**
 * The volumes that a shard process has open. They come at its start, or later when they are handed over (`adopt`), and go
 * when they are handed on (`release`); one that can't be opened disturbs none of the others.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from './bus/bus.ts';
import { SERVER_DEFAULTS, type ShardConfig } from './config.ts';
import { Volume, type VolumeCounters } from './messenger/volume.ts';
import { NO_NOTIFICATIONS, type NotificationCounters } from './notifications/notifier.ts';
import type { NotificationProviders } from './notifications/provider.ts';
import { CLOSES } from './protocol/errors.ts';
import { volumeTable } from './shard-map.ts';
import { DeadLetterLog } from './store/dead-letters.ts';
import type { MessageStore } from './store/message-store.ts';

/** Devices closed per turn, so that closing many does not stall those still served. */
const CLOSES_PER_TURN = 500;

/** Why a volume could not be opened. */
export interface OpenFailure {
  volume: number;
  message: string;
  code: string;
}

export class ShardVolumes {
  /** By volume. One that is being handed on is still here, `draining`, until it is closed. */
  readonly open = new Map<number, Volume>();
  /** Volume of each logical shard. */
  readonly table: Uint16Array;
  /** What volumes that have been handed on had counted, so that sums never go back. */
  readonly gone: {
    commits: number;
    commitFailures: number;
    messages: VolumeCounters | null;
    notifications: NotificationCounters | null;
  } = {
    commits: 0,
    commitFailures: 0,
    messages: null,
    notifications: null,
  };
  #config: ShardConfig;
  #bus: Bus;
  #providers: NotificationProviders;
  #log: (message: string) => void;
  #opening = new Set<Promise<void>>();
  #closing = false;

  constructor(config: ShardConfig, bus: Bus, providers: NotificationProviders, log: (message: string) => void) {
    this.#config = config;
    this.#bus = bus;
    this.#providers = providers;
    this.#log = log;
    this.table = volumeTable(config.volumes);
  }

  /** Opens what the process starts with; returns what could not be opened. */
  async openAll(own: readonly number[]): Promise<OpenFailure[]> {
    const failures: OpenFailure[] = [];
    for (const id of own) {
      try {
        this.open.set(id, await this.#openVolume(id));
        this.#bus.assign(id, this.#config.index);
      } catch (error) {
        failures.push(failureOf(id, error));
      }
    }
    return failures;
  }

  /** Opens a volume and begins to serve it; returns why not, or null. */
  async adopt(id: number): Promise<OpenFailure | null> {
    if (this.open.has(id)) return null;
    const opening = this.#openVolume(id);
    const settled = opening.then(
      () => {},
      () => {},
    );
    this.#opening.add(settled);
    try {
      const volume = await opening;
      if (this.#closing) {
        await volume.close(0);
        throw new Error('the process is shutting down');
      }
      this.open.set(id, volume);
      // What an earlier life of this volume left goes out to all who can be reached; others come up later.
      for (let to = 0; to < this.#config.volumes; to++) if (to !== id && this.#bus.isUp(to)) volume.onBusUp(to);
      this.#bus.assign(id, this.#config.index);
      return null;
    } catch (error) {
      return failureOf(id, error);
    } finally {
      this.#opening.delete(settled);
    }
  }

  /**
   * Closes the volume's connections, then the volume: another process may open it once this resolves with true. With false
   * it is being closed already, because the process ends: its end is the sign.
   */
  async release(id: number): Promise<boolean> {
    const volume = this.open.get(id);
    if (volume === undefined) return true;
    if (volume.draining) return false;
    volume.draining = true;
    let closed = 0;
    for (const device of volume.users.devices()) {
      device.close(CLOSES.goingAway);
      if (++closed % CLOSES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await volume.close(SERVER_DEFAULTS.drainTimeoutMs);
    this.open.delete(id);
    this.#bus.assign(id, null);
    this.gone.commits += volume.commit.commits;
    this.gone.commitFailures += volume.commit.failures;
    this.gone.messages = addCounters([this.gone.messages, volume.counters]);
    this.gone.notifications = addCounters([this.gone.notifications, volume.notifier.counters]);
    return true;
  }

  /** Who serves which volume (−1: nobody now), as the supervisor says; of its own volumes this process knows best. */
  setOwners(owners: readonly number[]): void {
    const { index } = this.#config;
    for (const [volume, owner] of owners.entries()) {
      if (!this.open.has(volume)) this.#bus.assign(volume, owner < 0 || owner === index ? null : owner);
    }
  }

  /** Closes all; nothing is opened any more. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#opening);
    await Promise.all([...this.open.values()].map((volume) => volume.close(SERVER_DEFAULTS.drainTimeoutMs)));
  }

  counters(): VolumeCounters | null {
    return addCounters([this.gone.messages, ...[...this.open.values()].map((volume) => volume.counters)]);
  }

  notifications(): NotificationCounters {
    const open = [...this.open.values()].map((volume) => volume.notifier.counters);
    return addCounters([this.gone.notifications, ...open]) ?? NO_NOTIFICATIONS;
  }

  async #openVolume(id: number): Promise<Volume> {
    const config = this.#config;
    const store = await openStore(config, id);
    let deadLetters: DeadLetterLog | null = null;
    try {
      deadLetters = await openDeadLetters(config, id);
      return await Volume.open({
        id,
        store,
        deadLetters,
        bus: this.#bus,
        table: this.table,
        maxBodyBytes: config.maxBodyBytes,
        outboxMemoryBytes: SERVER_DEFAULTS.outboxMemoryBytes,
        settings: config.settings,
        providers: this.#providers,
        now: Date.now,
        log: this.#log,
      });
    } catch (error) {
      // It must not stay locked by a process that does not serve it.
      await store.close().catch(() => {});
      await deadLetters?.close().catch(() => {});
      throw error;
    }
  }
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

/** A memory store has no directory, so its letters go only where the settings say. */
async function openDeadLetters(config: ShardConfig, volume: number): Promise<DeadLetterLog | null> {
  const beside = config.store.kind === 'level' ? join(config.store.directory, 'dead-letters') : null;
  const directory = config.settings.deadLetterDirectory ?? beside;
  return directory === null ? null : DeadLetterLog.open({ directory, volume });
}

function failureOf(volume: number, error: unknown): OpenFailure {
  const { message, code } = error as Error & { code?: string };
  return { volume, message, code: code ?? '' };
}

/** The sum; null when there is nothing to add. */
function addCounters<Counters extends Record<keyof Counters, number>>(all: Array<Counters | null>): Counters | null {
  let total: Counters | null = null;
  for (const counters of all) {
    if (counters === null) continue;
    if (total === null) total = { ...counters };
    else {
      for (const name of Object.keys(total) as Array<keyof Counters>) {
        total[name] = (total[name] + counters[name]) as Counters[keyof Counters];
      }
    }
  }
  return total;
}
