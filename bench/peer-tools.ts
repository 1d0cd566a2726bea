/** The load generators that are held against each other, each as a process that drives the same flow until it is stopped. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../loadgen/package-root.ts';
import type { BareClientOptions, FromBareClient } from './bare-client.ts';
import { writeArtilleryScript } from './peer-artillery.ts';
import { startPlimsollRun } from './plimsoll-run.ts';
import { ask } from './processes.ts';

export interface PeerLoad {
  /** `ws://127.0.0.1:port` */
  target: string;
  connections: number;
  /** Messages/s over all connections, at fixed intervals; 0: the connections are only held. */
  rate: number;
  bodyBytes: number;
  /** For what the tool needs or writes. */
  directory: string;
}

export interface PeerTool {
  name: string;
  /** What it speaks decides which target it gets. */
  speaks: 'binary' | 'json';
  /** Two numbers of idle connections: what memory grows by from one to the other is what connections cost. */
  idleConnections: { few: number; many: number };
  /** Only the processes of the tool whose command line has this in it hold connections; null: any. */
  connectionProcess: string | null;
  start(load: PeerLoad): ChildProcess;
}

export interface LeftOut {
  name: string;
  /** One sentence: how to have it. */
  how: string;
}

/** Longer than any measurement: what is started is killed. */
const HOLD_MS = 600_000;
/** So many that what a process allocates once, such as room for young objects, is there with the few already. */
const LEAN_CONNECTIONS = { few: 2_000, many: 10_000 };
const HEAVY_CONNECTIONS = { few: 200, many: 1_000 };

/** Those that are here, and those that are not. */
export function findPeers(): { tools: PeerTool[]; leftOut: LeftOut[] } {
  const tools = [bareSockets, plimsoll];
  const leftOut: LeftOut[] = [];
  const k6 = findProgram('k6', [process.env.GOBIN, under(process.env.GOPATH, 'bin'), join(homedir(), 'go', 'bin')]);
  if (k6 === null) leftOut.push({ name: 'k6', how: 'go install go.k6.io/k6@latest' });
  else tools.push(k6Tool(k6));
  const artillery = findProgram('artillery', [under(process.env.PLIMSOLL_ARTILLERY, 'node_modules', '.bin')]);
  if (artillery === null)
    leftOut.push({
      name: 'Artillery',
      how: 'mkdir DIR && npm install --prefix DIR artillery, then PLIMSOLL_ARTILLERY=DIR (DIR outside of this checkout)',
    });
  else tools.push(artilleryTool(artillery));
  return { tools, leftOut };
}

const bareSockets: PeerTool = {
  name: 'sockets',
  speaks: 'binary',
  idleConnections: LEAN_CONNECTIONS,
  connectionProcess: null,
  start({ target, connections, rate, bodyBytes }) {
    const path = fileURLToPath(new URL('./bare-client.js', import.meta.url));
    const child = fork(path, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: ['--max-semi-space-size=16'],
    });
    const options: BareClientOptions = { port: Number(new URL(target).port), connections, rate, bodyBytes };
    ask<FromBareClient, 'connected'>(child, { type: 'connect', options }, 'connected').then(
      () => rate > 0 && child.send({ type: 'start' }),
      () => {}, // It was stopped before, or the connections that are waited for never come.
    );
    return child;
  },
};

const plimsoll: PeerTool = {
  name: 'Plimsoll',
  speaks: 'binary',
  idleConnections: LEAN_CONNECTIONS,
  connectionProcess: 'agent-process',
  start: ({ target, connections, rate, directory }) =>
    startPlimsollRun({ target, connections, rate, directory, warmUpMs: 0, steadyMs: HOLD_MS }).child,
};

function k6Tool(program: string): PeerTool {
  return {
    name: 'k6',
    speaks: 'json',
    idleConnections: HEAVY_CONNECTIONS,
    connectionProcess: null,
    start({ target, connections, rate, directory }) {
      const variables = { TARGET: target, VUS: connections, RATE: rate, DURATION: `${HOLD_MS}ms` };
      const flags = Object.entries(variables).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
      const script = join(packageRoot(), 'scenarios', 'k6', 'chat.ts');
      return spawn(program, ['run', '--quiet', '--no-usage-report', ...flags, script], {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    },
  };
}

function artilleryTool(program: string): PeerTool {
  return {
    name: 'Artillery',
    speaks: 'json',
    idleConnections: LEAN_CONNECTIONS,
    connectionProcess: null,
    start: (load) =>
      spawn(program, ['run', '--quiet', writeArtilleryScript(load)], {
        cwd: load.directory,
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, ARTILLERY_DISABLE_TELEMETRY: 'true' },
      }),
  };
}

function findProgram(name: string, folders: Array<string | undefined>): string | null {
  const searched = [...folders, ...(process.env.PATH ?? '').split(delimiter)];
  const candidates = searched.filter((folder) => folder).map((folder) => join(folder!, name));
  return candidates.find(isExecutable) ?? null;
}

function under(folder: string | undefined, ...path: string[]): string | undefined {
  return folder === undefined || folder === '' ? undefined : join(folder, ...path);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
