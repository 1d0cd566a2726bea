/** All streams of an agent: each fires at its own times, or lets its virtual users go round. */
import type { Clock } from '../clock.ts';
import type { Segment } from '../coordinator/segments.ts';
import { createFireTimes, segmentFireTimes } from '../pacing/fire-times.ts';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { createPartners } from '../population/partners.ts';
import type { OpenPace, StreamPlan, TrafficPlan } from '../population/plan.ts';
import { createRandom, type Random } from '../random.ts';
import { GROUP_CODE } from '../recorder/ledger-keys.ts';
import { ClosedLoop } from './closed-loop.ts';
import type { Crowd } from './crowd.ts';
import type { GroupLife } from './group-life.ts';
import { type LoadLoop, startLoadLoop } from './load-loop.ts';
import type { Messages } from './messages.ts';
import type { VirtualUser } from './virtual-user.ts';

/** A message started later than this after its intended time was not started on time. */
const LATE_LIMIT_MS = 1_000;

export interface StreamsOptions {
  traffic: TrafficPlan;
  segment: Segment;
  seed: number;
  clock: Clock;
  random: Random;
  /** Clock ms when the load begins. */
  startMs: number;
  crowd: Crowd;
  groups: GroupLife | null;
  messages: Messages;
}

export class Streams {
  #options: StreamsOptions;
  #open: LoadLoop[] = [];
  #openLeft = 0;
  /** By stream; undefined for open ones. */
  #closed: Array<ClosedLoop | undefined> = [];
  #closedOfUser = new Map<VirtualUser, ClosedLoop>();
  #partnerOf: Array<(index: number, random: Random) => number>;
  #stopped = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
    const { traffic, seed } = options;
    this.#partnerOf = traffic.blocks.map(({ first, users }) => {
      const partner = createPartners(traffic.partners, users, seed);
      return (index, random) => first + partner(index - first, random);
    });
    traffic.streams.forEach((stream, index) => {
      if (stream.pace.model === 'open') this.#startOpen(stream, stream.pace, index);
      else this.#startClosed(stream, index);
    });
  }

  get done(): boolean {
    return this.#stopped || (this.#openLeft === 0 && this.#closed.every((loop) => loop === undefined || loop.done));
  }

  /** The user is connected. */
  ready(user: VirtualUser): void {
    this.#closedOfUser.get(user)?.ready(user);
  }

  /** The user's message of a stream is acknowledged or given up. */
  finished(user: VirtualUser, stream: number): void {
    this.#closed[stream]?.iterated(user);
  }

  /** Start what is overdue (see LoadLoop). */
  catchUp(): void {
    for (const loop of this.#open) loop.catchUp();
  }

  stop(): void {
    this.#stopped = true;
    for (const loop of this.#open) loop.stop();
    for (const loop of this.#closed) loop?.stop();
  }

  #startOpen(stream: StreamPlan, pace: OpenPace, index: number): void {
    const { clock, segment, seed, startMs, messages, random } = this.#options;
    const arrivals = createRandom(seed).fork(`arrivals ${stream.name}`);
    const whole = createFireTimes(createRateCurve(pace.stages), pace.arrivals, arrivals);
    const pick = random.fork(stream.name);
    this.#openLeft++;
    this.#open.push(
      startLoadLoop({
        clock,
        fireTimes: segmentFireTimes(whole, segment),
        startMs: startMs + stream.startMs,
        lateLimitMs: LATE_LIMIT_MS,
        fire: (intendedMs) => this.#fire(stream, index, pick, intendedMs),
        dropped: (intendedMs) => messages.dropped(index, intendedMs),
        done: () => {
          this.#openLeft--;
        },
      }),
    );
  }

  #fire(stream: StreamPlan, index: number, pick: Random, intendedMs: number): void {
    const { crowd, messages, groups } = this.#options;
    if (stream.to === 'group') {
      const drawn = groups!.draw(pick);
      if (drawn === null) messages.dropped(index, intendedMs);
      else messages.start(drawn.user, GROUP_CODE + drawn.group, index, intendedMs);
      return;
    }
    const user = crowd.pick(stream.block, pick);
    if (user === undefined) messages.dropped(index, intendedMs);
    else messages.start(user, this.#partnerOf[stream.block]!(user.index, pick), index, intendedMs);
  }

  #startClosed(stream: StreamPlan, index: number): void {
    const { clock, segment, startMs, messages, crowd, random } = this.#options;
    if (stream.pace.model !== 'closed') return;
    const users = crowd.ofBlock(stream.block);
    const pick = random.fork(stream.name);
    const loop = new ClosedLoop({
      clock,
      random: pick,
      pace: stream.pace,
      segment,
      users,
      startMs: startMs + stream.startMs,
      send: (user) => messages.start(user, this.#partnerOf[stream.block]!(user.index, pick), index, clock.nowMs()),
    });
    this.#closed[index] = loop;
    for (const user of users) this.#closedOfUser.set(user, loop);
  }
}
