/** The groups of an agent's users: made before the load by their owners, drawn from while it lasts. */
import { type Segment, segmentRange } from '../coordinator/segments.ts';
import { asDriverError } from '../drivers/target-driver.ts';
import { devicesOf } from '../population/devices.ts';
import { createGroupSenders, createGroups, type GroupPopulation } from '../population/groups.ts';
import { userName } from '../population/partners.ts';
import type { TrafficPlan } from '../population/plan.ts';
import type { Random } from '../random.ts';
import type { Connections } from './connections.ts';
import type { VirtualUser } from './virtual-user.ts';

/** Groups being made at the same time. */
const MAKING = 8;
/** An offline owner who comes to make a group is given up after so long. */
const OWNER_MOST_MS = 30_000;
/** Draws before a message is given up because those who were drawn are offline: enough where one in a hundred is online. */
const DRAWS = 500;

export class GroupLife {
  /** Groups that are not there, for their owners could not be connected. */
  missing = 0;
  #groups: GroupPopulation;
  #senders: ReturnType<typeof createGroupSenders>;
  #first: number;
  #end: number;
  #devices: number;
  #users: readonly VirtualUser[] = [];
  #receivers = new Map<number, number>();

  constructor(traffic: TrafficPlan, segment: Segment, seed: number) {
    const crowd = traffic.blocks[0]!.users;
    this.#groups = createGroups({ ...traffic.groups!, users: crowd, seed });
    const range = segmentRange(crowd, segment);
    this.#first = range.first;
    this.#end = range.end;
    this.#devices = traffic.devices;
    this.#senders = createGroupSenders(this.#groups, range);
  }

  /** At the server. */
  name(group: number): string {
    return this.#groups.nameOf(group);
  }

  /** Devices that receive what this member writes to the group. */
  receivers(group: number, sender: number): number {
    const { size } = this.#groups;
    if (this.#devices === 1) return size(group) - 1;
    let all = this.#receivers.get(group);
    if (all === undefined) {
      all = this.#groups.members(group).reduce((sum, user) => sum + devicesOf(user, this.#devices), 0);
      this.#receivers.set(group, all);
    }
    return all - devicesOf(sender, this.#devices);
  }

  /** A group and a member of it who is meant to be online, every membership as likely; null: hardly anybody is. */
  draw(random: Random): { group: number; user: VirtualUser } | null {
    for (let i = 0; i < DRAWS; i++) {
      const drawn = this.#senders.draw(random);
      if (drawn === null) return null;
      const user = this.#users[drawn.sender - this.#first]!;
      if (user.online) return { group: drawn.group, user };
    }
    return null;
  }

  /**
   * Make the groups whose owners are this agent's users; owners who are offline come for it and leave again.
   * Rejects with a DriverError that names the group.
   */
  async create(users: readonly VirtualUser[], connections: Connections): Promise<void> {
    this.#users = users;
    const byOwner = new Map<number, number[]>();
    for (let group = 0; group < this.#groups.count; group++) {
      const owner = this.#groups.ownerOf(group);
      if (owner < this.#first || owner >= this.#end) continue;
      const own = byOwner.get(owner);
      if (own === undefined) byOwner.set(owner, [group]);
      else own.push(group);
    }
    const owners = [...byOwner];
    let next = 0;
    const maker = async (): Promise<void> => {
      while (next < owners.length) {
        const [owner, groups] = owners[next++]!;
        await this.#makeAll(users[owner - this.#first]!, groups, connections);
      }
    };
    await Promise.all(Array.from({ length: MAKING }, maker));
  }

  async #makeAll(owner: VirtualUser, groups: readonly number[], connections: Connections): Promise<void> {
    const offline = !owner.online;
    if (offline) {
      owner.online = true;
      await connections.insist(owner, OWNER_MOST_MS);
    }
    try {
      for (const group of groups) await this.#make(owner, group);
    } finally {
      if (offline) {
        owner.online = false;
        connections.leave(owner);
      }
    }
  }

  async #make(owner: VirtualUser, group: number): Promise<void> {
    const members = this.#groups.members(group).filter((member) => member !== owner.index);
    const { connection } = owner;
    if (connection === null) {
      this.missing++;
      return;
    }
    try {
      await connection.createGroup!(this.name(group), members.map(userName));
    } catch (thrown) {
      const error = asDriverError(thrown);
      error.message = `the group ${this.name(group)} could not be made: ${error.message}`;
      throw error;
    }
  }
}
