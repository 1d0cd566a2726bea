/**
 * How many messages a second go the whole way, closed loop, 1,000 connections, against a bare relay of the same frames with
 * the same client. Variants take turns, each round with a fresh server and fresh data; ratios are taken within a round.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_DIRECTORY } from './bench-data.ts';
import { type BenchOptions, type BenchResult, inTurns } from './bench-run.ts';
import { type Figure, ratiosOf, spreadOf, type Target } from './figure.ts';
import type { FlowCounts, FlowLedger, FlowOptions, FromFlowClient } from './flow-client.ts';
import {
  ask,
  cpuSecondsOf,
  endProcess,
  failureOf,
  forkModule,
  type NodeOptions,
  nodeMain,
  type Server,
  startNode,
  startRelays,
} from './processes.ts';

const CONNECTIONS = 1_000;
const BODY_BYTES = 100;
const WINDOWS = [1, 2, 4, 8];
const QUICK_WINDOW = 4;
/** A server process that used less than this share of a core was not the limit: the machine or the client was. */
const SATURATED = 0.9;

/** How the table calls them. `relay` is what the targets refer to; `gathering` is shown beside it: see bare-relay.ts. */
const KINDS = {
  relay: 'bare relay',
  gathering: 'gathering relay',
  memory: 'Plimsoll, memory',
  fsync: 'Plimsoll, LevelDB fsync',
  memoryBefore: 'Plimsoll before, memory',
  fsyncBefore: 'Plimsoll before, LevelDB fsync',
} as const;
type Kind = keyof typeof KINDS;

/** What is divided by what, with how many processes each, and the least that the ratio has to be. */
const COMPARISONS: Array<[Kind, Kind, number, Target]> = [
  ['memory', 'relay', 1, { atLeast: 0.6 }],
  ['fsync', 'relay', 1, { atLeast: 0.4 }],
  ['memory', 'gathering', 1, null],
  ['fsync', 'gathering', 1, null],
  ['memory', 'relay', 2, null],
  ['fsync', 'relay', 2, null],
];

/** With `--against`: what changes since then may cost. */
const BEFORE: Array<[Kind, Kind, number, Target]> = [
  ['memory', 'memoryBefore', 1, { atLeast: 0.9 }],
  ['fsync', 'fsyncBefore', 1, { atLeast: 0.9 }],
];

interface Variant {
  kind: Kind;
  processes: number;
  name: string;
  window: number;
}

interface Measured {
  /** Stored and arrived, a second. */
  exchangedPerSecond: number;
  /** With the `delivered` receipt back at the sender, a second. */
  deliveredPerSecond: number;
  serverMicros: number;
  clientMicros: number;
  /** Share of a core that each process used. */
  serverBusy: number;
  clientBusy: number;
}

export async function measureMessageCeiling(options: BenchOptions): Promise<BenchResult> {
  const { quick, say } = options;
  const rounds = quick ? 3 : 5;
  const times = quick ? { warmUpMs: 700, measureMs: 1_200 } : { warmUpMs: 2_000, measureMs: 4_000 };
  const measure = (variant: Variant): Promise<Measured> => measureOnce(variant, options, times);
  const before = options.against === null ? [] : (['memoryBefore', 'fsyncBefore'] as const);
  const variants = [
    ...(['relay', 'gathering', 'memory', 'fsync', ...before] as const).map((kind) => createVariant(kind, 1)),
    ...(['relay', 'memory', 'fsync'] as const).map((kind) => createVariant(kind, 2)),
  ];
  if (!quick) for (const variant of variants) await chooseWindow(variant, measure, say);
  const results = await inTurns(variants, rounds, async (variant, round) => {
    const measured = await measure(variant);
    say(`round ${round + 1}/${rounds}  ${variant.name.padEnd(28)} ${describe(measured)}`);
    return measured;
  });

  const figures: Figure[] = [];
  const notes: string[] = [];
  for (const [kind, relay, processes, target] of [...COMPARISONS, ...(options.against === null ? [] : BEFORE)]) {
    const variant = find(variants, kind, processes);
    const reference = find(variants, relay, processes);
    figures.push(...ratioFigures(variant, reference, results.get(variant)!, results.get(reference)!, target));
  }
  for (const variant of variants) {
    const measured = results.get(variant)!;
    figures.push(...absoluteFigures(variant, measured));
    const busy = spreadOf(measured.map(({ serverBusy }) => serverBusy)).median;
    if (busy < SATURATED)
      notes.push(
        `${variant.name}: the server used ${Math.round(busy * 100)}% of a core a process, so its own ceiling is higher; ` +
          'the ratio of server CPU does not depend on that.',
      );
  }
  notes.push(`Messages under way a connection: ${variants.map(({ name, window }) => `${name} ${window}`).join(', ')}.`);
  return { figures, notes };
}

function createVariant(kind: Kind, processes: number): Variant {
  return { kind, processes, name: `${KINDS[kind]} × ${processes}`, window: QUICK_WINDOW };
}

function find(variants: Variant[], kind: Kind, processes: number): Variant {
  return variants.find((variant) => variant.kind === kind && variant.processes === processes)!;
}

/** Each side gets the window at which it does best. */
async function chooseWindow(
  variant: Variant,
  measure: (variant: Variant) => Promise<Measured>,
  say: (line: string) => void,
): Promise<void> {
  let best = 0;
  for (const window of WINDOWS) {
    const measured = await measure({ ...variant, window });
    say(`window ${window}   ${variant.name.padEnd(28)} ${describe(measured)}`);
    if (measured.deliveredPerSecond <= best) continue;
    best = measured.deliveredPerSecond;
    variant.window = window;
  }
}

async function measureOnce(
  variant: Variant,
  { clients: clientCount, against }: BenchOptions,
  times: { warmUpMs: number; measureMs: number },
): Promise<Measured> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'ceiling-'));
  let server: Server | undefined;
  const clients: ChildProcess[] = [];
  try {
    server = await startServer(variant, directory, against);
    for (let i = 0; i < clientCount; i++) clients.push(forkModule('flow-client'));
    const connecting = clients.map((client, index) => {
      const options = flowOptions(variant, server!.target, clientCount, index);
      return ask<FromFlowClient, 'connected'>(client, { type: 'connect', options }, 'connected');
    });
    await Promise.all(connecting);
    const measured = await measureFlow(server, variant.processes, clients, times);
    const ledgers = await Promise.all(
      clients.map((client) => ask<FromFlowClient, 'finished'>(client, { type: 'finish' }, 'finished')),
    );
    for (const ledger of ledgers) checkLedger(variant, ledger);
    return measured;
  } finally {
    await Promise.all(clients.map(endProcess));
    await server?.stop();
    await rm(directory, { recursive: true });
  }
}

function startServer({ kind, processes }: Variant, directory: string, against: string | null): Promise<Server> {
  if (isRelay(kind)) return startRelays(processes, kind === 'gathering');
  const inMemory = kind === 'memory' || kind === 'memoryBefore';
  const isBefore = kind === 'memoryBefore' || kind === 'fsyncBefore';
  const options: NodeOptions = {
    host: '127.0.0.1',
    shards: processes,
    store: inMemory ? { kind: 'memory' } : { kind: 'level', directory },
    durability: 'fsync',
    authSecret: null,
  };
  return isBefore ? startNode(options, nodeMain(against!)) : startNode(options);
}

function isRelay(kind: Kind): kind is 'relay' | 'gathering' {
  return kind === 'relay' || kind === 'gathering';
}

/** A bare relay has no way to another process; Plimsoll's users live where hashing puts them. */
function flowOptions(variant: Variant, target: string, clients: number, index: number): FlowOptions {
  return {
    target,
    connections: CONNECTIONS / clients,
    prefix: `u${index}-`,
    window: variant.window,
    bodyBytes: BODY_BYTES,
    pairsWithin: isRelay(variant.kind) ? variant.processes : null,
  };
}

async function measureFlow(
  server: Server,
  serverProcesses: number,
  clients: ChildProcess[],
  times: { warmUpMs: number; measureMs: number },
): Promise<Measured> {
  for (const client of clients) client.send({ type: 'start' });
  const failed = Promise.race(clients.map(failureOf));
  const wait = (ms: number) => Promise.race([failed, new Promise((resolve) => setTimeout(resolve, ms))]);
  const read = async () => ({
    counts: await Promise.all(
      clients.map((client) => ask<FromFlowClient, 'counts'>(client, { type: 'count' }, 'counts')),
    ),
    serverSeconds: server.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    clientSeconds: clients.reduce((sum, { pid }) => sum + cpuSecondsOf(pid!), 0),
  });
  await wait(times.warmUpMs);
  const before = await read();
  await wait(times.measureMs);
  const after = await read();
  return summarise(before, after, clients.length, serverProcesses);
}

interface Reading {
  counts: FlowCounts[];
  serverSeconds: number;
  clientSeconds: number;
}

function summarise(before: Reading, after: Reading, clients: number, serverProcesses: number): Measured {
  let exchangedPerSecond = 0;
  let deliveredPerSecond = 0;
  let seconds = 0;
  for (const [index, { atMs, exchanged, delivered }] of after.counts.entries()) {
    const from = before.counts[index]!;
    const lasted = (atMs - from.atMs) / 1_000;
    exchangedPerSecond += (exchanged - from.exchanged) / lasted;
    deliveredPerSecond += (delivered - from.delivered) / lasted;
    seconds += lasted / clients;
  }
  const serverSeconds = after.serverSeconds - before.serverSeconds;
  const clientSeconds = after.clientSeconds - before.clientSeconds;
  const messages = deliveredPerSecond * seconds;
  return {
    exchangedPerSecond,
    deliveredPerSecond,
    serverMicros: (serverSeconds * 1e6) / messages,
    clientMicros: (clientSeconds * 1e6) / messages,
    serverBusy: serverSeconds / seconds / serverProcesses,
    clientBusy: clientSeconds / seconds / clients,
  };
}

function checkLedger(variant: Variant, ledger: FlowLedger): void {
  const { sent, acknowledged, arrived, delivered, lost, duplicated, reordered } = ledger;
  if (lost === 0 && duplicated === 0 && reordered === 0 && sent === acknowledged && sent === delivered) return;
  throw new Error(
    `${variant.name} did not deliver: ${sent} sent, ${acknowledged} acknowledged, ${arrived} arrived, ${delivered} delivered, ` +
      `${lost} lost, ${duplicated} duplicated, ${reordered} out of order`,
  );
}

function ratioFigures(
  variant: Variant,
  reference: Variant,
  measured: Measured[],
  referenceMeasured: Measured[],
  target: Target,
): Figure[] {
  const of = (what: string, target: Target, read: (m: Measured) => number): Figure => ({
    name: `${variant.name} ÷ ${reference.name}: ${what}`,
    unit: '',
    target,
    measured: ratiosOf(measured.map(read), referenceMeasured.map(read)),
  });
  return [
    of('messages/s', target, (m) => m.deliveredPerSecond),
    of('messages per server CPU second', null, (m) => 1 / m.serverMicros),
  ];
}

function absoluteFigures({ name }: Variant, measured: Measured[]): Figure[] {
  const of = (what: string, unit: string, read: (m: Measured) => number): Figure => ({
    name: `${name}: ${what}`,
    unit,
    target: null,
    measured: spreadOf(measured.map(read)),
  });
  return [
    of('whole flow', '/s', (m) => m.deliveredPerSecond),
    of('server CPU a message', ' µs', (m) => m.serverMicros),
    of('client CPU a message', ' µs', (m) => m.clientMicros),
  ];
}

function describe(m: Measured): string {
  const percent = (share: number) => `${Math.round(share * 100)}%`.padStart(4);
  return (
    `${Math.round(m.deliveredPerSecond).toLocaleString('en-US').padStart(8)}/s (exchanged ${Math.round(m.exchangedPerSecond).toLocaleString('en-US')}/s), ` +
    `server ${m.serverMicros.toFixed(1)} µs ${percent(m.serverBusy)}, client ${m.clientMicros.toFixed(1)} µs ${percent(m.clientBusy)}`
  );
}
