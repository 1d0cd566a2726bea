/** Reads the node's figures once a second: gauges, peaks, CPU, restarts. Silent where the target tells nothing. */
import type { Clock } from '../clock.ts';
import type { GaugeRow } from '../recorder/samples.ts';
import { type NodeReport, nodeCpuSeconds, nodeGauges, nodeRssBytes, readNodeReport } from './target-node.ts';

const INTERVAL_MS = 1_000;

export class NodeWatch {
  onRestart: (shard: number) => void = () => {};
  connectionsPeak = 0;
  rssPeakBytes = 0;
  /** Cores used over the last interval. */
  cpuCores: number | null = null;
  latest: NodeReport | null = null;
  #target: string;
  #gauges: (rows: GaugeRow[]) => void;
  #first: NodeReport | null = null;
  #latestAtMs = 0;
  #restarts = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(target: string, gauges: (rows: GaugeRow[]) => void) {
    this.#target = target;
    this.#gauges = gauges;
  }

  async start(clock: Clock): Promise<void> {
    await this.#read(clock);
    this.#schedule(clock);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** CPU seconds of the node since this watch began. */
  get cpuSeconds(): number {
    return this.#first && this.latest ? nodeCpuSeconds(this.latest) - nodeCpuSeconds(this.#first) : 0;
  }

  #schedule(clock: Clock): void {
    this.#timer = setTimeout(async () => {
      await this.#read(clock);
      if (!this.#stopped) this.#schedule(clock);
    }, INTERVAL_MS);
  }

  async #read(clock: Clock): Promise<void> {
    const report = await readNodeReport(this.#target);
    if (report === null || this.#stopped) return;
    const nowMs = clock.nowMs();
    const elapsedSeconds = (nowMs - this.#latestAtMs) / 1_000;
    const atMs = Math.floor(clock.toEpochMs(nowMs) / 1_000) * 1_000;
    this.#gauges(nodeGauges(atMs, report, this.latest, elapsedSeconds));
    if (this.latest) this.cpuCores = Math.max(nodeCpuSeconds(report) - nodeCpuSeconds(this.latest), 0) / elapsedSeconds;
    this.connectionsPeak = Math.max(
      this.connectionsPeak,
      report.shards.reduce((sum, { stats }) => sum + (stats?.connections ?? 0), 0),
    );
    this.rssPeakBytes = Math.max(this.rssPeakBytes, nodeRssBytes(report));
    for (const { index, restarts } of report.shards) {
      const known = this.#restarts.get(index) ?? 0;
      if (restarts > known && this.#first !== null) this.onRestart(index);
      this.#restarts.set(index, Math.max(restarts, known));
    }
    this.#first ??= report;
    this.latest = report;
    this.#latestAtMs = nowMs;
  }
}
