/** How the agent process itself is: whether it could have been the bottleneck. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { AgentUsage } from '../control/control-channel.ts';
import type { GaugeRow } from '../recorder/samples.ts';

const RESOLUTION_MS = 10;

export class AgentHealth {
  #delay: IntervalHistogram;
  /** Over the whole steady phase: percentiles of single seconds can't be merged. */
  #steadyDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #lastCpuMicros = cpuMicros();
  #lastAtMs = performance.now();

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
  }

  startSteady(): void {
    this.#steadyDelay.enable();
  }

  endSteady(): void {
    this.#steadyDelay.disable();
  }

  /** Event-loop delay over the steady phase so far, p99 in ms; 0 before it. */
  steadyLoopDelayMs(): number {
    return delayP99(this.#steadyDelay);
  }

  /** CPU since the process started, resident memory now. */
  usage(): AgentUsage {
    return { cpuSeconds: cpuMicros() / 1e6, rssBytes: process.memoryUsage.rss() };
  }

  /** CPU (cores) and loop delay (p99, ms) since the last call, and resident memory. */
  gauges(atMs: number, source: string): GaugeRow[] {
    const cpu = cpuMicros();
    const now = performance.now();
    const cores = (cpu - this.#lastCpuMicros) / 1_000 / Math.max(now - this.#lastAtMs, 1);
    this.#lastCpuMicros = cpu;
    this.#lastAtMs = now;
    const delay = delayP99(this.#delay);
    this.#delay.reset();
    return [
      { atMs, source, metric: 'agent_cpu', value: cores },
      { atMs, source, metric: 'agent_loop_delay', value: delay },
      { atMs, source, metric: 'agent_rss_bytes', value: process.memoryUsage.rss() },
    ];
  }
}

/** The monitor measures the time between timer ticks: its resolution is part of every value. */
function delayP99(delay: IntervalHistogram): number {
  return delay.count > 0 ? Math.max(delay.percentile(99) / 1e6 - RESOLUTION_MS, 0) : 0;
}

/** CPU of this process since its start, all threads. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
