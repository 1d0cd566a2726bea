/**
 * Who is meant to be connected: keeps each block's number of online users at what the plan says for the moment, and lets
 * sessions end and others begin at the plan's rate. It decides; connecting and leaving are the agent's.
 */
import type { Clock, Timer } from '../clock.ts';
import { type IndexRange, type Segment, segmentRange } from '../coordinator/segments.ts';
import { createFireTimes, segmentFireTimes } from '../pacing/fire-times.ts';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { stageValueAt } from '../pacing/stage-value.ts';
import { devicesOf } from '../population/devices.ts';
import { userName } from '../population/partners.ts';
import type { BlockPlan, TrafficPlan } from '../population/plan.ts';
import type { Random } from '../random.ts';
import { type LoadLoop, startLoadLoop } from './load-loop.ts';
import { newVirtualUser, type VirtualUser } from './virtual-user.ts';

export interface CrowdOptions {
  traffic: TrafficPlan;
  segment: Segment;
  clock: Clock;
  random: Random;
  /** The run's, not the agent's: turnover is one schedule, of which each agent has its share. */
  shared: Random;
  /** A session begins: connect all devices. */
  begin: (user: VirtualUser) => void;
  /** A session ends. */
  end: (user: VirtualUser) => void;
}

const FOLLOW_INTERVAL_MS = 50;

interface Block {
  plan: BlockPlan;
  /** This agent's users of the block. */
  range: IndexRange;
  /** First devices. Both lists are unordered; a user knows his place. */
  online: VirtualUser[];
  offline: VirtualUser[];
}

export class Crowd {
  /** First devices of this agent's users, by block, in order. */
  readonly users: readonly VirtualUser[];
  #options: CrowdOptions;
  #blocks: Block[];
  #timer: Timer | undefined;
  #turnovers: LoadLoop[] = [];

  constructor(options: CrowdOptions) {
    this.#options = options;
    const { traffic, segment, random } = options;
    const users: VirtualUser[] = [];
    this.#blocks = traffic.blocks.map((plan) => {
      const range = segmentRange(plan.users, segment);
      const own: VirtualUser[] = [];
      for (let i = range.first; i < range.end; i++) own.push(createUser(plan.first + i, traffic.devices));
      users.push(...own);
      const block: Block = { plan, range, online: [], offline: [] };
      const wanted = wantedOf(plan, range, 0);
      // Anybody may be online first; where all are, their order stays.
      const order = wanted === own.length ? own : shuffled(own, random.fork(`online ${plan.name}`));
      order.forEach((user, index) => {
        put(index < wanted ? block.online : block.offline, user);
        for (const device of [user, ...user.others]) device.online = index < wanted;
      });
      return block;
    });
    this.users = users;
  }

  /** Users who are to be online when the load begins. */
  initial(): VirtualUser[] {
    return this.#blocks.flatMap(({ online }) => online);
  }

  /** Users who are meant to be offline now. */
  offline(): VirtualUser[] {
    return this.#blocks.flatMap(({ offline }) => offline);
  }

  /** Devices that are connected now. */
  connected(): VirtualUser[] {
    return this.users.flatMap((user) => [user, ...user.others]).filter(({ connection }) => connection !== null);
  }

  /** Somebody of a block who is meant to be online; undefined: nobody is. */
  pick(block: number, random: Random): VirtualUser | undefined {
    const { online } = this.#blocks[block]!;
    return online.length === 0 ? undefined : online[random.integer(online.length)];
  }

  /** All of a block, online or not. */
  ofBlock(block: number): VirtualUser[] {
    const { online, offline } = this.#blocks[block]!;
    return [...online, ...offline];
  }

  /** Follow the plan until `endMs` on the clock; the load begins at `startMs`. */
  start(startMs: number, endMs: number): void {
    const { clock, shared, segment, random } = this.#options;
    const moving = this.#blocks.filter(({ plan }) => plan.online !== null);
    if (moving.length > 0) {
      this.#timer = clock.every(FOLLOW_INTERVAL_MS, () => {
        const nowMs = clock.nowMs();
        if (nowMs < startMs || nowMs >= endMs) return;
        for (const block of moving) this.#follow(block, nowMs - startMs);
      });
    }
    for (const block of this.#blocks) {
      const { turnover, name } = block.plan;
      if (turnover.length === 0) continue;
      const whole = createFireTimes(createRateCurve(turnover), 'poisson', shared.fork(`turnover ${name}`));
      const pick = random.fork(`turnover ${name}`);
      this.#turnovers.push(
        startLoadLoop({
          clock,
          fireTimes: segmentFireTimes(whole, segment),
          startMs,
          lateLimitMs: Number.POSITIVE_INFINITY,
          fire: () => this.#exchange(block, pick),
          dropped: () => {},
          done: () => {},
        }),
      );
    }
  }

  stop(): void {
    this.#options.clock.cancel(this.#timer);
    for (const turnover of this.#turnovers) turnover.stop();
  }

  #follow(block: Block, elapsedMs: number): void {
    const { online, offline, plan, range } = block;
    const wanted = wantedOf(plan, range, elapsedMs);
    const { random } = this.#options;
    while (online.length < wanted) this.#move(block, offline[random.integer(offline.length)]!, true);
    while (online.length > wanted) this.#move(block, online[random.integer(online.length)]!, false);
  }

  #exchange(block: Block, random: Random): void {
    const { online, offline } = block;
    if (online.length === 0) return;
    const leaves = online[random.integer(online.length)]!;
    // Where everybody is online, whoever leaves comes back at once.
    const comes = offline.length > 0 ? offline[random.integer(offline.length)]! : leaves;
    this.#move(block, leaves, false);
    this.#move(block, comes, true);
  }

  #move(block: Block, user: VirtualUser, online: boolean): void {
    take(online ? block.offline : block.online, user);
    put(online ? block.online : block.offline, user);
    user.online = online;
    for (const other of user.others) other.online = online;
    if (online) this.#options.begin(user);
    else this.#options.end(user);
  }
}

/** Those who are to be online are spread evenly over a block's users, so that no agent is to have more than it has users. */
function wantedOf({ online, users }: BlockPlan, { first, end }: IndexRange, elapsedMs: number): number {
  if (online === null) return end - first;
  const all = Math.min(Math.max(Math.round(stageValueAt(online, elapsedMs)), 0), users);
  return Math.ceil((end * all) / users) - Math.ceil((first * all) / users);
}

function createUser(index: number, devices: number): VirtualUser {
  const name = userName(index);
  const count = devices === 1 ? 1 : devicesOf(index, devices);
  if (count === 1) return newVirtualUser(index, name);
  return newVirtualUser(
    index,
    name,
    0,
    Array.from({ length: count - 1 }, (_, other) => newVirtualUser(index, name, other + 1)),
  );
}

function put(list: VirtualUser[], user: VirtualUser): void {
  user.place = list.length;
  list.push(user);
}

function take(list: VirtualUser[], user: VirtualUser): void {
  const last = list.pop()!;
  if (last === user) return;
  list[user.place] = last;
  last.place = user.place;
}

function shuffled(users: readonly VirtualUser[], random: Random): VirtualUser[] {
  const list = [...users];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
