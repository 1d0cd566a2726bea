/** What a process says of itself once a second: CPU, memory, event-loop delay, counts. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { VolumeCounters } from './messenger/volume.ts';
import type { NotificationCounters } from './notifications/notifier.ts';
import type { StoreHealth } from './store-health.ts';

export interface ProcessStats {
  pid: number;
  /** CPU seconds since the process started, all threads. */
  cpuSeconds: number;
  rssBytes: number;
  heapUsedBytes: number;
  /** Event-loop delay over the last interval, ms. */
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
}

export interface ShardStats extends ProcessStats {
  /** Devices that poll: one is held, or the grace after the last is not over. */
  polling: number;
  connections: number;
  connectionsOpened: number;
  connectionsClosed: number;
  slowConsumers: number;
  /** Connections that this side closed, by the name of the close code. */
  closes: Record<string, number>;
  /** Requests and upgrades refused for the rate of their address. */
  addressLimited: number;
  malformed: number;
  unauthorised: number;
  redirected: number;
  users: number;
  /** Who watches whom: subscriptions of devices here, and users of here that are watched. */
  presenceSubscriptions: number;
  presenceWatched: number;
  commits: number;
  commitFailures: number;
  unconfirmed: number;
  /** Whether all stores of the process take messages. */
  healthy: boolean;
  store: StoreHealth;
  messages: VolumeCounters;
  notifications: NotificationCounters;
}

const RESOLUTION_MS = 10;

export class ProcessMeter {
  #delay: IntervalHistogram;

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
  }

  /** Figures since the last call (delay) and since the start (CPU). */
  read(): ProcessStats {
    const cpu = process.cpuUsage();
    const memory = process.memoryUsage();
    // The monitor measures the time between timer ticks: its resolution is part of every value.
    const p99 = this.#delay.count > 0 ? Math.max(this.#delay.percentile(99) / 1e6 - RESOLUTION_MS, 0) : 0;
    const max = this.#delay.count > 0 ? Math.max(this.#delay.max / 1e6 - RESOLUTION_MS, 0) : 0;
    this.#delay.reset();
    return {
      pid: process.pid,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      loopDelayP99Ms: p99,
      loopDelayMaxMs: max,
    };
  }

  stop(): void {
    this.#delay.disable();
  }
}
