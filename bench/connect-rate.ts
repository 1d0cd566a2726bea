/**
 * How long opening 50,000 connections takes: a Plimsoll node with tokens and the way agents connect, against bare
 * uWebSockets.js processes and bare sockets. The same number of processes at both ends, the same number under way at a
 * time; the variants take turns, each round with fresh processes.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeMachine } from '../loadgen/coordinator/machine.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import { type BenchOptions, type BenchResult, inTurns } from './bench-run.ts';
import type { ConnectOptions, FromConnectClient } from './connect-client.ts';
import { ratiosOf, spreadOf } from './figure.ts';
import { ask, cpuSecondsOf, endProcess, forkModule, type Server, startBareServers, startNode } from './processes.ts';

const CONNECTIONS = 50_000;
const QUICK_CONNECTIONS = 5_000;
const PROCESSES_LEAST = 3;
/** Descriptors that a process needs for other things. */
const DESCRIPTORS_SPARE = 1_000;
/** Over all clients; what scenarios have as their default. */
const IN_FLIGHT = 200;
const TARGET = 2;
const AUTH_SECRET = 'a secret of this benchmark alone';

const VARIANTS = ['bare', 'plimsoll'] as const;
type Variant = (typeof VARIANTS)[number];

interface Measured {
  seconds: number;
  serverSeconds: number;
  clientSeconds: number;
}

export async function measureConnectRate({ quick, say }: BenchOptions): Promise<BenchResult> {
  const connections = quick ? QUICK_CONNECTIONS : CONNECTIONS;
  const limit = describeMachine(true).descriptorLimit;
  const processes = Math.max(PROCESSES_LEAST, Math.ceil(connections / (limit - DESCRIPTORS_SPARE)));
  const rounds = quick ? 2 : 3;
  const results = await inTurns(VARIANTS, rounds, async (variant, round) => {
    const measured = await measureOnce(variant, connections, processes);
    say(`round ${round + 1}/${rounds}  ${variant.padEnd(10)} ${describe(measured)}`);
    return measured;
  });
  const seconds = (variant: Variant) => results.get(variant)!.map((measured) => measured.seconds);
  const cpuSeconds = (variant: Variant) =>
    results.get(variant)!.map((measured) => measured.serverSeconds + measured.clientSeconds);
  const count = connections.toLocaleString('en-US');
  return {
    figures: [
      {
        name: `opening ${count} connections: Plimsoll ÷ bare`,
        unit: '',
        target: { atMost: TARGET },
        measured: ratiosOf(seconds('plimsoll'), seconds('bare')),
      },
      {
        name: `opening ${count} connections: Plimsoll ÷ bare, CPU of both ends`,
        unit: '',
        target: null,
        measured: ratiosOf(cpuSeconds('plimsoll'), cpuSeconds('bare')),
      },
      { name: `opening ${count}: Plimsoll`, unit: ' s', target: null, measured: spreadOf(seconds('plimsoll')) },
      { name: `opening ${count}: bare`, unit: ' s', target: null, measured: spreadOf(seconds('bare')) },
    ],
    notes: [
      `Connecting: ${processes} server and ${processes} client processes, ${IN_FLIGHT} connections under way at a time.`,
    ],
  };
}

async function measureOnce(variant: Variant, connections: number, processes: number): Promise<Measured> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'connect-'));
  const clients: ChildProcess[] = [];
  let server: (Server & { ports?: number[] }) | undefined;
  try {
    server =
      variant === 'bare'
        ? await startBareServers(processes)
        : await startNode({
            host: '0.0.0.0',
            shards: processes,
            store: { kind: 'level', directory },
            durability: 'fsync',
            authSecret: AUTH_SECRET,
          });
    for (let i = 0; i < processes; i++) clients.push(forkModule('connect-client'));
    const preparing = clients.map((client, index) => {
      const options: ConnectOptions = {
        how: variant === 'bare' ? 'socket' : 'driver',
        target: server!.target,
        ports: server!.ports ?? [],
        authSecret: AUTH_SECRET,
        prefix: `u${index}-`,
        connections: shareOf(connections, processes, index),
        inFlight: Math.round(IN_FLIGHT / processes),
      };
      return ask<FromConnectClient, 'prepared'>(client, { type: 'prepare', options }, 'prepared');
    });
    await Promise.all(preparing);
    return await measureOpening(server, clients);
  } finally {
    await Promise.all(clients.map(endProcess));
    await server?.stop();
    await rm(directory, { recursive: true });
  }
}

/** From the word to open until the last connection of the last client is open. */
async function measureOpening(server: Server, clients: ChildProcess[]): Promise<Measured> {
  const serverCpu = () => server.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
  const clientCpu = () => clients.reduce((sum, { pid }) => sum + cpuSecondsOf(pid!), 0);
  const before = { server: serverCpu(), client: clientCpu(), atMs: performance.now() };
  await Promise.all(clients.map((client) => ask<FromConnectClient, 'opened'>(client, { type: 'open' }, 'opened')));
  return {
    seconds: (performance.now() - before.atMs) / 1_000,
    serverSeconds: serverCpu() - before.server,
    clientSeconds: clientCpu() - before.client,
  };
}

function shareOf(total: number, parts: number, index: number): number {
  return Math.floor(((index + 1) * total) / parts) - Math.floor((index * total) / parts);
}

function describe({ seconds, serverSeconds, clientSeconds }: Measured): string {
  return `${seconds.toFixed(2)} s, CPU server ${serverSeconds.toFixed(2)} s, client ${clientSeconds.toFixed(2)} s`;
}
