/** A real node for whole-program tests: the built program, on free ports, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodeArguments } from '../main.ts';
import { logicalShard, volumeTable } from '../shard-map.ts';
import type { NodeStats } from '../supervisor.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/server/main.js');

/** A test of something else may send as fast as it can. */
const NO_LIMIT = { perSecond: 0, burst: 0 };

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface TestNode {
  readonly pid: number;
  readonly port: number;
  /** `http://127.0.0.1:<router port>` */
  readonly url: string;
  /** Where its data are; removed by `cleanUp`. */
  readonly directory: string;
  /** Its directory for temporary files; removed by `cleanUp`. */
  readonly temporary: string;
  readonly exited: Promise<Exit>;
  /** What it wrote to standard error. */
  log(): string;
  stats(): Promise<NodeStats>;
  /** Process ids of the shard processes in the order of their start: by index until one is restarted. */
  shardPids(): Promise<number[]>;
  /** `ws://…` of the process that owns the user. */
  urlOf(user: string): Promise<string>;
  /** A user id that begins with `name` and lives on shard process `process` (a fresh directory: as many volumes). */
  userOn(process: number, name: string): string;
  signal(signal: NodeJS.Signals): void;
  closeStdin(): void;
  /** SIGTERM, and wait. */
  stop(): Promise<Exit>;
}

const left: Array<() => Promise<void>> = [];

/** Ends all nodes that still run and removes all directories; for `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const task of left.splice(0).reverse()) await task();
}

/** A directory that `cleanUp` removes. */
export async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-test-'));
  left.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a node and waits until it listens. */
export async function startTestNode(options: Partial<NodeArguments> = {}): Promise<TestNode> {
  const { child, config, temporary, exited, output } = await launch(options);
  const line = await Promise.race([
    output.firstLine,
    exited.then(({ code }) => {
      throw new Error(`the node ended with code ${code} before it listened: ${output.errors()}`);
    }),
  ]);
  const { port } = (JSON.parse(line) as { listening: { port: number } }).listening;
  const url = `http://127.0.0.1:${port}`;
  const table = volumeTable(config.shards);
  const stats = async (): Promise<NodeStats> => (await fetch(`${url}/v1/stats`)).json() as Promise<NodeStats>;
  return {
    pid: child.pid!,
    port,
    url,
    directory: config.store.kind === 'level' ? config.store.directory : '',
    temporary,
    exited,
    log: output.errors,
    stats,
    shardPids: () =>
      until('all shard processes to run', () => {
        const pids = childrenOf(child.pid!);
        return pids.length === config.shards && pids;
      }),
    urlOf: async (user) => {
      const response = await fetch(`${url}/v1/route?user=${encodeURIComponent(user)}`);
      return ((await response.json()) as { url: string }).url;
    },
    userOn: (process, name) => {
      for (let i = 0; ; i++) if (table[logicalShard(`${name}${i}`)] === process) return `${name}${i}`;
    },
    signal: (signal) => void child.kill(signal),
    closeStdin: () => void child.stdin!.end(),
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** Starts a node that is expected to refuse; resolves with its exit code, what it said and what it left behind. */
export async function startRefusedNode(
  options: Partial<NodeArguments>,
): Promise<Exit & { message: string; leftBehind: string[] }> {
  const { temporary, exited, output } = await launch(options);
  const exit = await Promise.race([
    exited,
    output.firstLine.then(() => {
      throw new Error('the node started although it should not');
    }),
  ]);
  return { ...exit, message: output.errors(), leftBehind: readdirSync(temporary) };
}

/** Whether a process runs; one that is dead and not yet reaped (orphans wait for init) does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
  } catch {
    return false;
  }
}

/** Process ids of a process's children, oldest first (proc_pid_task_children(5)). */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

async function launch(options: Partial<NodeArguments>): Promise<{
  child: ChildProcess;
  config: NodeArguments;
  temporary: string;
  exited: Promise<Exit>;
  output: { firstLine: Promise<string>; errors: () => string };
}> {
  requireFreshBuild();
  const config: NodeArguments = {
    host: '127.0.0.1',
    port: 0,
    shardPort: 0,
    publicHost: null,
    shards: 2,
    store: options.store ?? { kind: 'level', directory: await makeDirectory() },
    durability: 'fsync',
    authSecret: null,
    idleTimeoutSeconds: 120,
    maxBodyBytes: 16_384,
    maxBacklogBytes: 1_048_576,
    stopWithParent: true,
    ...options,
    settings: { userRate: NO_LIMIT, ...options.settings },
  };
  const temporary = await makeDirectory();
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    env: { ...process.env, TMPDIR: temporary, PLIMSOLL_NODE_CONFIG: JSON.stringify(config) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = new Promise<Exit>((resolve) => {
    // Once the output is complete, too; a process that it leaves behind could hold that open for ever.
    child.on('close', (code, signal) => resolve({ code, signal }));
    child.on('exit', (code, signal) => setTimeout(() => resolve({ code, signal }), 2_000).unref());
  });
  const firstLine = new Promise<string>((resolve) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
  left.push(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  });
  return { child, config, temporary, exited, output: { firstLine, errors: () => errors } };
}

/** Throws when the program was not built from the present sources. */
function requireFreshBuild(): void {
  const folder = join(ROOT, 'server');
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts') || /\.(test|suite|fixture|crash-writer)\.ts$/.test(entry) || entry.startsWith('testing'))
      continue;
    const source = join(folder, entry);
    const built = join(ROOT, 'dist/server', entry.replace(/\.ts$/, '.js'));
    if (!existsSync(built)) throw new Error(`${relative(ROOT, built)} is missing: run "npm run build" first`);
    if (statSync(built).mtimeMs < statSync(source).mtimeMs) {
      throw new Error(`${relative(ROOT, built)} is older than ${relative(ROOT, source)}: run "npm run build" first`);
    }
  }
}
