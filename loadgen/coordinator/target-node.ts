/**
 * The server under test, as the coordinator sees it: an address, and figures if it tells them. An embedded node is started
 * as a process of its own, by its command line, and speaks to nobody but over the network.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { platform } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';
import type { GaugeRow } from '../recorder/samples.ts';

/** What `GET /v1/stats` of a reference node says, as far as it is used here. */
export interface NodeReport {
  store: string;
  durability: string;
  cpuSecondsOfDead: number;
  supervisor: { cpuSeconds: number; rssBytes: number };
  shards: Array<{
    index: number;
    up: boolean;
    restarts: number;
    stats: {
      pid: number;
      cpuSeconds: number;
      rssBytes: number;
      loopDelayP99Ms: number;
      connections: number;
      /** Servers of older versions do not say. */
      messages?: { sent: number };
    } | null;
  }>;
}

export interface EmbeddedNodeOptions {
  shards: number;
  store: string;
  durability: string;
  authSecret: string;
  /** How many connections it is to hold: decides over how many loopback addresses they spread. */
  connections: number;
  onLog: (line: string) => void;
  /** Where the node is to live when its network is to be broken; null: on the loopback addresses. */
  network?: { nodeAddress: string; command(command: string, args: readonly string[]): [string, string[]] } | null;
}

export class NodeStartError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'NodeStartError';
    this.exitCode = exitCode;
  }
}

const STOP_TIMEOUT_MS = 20_000;
const STATS_TIMEOUT_MS = 3_000;

export class EmbeddedNode {
  readonly target: string;
  readonly pid: number;
  #child: ChildProcess;
  /** Process ids of the shards as they were last heard of, by index. */
  #shardPids: Array<number | null> = [];
  #exited: Promise<void>;
  /** Set when the node ended without being asked to. */
  gone: string | null = null;
  #stopping = false;

  private constructor(child: ChildProcess, target: string) {
    this.#child = child;
    this.target = target;
    this.pid = child.pid!;
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (!this.#stopping) this.gone = signal ? `ended by ${signal}` : `ended with code ${code}`;
        resolve();
      });
    });
  }

  /** Rejects with NodeStartError. */
  static async start(options: EmbeddedNodeOptions): Promise<EmbeddedNode> {
    const { network = null } = options;
    const hosts = network === null ? loopbackHosts(options) : [network.nodeAddress];
    const serve = [
      join(packageRoot(), 'loadgen', 'cli', 'bin.mjs'),
      'serve',
      '--json',
      '--stop-with-parent',
      ...['--port', '0', '--host', hosts.join(','), '--shards', String(options.shards)],
      ...['--store', options.store, '--durability', options.durability],
    ];
    const [command, args] = network?.command(process.execPath, serve) ?? [process.execPath, serve];
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, so that Ctrl-C reaches the coordinator only, which then stops the node in order.
      detached: true,
      // The secret goes by environment: arguments can be read by every user of the machine.
      env: { ...process.env, PLIMSOLL_AUTH_SECRET: options.authSecret },
    });
    const errors: string[] = [];
    eachLine(child.stderr!, (line) => {
      errors.push(line);
      options.onLog(line);
    });
    const port = await new Promise<number>((resolve, reject) => {
      eachLine(child.stdout!, (line) => resolve((JSON.parse(line) as { listening: { port: number } }).listening.port));
      child.once('error', (error) => reject(new NodeStartError(`the node can't be started: ${error.message}`, 1)));
      child.once('exit', (code) => {
        reject(
          new NodeStartError(`the node did not start: ${errors.at(-1) ?? `exit code ${code}`}`, code === 104 ? 104 : 1),
        );
      });
    });
    return new EmbeddedNode(child, `ws://${network?.nodeAddress ?? '127.0.0.1'}:${port}`);
  }

  /** Process id of a shard, as far as the node told lately (it can't while its network is cut); null: it never did, or not of that one. */
  async shardPid(index: number): Promise<number | null> {
    for (const { index: at, up, stats } of (await readNodeReport(this.target))?.shards ?? []) {
      this.#shardPids[at] = up ? (stats?.pid ?? null) : null;
    }
    return this.#shardPids[index] ?? null;
  }

  /** Resolves when all of the node's processes have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

/**
 * Linux picks local ports per (source, destination, destination port), first from one half of the 28,000 of the usual range;
 * when that half is used up every further connect searches it in vain, at about 1 ms of CPU. So each address gets fewer.
 */
const CONNECTIONS_PER_ADDRESS = 12_000;

function loopbackHosts({ connections, shards }: EmbeddedNodeOptions): string[] {
  if (platform() !== 'linux') return ['127.0.0.1'];
  const addresses = Math.min(Math.ceil(connections / shards / CONNECTIONS_PER_ADDRESS), 250);
  return ['127.0.0.1', ...Array.from({ length: addresses > 1 ? addresses : 0 }, (_, index) => `127.0.0.${2 + index}`)];
}

/** The node's figures, or null when it does not tell (another kind of server, or it is away). */
export async function readNodeReport(target: string): Promise<NodeReport | null> {
  try {
    const response = await fetch(`${target.replace(/^ws/, 'http')}/v1/stats`, {
      signal: AbortSignal.timeout(STATS_TIMEOUT_MS),
    });
    return response.ok ? ((await response.json()) as NodeReport) : null;
  } catch {
    return null;
  }
}

/** CPU seconds of all of the node's processes, dead ones included. */
export function nodeCpuSeconds(report: NodeReport): number {
  return report.shards.reduce(
    (sum, { stats }) => sum + (stats?.cpuSeconds ?? 0),
    report.cpuSecondsOfDead + report.supervisor.cpuSeconds,
  );
}

export function nodeRssBytes(report: NodeReport): number {
  return report.shards.reduce((sum, { stats }) => sum + (stats?.rssBytes ?? 0), report.supervisor.rssBytes);
}

/** Gauges per shard; `previous` (`elapsedSeconds` ago) gives the CPU rate. */
export function nodeGauges(
  atMs: number,
  report: NodeReport,
  previous: NodeReport | null,
  elapsedSeconds: number,
): GaugeRow[] {
  const rows: GaugeRow[] = [{ atMs, source: 'node', metric: 'server_rss_bytes', value: report.supervisor.rssBytes }];
  for (const { index, stats } of report.shards) {
    if (stats === null) continue;
    const source = `shard-${index}`;
    rows.push({ atMs, source, metric: 'server_rss_bytes', value: stats.rssBytes });
    rows.push({ atMs, source, metric: 'server_loop_delay', value: stats.loopDelayP99Ms });
    rows.push({ atMs, source, metric: 'connections', value: stats.connections });
    const before = previous?.shards.find((shard) => shard.index === index)?.stats;
    if (before && before.pid === stats.pid && elapsedSeconds > 0) {
      const perSecond = (now: number, then: number) => Math.max(now - then, 0) / elapsedSeconds;
      const cpu = perSecond(stats.cpuSeconds, before.cpuSeconds);
      rows.push({ atMs, source, metric: 'server_cpu', value: cpu });
      if (stats.messages && before.messages) {
        const messages = perSecond(stats.messages.sent, before.messages.sent);
        rows.push({ atMs, source, metric: 'server_messages', value: messages });
      }
    }
  }
  return rows;
}

function eachLine(stream: NodeJS.ReadableStream, handle: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') handle(line);
  });
}
