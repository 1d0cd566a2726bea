/** The processes of a benchmark: started, asked, watched for CPU, ended. All of them end with this one. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NodeConfig, SERVER_DEFAULTS } from '../server/config.ts';
import type { NodeStats } from '../server/supervisor.ts';
import type { FromRelay, ToRelay } from './bare-relay.ts';
import type { FromBareServer } from './bare-server.ts';

/** A server to measure, whatever it is. */
export interface Server {
  /** `ws://host:port` to hand to a client. */
  target: string;
  /** Its processes. */
  pids: number[];
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
const ASK_INTERVAL_MS = 50;
/** Linux reports CPU times in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;

/** A compiled module of this folder as a process of its own, with an IPC channel; `flags` are Node's. */
export function forkModule(name: string, flags: string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return fork(path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [...process.execArgv, ...flags] });
}

interface Typed {
  type: string;
}

/**
 * Send `message` (if there is one) and wait for the answer of type `answer`. Rejects when the process says `failed`, or
 * ends, before.
 */
export function ask<Answer extends Typed, Type extends Answer['type']>(
  child: ChildProcess,
  message: object | null,
  answer: Type,
): Promise<Extract<Answer, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    const onMessage = (received: Answer & { message?: string }): void => {
      if (received.type === 'failed') {
        settle();
        reject(new Error(received.message));
      } else if (received.type === answer) {
        settle();
        resolve(received as unknown as Extract<Answer, { type: Type }>);
      }
    };
    const onExit = (code: number | null, signal: string | null): void => {
      settle();
      reject(new Error(`a process of the benchmark ended early (${signal ?? `code ${code}`})`));
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    if (message !== null) child.send(message);
  });
}

/** Rejects when the process says `failed`, or ends; never resolves. */
export function failureOf(child: ChildProcess): Promise<never> {
  const failure = ask<Typed & { type: 'never' }, 'never'>(child, null, 'never') as Promise<never>;
  // Whoever does not wait for it any more, does not want to hear of it.
  failure.catch(() => {});
  return failure;
}

/** End a process that ends when its channel closes. Resolves when it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  await gone;
}

/** `processes` bare relays. Users of one pair must live in the same one: see `pairsWithin` of the flow client. */
export async function startRelays(processes: number, gathers: boolean): Promise<Server> {
  const children = Array.from({ length: processes }, () => forkModule('bare-relay'));
  const { ports, stop } = await listeningOf(children);
  const urls = ports.map((port) => `ws://127.0.0.1:${port}`);
  for (const child of children) child.send({ type: 'relays', urls, gathers } satisfies ToRelay);
  return { target: urls[0]!, pids: children.map((child) => child.pid!), stop };
}

/** `processes` servers that only accept connections, each on a port of its own. */
export async function startBareServers(processes: number): Promise<Server & { ports: number[] }> {
  const children = Array.from({ length: processes }, () => forkModule('bare-server'));
  const { ports, stop } = await listeningOf(children);
  return { target: `ws://127.0.0.1:${ports[0]}`, ports, pids: children.map((child) => child.pid!), stop };
}

export interface NodeOptions {
  /** `0.0.0.0` lets the driver spread its connections over loopback addresses. */
  host: string;
  shards: number;
  store: NodeConfig['store'];
  durability: NodeConfig['durability'];
  authSecret: string | null;
}

/** The program of a node in a built checkout. */
export function nodeMain(checkout: string): string {
  return join(checkout, 'dist', 'server', 'main.js');
}

/** A Plimsoll node, as `plimsoll serve` starts it; `main`: its program, by default this build's. */
export async function startNode(
  options: NodeOptions,
  main = fileURLToPath(new URL('../server/main.js', import.meta.url)),
): Promise<Server> {
  const config: NodeConfig & { stopWithParent: boolean } = {
    port: 0,
    shardPort: 0,
    publicHost: null,
    ...options,
    idleTimeoutSeconds: SERVER_DEFAULTS.idleTimeoutSeconds,
    maxBodyBytes: SERVER_DEFAULTS.maxBodyBytes,
    maxBacklogBytes: SERVER_DEFAULTS.maxBacklogBytes,
    stopWithParent: true,
  };
  const child = spawn(process.execPath, [main], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PLIMSOLL_NODE_CONFIG: JSON.stringify(config) },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  try {
    const port = await listeningPort(child, exited);
    const shards = await shardPids(port);
    return { target: `ws://127.0.0.1:${port}`, pids: [child.pid!, ...shards], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** CPU seconds that a process has used since it started, all of its threads. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Wait until all of the processes listen. */
async function listeningOf(children: ChildProcess[]): Promise<{ ports: number[]; stop: () => Promise<void> }> {
  const stop = async (): Promise<void> => void (await Promise.all(children.map(endProcess)));
  try {
    const listening = children.map((child) => ask<FromRelay | FromBareServer, 'listening'>(child, null, 'listening'));
    return { ports: (await Promise.all(listening)).map(({ port }) => port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listeningPort(child: ChildProcess, exited: Promise<void>): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve((JSON.parse(text.slice(0, end)) as { listening: { port: number } }).listening.port);
    });
    exited.then(() => reject(new Error('the node ended before it listened; it says why above')));
  });
}

/** The shard processes say who they are with their first report. */
async function shardPids(port: number): Promise<number[]> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const { shards } = (await (await fetch(`http://127.0.0.1:${port}/v1/stats`)).json()) as NodeStats;
    const pids = shards.map(({ stats }) => stats?.pid);
    if (pids.every((pid) => pid !== undefined)) return pids as number[];
    await new Promise((resolve) => setTimeout(resolve, ASK_INTERVAL_MS));
  }
  throw new Error('the node did not report its shard processes');
}
