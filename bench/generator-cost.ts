/**
 * What the load generator costs beyond the sockets that it can't do without: `plimsoll run` with one agent process, against a
 * bare client of the same frames (bare-client.ts), both driving the null server at the same fixed rate, in turns.
 *
 * The agent is whole: pacing, ledger, histograms, receipts, acknowledgements, a report to the coordinator every second. Its CPU is
 * that of its process, all threads, as Linux counts it, over the messages that the null server counts meanwhile; the coordinator's,
 * which does not grow with the messages, is not in it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { forkNullServer, type NullServerChild } from '../loadgen/null-server/null-server-child.ts';
import type { BareClientOptions, BareCounts, FromBareClient } from './bare-client.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import { type BenchOptions, type BenchResult, inTurns } from './bench-run.ts';
import { type Figure, ratiosOf, spreadOf, type Target } from './figure.ts';
import { checkRun, startPlimsollRun } from './plimsoll-run.ts';
import { processTree, usageOf } from './process-tree.ts';
import { ask, endProcess, forkModule } from './processes.ts';

const RATE = 8_000;
const CONNECTIONS = 1_000;
const BODY_BYTES = 100;
/** What memory costs shows at many connections that do little. */
const IDLE = { connections: 10_000, rate: 200, warmUpMs: 2_500, steadyMs: 1_000 };
const KILOBYTE = 1_000;
const TARGETS = { cpuRatio: 1.3, kilobytes: 8, before: 1.1 };
/** The window of measuring lies within the load. */
const EDGE_MS = 500;
const AGENT_PROCESS = 'agent-process';
const AGENT_FLAGS = ['--max-semi-space-size=16'];

const VARIANTS = { agent: 'agent', bare: 'bare client', before: 'agent before' } as const;
type Variant = keyof typeof VARIANTS;

interface Measured {
  micros: number;
  /** Resident memory a connection, beyond the kernel's. */
  kilobytes: number;
}

interface Load {
  connections: number;
  rate: number;
  warmUpMs: number;
  steadyMs: number;
}

export async function measureGeneratorCost({ quick, against, say }: BenchOptions): Promise<BenchResult> {
  const busy: Load = {
    connections: CONNECTIONS,
    rate: RATE,
    warmUpMs: quick ? 1_000 : 2_000,
    steadyMs: quick ? 2_000 : 6_000,
  };
  const variants: Variant[] = against === null ? ['bare', 'agent'] : ['bare', 'agent', 'before'];
  const rounds = quick ? 1 : against === null ? 5 : 4;
  const results = await inTurns(variants, rounds, async (variant, round) => {
    const { micros } = await measureOnce(variant, busy, against);
    const { kilobytes } = await measureOnce(variant, IDLE, against);
    const measured = { micros, kilobytes };
    say(
      `round ${round + 1}/${rounds}  ${VARIANTS[variant].padEnd(12)} ${micros.toFixed(1)} µs a message, ${kilobytes.toFixed(1)} KB a connection`,
    );
    return measured;
  });
  return { figures: figuresOf(results), notes: [NOTE] };
}

const NOTE =
  `Generator cost: ${CONNECTIONS} connections and ${RATE} messages/s of ${BODY_BYTES} bytes for CPU, ` +
  `${IDLE.connections} connections and ${IDLE.rate} messages/s for memory, which is resident memory now less that before the first connection.`;

function figuresOf(results: Map<Variant, Measured[]>): Figure[] {
  const agent = results.get('agent')!;
  const bare = results.get('bare')!;
  const before = results.get('before');
  const micros = (measured: Measured[]): number[] => measured.map((one) => one.micros);
  const kilobytes = (measured: Measured[]): number[] => measured.map((one) => one.kilobytes);
  const ratio = (name: string, target: Target, a: number[], b: number[]): Figure => ({
    name,
    unit: '',
    target,
    measured: ratiosOf(a, b),
  });
  const plain = (name: string, unit: string, target: Target, values: number[]): Figure => ({
    name,
    unit,
    target,
    measured: spreadOf(values),
  });
  return [
    ratio('agent ÷ bare client: CPU a message', { atMost: TARGETS.cpuRatio }, micros(agent), micros(bare)),
    plain('agent: memory a connection', ' KB', { atMost: TARGETS.kilobytes }, kilobytes(agent)),
    plain('agent: CPU a message', ' µs', null, micros(agent)),
    plain('bare client: CPU a message', ' µs', null, micros(bare)),
    plain('bare client: memory a connection', ' KB', null, kilobytes(bare)),
    ...(before === undefined
      ? []
      : [
          ratio('agent ÷ agent before: CPU a message', { atMost: TARGETS.before }, micros(agent), micros(before)),
          plain('agent before: memory a connection', ' KB', null, kilobytes(before)),
        ]),
  ];
}

async function measureOnce(variant: Variant, load: Load, against: string | null): Promise<Measured> {
  const server = await forkNullServer();
  try {
    if (variant === 'bare') return await measureBareClient(server, load);
    return await measureAgent(server, load, variant === 'before' ? against : null);
  } finally {
    await server.stop();
  }
}

async function measureAgent(server: NullServerChild, load: Load, checkout: string | null): Promise<Measured> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'generator-cost-'));
  const run = startPlimsollRun({
    ...load,
    warmUpMs: load.warmUpMs + EDGE_MS,
    target: server.target,
    directory,
    checkout,
  });
  try {
    await Promise.race([run.summary, loaded(server, load)]);
    await sleep(load.warmUpMs);
    const agent = processTree(run.child.pid!, AGENT_PROCESS);
    if (agent.length !== 1) throw new Error(`plimsoll run has ${agent.length} agent processes, expected 1`);
    const read = async () => ({ ...usageOf(agent), ...(await server.counts()) });
    const from = await read();
    await sleep(load.steadyMs);
    const to = await read();
    const summary = await run.summary;
    checkRun(summary);
    const { memoryBytesPerConnection: bytes } = summary.generator;
    if (bytes === null) throw new Error('the run has no figure of its memory');
    return { micros: ((to.cpuSeconds - from.cpuSeconds) * 1e6) / (to.sends - from.sends), kilobytes: bytes / KILOBYTE };
  } finally {
    run.child.kill('SIGTERM');
    await rm(directory, { recursive: true });
  }
}

/** Resolves with the first messages of the load. */
async function loaded(server: NullServerChild, { rate }: Load): Promise<void> {
  while ((await server.counts()).sends < rate / 10) await sleep(SETTLE_STEP_MS);
}

async function measureBareClient({ target }: NullServerChild, load: Load): Promise<Measured> {
  const client = forkModule('bare-client', AGENT_FLAGS);
  const count = async (): Promise<BareCounts> =>
    (await ask<FromBareClient, 'counts'>(client, { type: 'count' }, 'counts')).counts;
  try {
    const { connections, rate } = load;
    const options: BareClientOptions = { port: Number(new URL(target).port), connections, rate, bodyBytes: BODY_BYTES };
    const empty = await count();
    await ask<FromBareClient, 'connected'>(client, { type: 'connect', options }, 'connected');
    client.send({ type: 'start' });
    await sleep(load.warmUpMs);
    const from = await count();
    await sleep(load.steadyMs);
    const to = await count();
    client.send({ type: 'finish' });
    await settled(count);
    return {
      micros: ((to.cpuSeconds - from.cpuSeconds) * 1e6) / (to.sent - from.sent),
      kilobytes: (from.rssBytes - empty.rssBytes) / connections / KILOBYTE,
    };
  } finally {
    await endProcess(client);
  }
}

const SETTLE_MS = 3_000;
const SETTLE_STEP_MS = 50;

/** Rejects unless everything that was sent arrives soon. */
async function settled(count: () => Promise<BareCounts>): Promise<void> {
  for (let waited = 0; ; waited += SETTLE_STEP_MS) {
    const { sent, acknowledged, received } = await count();
    if (sent === acknowledged && sent === received) return;
    if (waited >= SETTLE_MS)
      throw new Error(
        `the bare client did not deliver: ${sent} sent, ${acknowledged} acknowledged, ${received} received`,
      );
    await sleep(SETTLE_STEP_MS);
  }
}
