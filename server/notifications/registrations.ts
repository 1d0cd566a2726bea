/**
 * The devices that a user has registered for notifications: one row each (property 4 of the user), which also says up to
 * where the device was told, and one row per user that has any (property 7), by which they are found again after a
 * restart. Whatever changes a user's rows takes its turn, so that none writes over what another has written.
 */
import type { UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { NOTIFIED_OWNER, PROPERTY, VOLUME_SHARD } from '../store/properties.ts';
import type { Target } from './provider.ts';

/** Of one user. */
export const DEVICES_MOST = 16;

export interface Registration {
  device: string;
  target: Target;
  /** ms since the epoch. */
  registeredAt: number;
  /** No message up to this place in the timeline is told to the device again. */
  claimedUpTo: number;
  /** The provider has accepted a notification of everything up to here. Behind `claimedUpTo` while one is under way. */
  notifiedUpTo: number;
}

export interface Change<Result> {
  put?: Registration[];
  remove?: string[];
  result: Result;
  /** Called once it is durable, still in turn. */
  committed?: () => void;
}

type UserKey = Pick<UserState, 'name' | 'shard'>;

export class Registrations {
  /** False while it is known that no user of the volume has a registration. */
  any = false;
  #volume: Volume;
  /** Ends of the turns of users whose rows are being changed. */
  #turns = new Map<string, Promise<void>>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  async restore(): Promise<void> {
    this.any = (await this.users(undefined, 1)).length > 0;
  }

  /** Users with registrations, in order, after `after`. */
  async users(after: string | undefined, limit: number): Promise<string[]> {
    const query = after === undefined ? { limit } : { after, limit };
    const rows = await this.#volume.store.properties(VOLUME_SHARD, NOTIFIED_OWNER, PROPERTY.notifiedUser, query);
    return rows.map(({ name }) => name);
  }

  /** From the next message on. Null when the user has as many as are allowed. A device that registers again is not told twice. */
  register(user: UserState, device: string, target: Target, now: number): Promise<Registration | null> {
    return this.change(user, async (registrations) => {
      const before = registrations.find((candidate) => candidate.device === device);
      if (before === undefined && registrations.length >= DEVICES_MOST) return { result: null };
      const upTo = user.committed;
      const registration = { claimedUpTo: upTo, notifiedUpTo: upTo, ...before, device, target, registeredAt: now };
      return { put: [registration], result: registration };
    });
  }

  list(user: UserKey): Promise<Registration[]> {
    return this.change(user, async (registrations) => ({ result: registrations }));
  }

  /**
   * Reads the user's registrations, and writes what `decide` makes of them, in one commit. Resolves with its result once
   * that is durable. Rejects when the store can't be read.
   */
  change<Result>(user: UserKey, decide: (registrations: Registration[]) => Promise<Change<Result>>): Promise<Result> {
    return this.#inTurn(user.name, async () => {
      const before = await this.#read(user);
      const change = await decide(before);
      const devices = new Set(before.map(({ device }) => device));
      for (const { device } of change.put ?? []) devices.add(device);
      for (const device of change.remove ?? []) devices.delete(device);
      if (change.put?.length || change.remove?.length) await this.#write(user, change, before.length, devices.size);
      if (devices.size > 0) this.any = true;
      const state = this.#volume.users.peek(user.name);
      if (state !== undefined) state.pushDevices = devices.size;
      change.committed?.();
      return change.result;
    });
  }

  async #read(user: UserKey): Promise<Registration[]> {
    const rows = await this.#volume.store.properties(user.shard, user.name, PROPERTY.notificationDevice);
    return rows.map(({ name, value }) => ({ device: name, ...JSON.parse(value.toString()) }));
  }

  #write(user: UserKey, change: Change<unknown>, countBefore: number, countAfter: number): Promise<void> {
    const { store, effects } = this.#volume.commit.current();
    for (const { device, ...row } of change.put ?? []) {
      const value = Buffer.from(JSON.stringify(row));
      store.putProperty(user.shard, user.name, PROPERTY.notificationDevice, device, value);
    }
    for (const device of change.remove ?? []) {
      store.deleteProperty(user.shard, user.name, PROPERTY.notificationDevice, device);
    }
    const row = [VOLUME_SHARD, NOTIFIED_OWNER, PROPERTY.notifiedUser, user.name] as const;
    if (countBefore === 0 && countAfter > 0) store.putProperty(...row, Buffer.alloc(0));
    if (countBefore > 0 && countAfter === 0) store.deleteProperty(...row);
    return new Promise((resolve) => effects.push({ apply: resolve }));
  }

  async #inTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const mine = (this.#turns.get(name) ?? Promise.resolve()).then(work);
    const end = mine.then(
      () => {},
      () => {},
    );
    this.#turns.set(name, end);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(name) === end) this.#turns.delete(name);
    }
  }
}
