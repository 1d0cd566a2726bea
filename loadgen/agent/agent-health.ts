/** How the agent process itself is: whether it could have been the bottleneck. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { AgentUsage } from '../control/control-channel.ts';
import type { GaugeRow } from '../recorder/samples.ts';

const RESOLUTION_MS = 10;

export class AgentHealth {
  #delay: IntervalHistogram;
  #lastCpuMicros = 0;
  #lastAtMs = performance.now();

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
  }

  /** CPU since the process started, resident memory now. */
  usage(): AgentUsage {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
  }

  /** CPU (cores) and loop delay (p99, ms) since the last call, and resident memory. */
  gauges(atMs: number, source: string): GaugeRow[] {
    const { user, system } = process.cpuUsage();
    const now = performance.now();
    const cores = (user + system - this.#lastCpuMicros) / 1_000 / Math.max(now - this.#lastAtMs, 1);
    this.#lastCpuMicros = user + system;
    this.#lastAtMs = now;
    // The monitor measures the time between timer ticks: its resolution is part of every value.
    const delay = this.#delay.count > 0 ? Math.max(this.#delay.percentile(99) / 1e6 - RESOLUTION_MS, 0) : 0;
    this.#delay.reset();
    return [
      { atMs, source, metric: 'agent_cpu', value: cores },
      { atMs, source, metric: 'agent_loop_delay', value: delay },
      { atMs, source, metric: 'agent_rss_bytes', value: process.memoryUsage.rss() },
    ];
  }
}
