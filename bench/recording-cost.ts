/**
 * What does it cost the generator that everything it measures is kept? `plimsoll run` into its embedded results store, and into a
 * ClickHouse server, beside the same run whose rows are dropped (unrecorded-run.ts), all against the null server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { forkNullServer, type NullServerChild } from '../loadgen/null-server/null-server-child.ts';
import { openResultsStore } from '../reports/results/results-store-open.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import { type BenchOptions, type BenchResult, inTurns } from './bench-run.ts';
import { type ClickHouseChild, startClickHouseChild } from './clickhouse-child.ts';
import { type Figure, ratiosOf, spreadOf, type Target } from './figure.ts';
import { checkRun, type PlimsollRun, startPlimsollRun, writeScenarioOf } from './plimsoll-run.ts';
import { processTree, usageOf } from './process-tree.ts';
import { cpuSecondsOf } from './processes.ts';
import type { UnrecordedRun } from './unrecorded-run.ts';

const RATE = 20_000;
const CONNECTIONS = 1_000;
const TARGETS = { share: 1.02, loopDelayMs: 1 };
/** The window of measuring lies within the load. */
const EDGE_MS = 500;
const AGENT_PROCESS = 'agent-process';
const STORE_PROCESS = 'results-process';

const VARIANTS = { dropped: 'rows dropped', embedded: 'embedded store', served: 'ClickHouse server' } as const;
type Variant = keyof typeof VARIANTS;

/** CPU in thousandths of a core; medians of the steady seconds, but for the slip. */
interface Measured {
  agent: number;
  coordinator: number;
  /** The store's own process; 0 without one. */
  store: number;
  loopDelayMs: number;
  slipMs: number;
}

export async function measureRecordingCost({ quick, say }: BenchOptions): Promise<BenchResult> {
  const load = {
    connections: CONNECTIONS,
    rate: RATE,
    warmUpMs: quick ? 1_000 : 3_000,
    steadyMs: quick ? 3_000 : 10_000,
  };
  const clickhouse = await startClickHouseChild(DATA_DIRECTORY);
  try {
    const rounds = quick ? 1 : 7;
    const results = await inTurns(Object.keys(VARIANTS) as Variant[], rounds, async (variant, round) => {
      const measured = await measureOnce(variant, load, clickhouse);
      const { agent, coordinator, store, loopDelayMs, slipMs } = measured;
      say(
        `round ${round + 1}/${rounds}  ${VARIANTS[variant].padEnd(17)} agent ${agent.toFixed(0)}, coordinator ${coordinator.toFixed(0)}, ` +
          `store ${store.toFixed(0)} mcores, loop delay ${loopDelayMs.toFixed(2)} ms, slip p99 ${slipMs.toFixed(2)} ms`,
      );
      return measured;
    });
    return { figures: figuresOf(results), notes: [NOTE] };
  } finally {
    await clickhouse.stop();
  }
}

const NOTE =
  `Recording cost: ${CONNECTIONS} connections, ${RATE} messages/s, one agent. The generator is agent and coordinator; ` +
  'a store has a process of its own, whose CPU stands apart.';

function figuresOf(results: Map<Variant, Measured[]>): Figure[] {
  const dropped = results.get('dropped')!;
  const generator = (rounds: Measured[]): number[] => rounds.map(({ agent, coordinator }) => agent + coordinator);
  const plain = (name: string, unit: string, target: Target, values: number[]): Figure => ({
    name,
    unit,
    target,
    measured: spreadOf(values),
  });
  const ofVariant = (variant: Variant): Figure[] => {
    const name = VARIANTS[variant];
    const rounds = results.get(variant)!;
    return [
      plain(
        `${name}: agent`,
        ' mcores',
        null,
        rounds.map(({ agent }) => agent),
      ),
      plain(
        `${name}: coordinator`,
        ' mcores',
        null,
        rounds.map(({ coordinator }) => coordinator),
      ),
      ...(variant === 'dropped'
        ? []
        : [
            plain(
              `${name}: its process`,
              ' mcores',
              null,
              rounds.map(({ store }) => store),
            ),
          ]),
      plain(
        `${name}: agent loop delay p99`,
        ' ms',
        null,
        rounds.map(({ loopDelayMs }) => loopDelayMs),
      ),
      plain(
        `${name}: send slip p99`,
        ' ms',
        null,
        rounds.map(({ slipMs }) => slipMs),
      ),
    ];
  };
  const judged = (['embedded', 'served'] as const).flatMap((variant): Figure[] => {
    const rounds = results.get(variant)!;
    const delays = rounds.map(({ loopDelayMs }, round) => loopDelayMs - dropped[round]!.loopDelayMs);
    return [
      {
        name: `${VARIANTS[variant]} ÷ rows dropped: CPU of the generator`,
        unit: '',
        target: { atMost: TARGETS.share },
        measured: ratiosOf(generator(rounds), generator(dropped)),
      },
      plain(
        `${VARIANTS[variant]} − rows dropped: agent loop delay p99`,
        ' ms',
        { atMost: TARGETS.loopDelayMs },
        delays,
      ),
    ];
  });
  return [...judged, ...(Object.keys(VARIANTS) as Variant[]).flatMap(ofVariant)];
}

type Load = Pick<PlimsollRun, 'connections' | 'rate' | 'warmUpMs' | 'steadyMs'>;

async function measureOnce(variant: Variant, load: Load, clickhouse: ClickHouseChild): Promise<Measured> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'recording-cost-'));
  const server = await forkNullServer();
  try {
    const run: PlimsollRun = { ...load, warmUpMs: load.warmUpMs + EDGE_MS, target: server.target, directory };
    if (variant === 'dropped') return await measureDropped(run, server);
    const results = variant === 'embedded' ? `chdb:${join(directory, 'results')}` : clickhouse.url;
    return await measureRecorded({ ...run, results }, server, variant === 'served' ? clickhouse.pid : null);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
}

async function measureDropped(run: PlimsollRun, server: NullServerChild): Promise<Measured> {
  const place = join(run.directory, 'unrecorded.json');
  const module = fileURLToPath(new URL('./unrecorded-run.js', import.meta.url));
  const child = spawn(process.execPath, [module, writeScenarioOf(run), run.target, place], {
    cwd: run.directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`the run without a store ended with code ${code}; it says why above`);
  });
  const usage = await measureWindow(child, ended, run, server, null);
  await ended;
  const { summary, loopDelays } = JSON.parse(await readFile(place, 'utf8')) as UnrecordedRun;
  return { ...usage, ...delaysOf(summary, loopDelays) };
}

async function measureRecorded(
  run: PlimsollRun & { results: string },
  server: NullServerChild,
  storePid: number | null,
): Promise<Measured> {
  const started = startPlimsollRun(run);
  const usage = await measureWindow(started.child, started.summary, run, server, storePid);
  const summary = await started.summary;
  const store = await openResultsStore(run.results, { readOnly: true });
  try {
    const { gauges } = await store.loadRun(summary.metadata.runId);
    return { ...usage, ...delaysOf(summary, gauges.agent_loop_delay?.['agent-0'] ?? []) };
  } finally {
    await store.close();
  }
}

/** CPU within the steady phase; `storePid`: the store's process, where the run did not start it. */
async function measureWindow(
  child: ChildProcess,
  ended: Promise<unknown>,
  { rate, warmUpMs, steadyMs }: PlimsollRun,
  server: NullServerChild,
  storePid: number | null,
): Promise<Pick<Measured, 'agent' | 'coordinator' | 'store'>> {
  await Promise.race([ended, loaded(server, rate)]);
  await sleep(warmUpMs);
  const agents = processTree(child.pid!, AGENT_PROCESS);
  const stores = storePid === null ? processTree(child.pid!, STORE_PROCESS) : [storePid];
  if (agents.length !== 1) throw new Error(`the run has ${agents.length} agent processes, expected 1`);
  const read = () => ({
    atMs: performance.now(),
    agent: usageOf(agents).cpuSeconds,
    coordinator: cpuSecondsOf(child.pid!),
    store: usageOf(stores).cpuSeconds,
  });
  const from = read();
  await sleep(steadyMs - EDGE_MS);
  const to = read();
  const millicores = (of: 'agent' | 'coordinator' | 'store') => ((to[of] - from[of]) * 1e6) / (to.atMs - from.atMs);
  return { agent: millicores('agent'), coordinator: millicores('coordinator'), store: millicores('store') };
}

/** Resolves with the first messages of the load. */
async function loaded(server: NullServerChild, rate: number): Promise<void> {
  while ((await server.counts()).sends < rate / 10) await sleep(50);
}

function delaysOf(
  summary: UnrecordedRun['summary'],
  loopDelays: UnrecordedRun['loopDelays'],
): Pick<Measured, 'loopDelayMs' | 'slipMs'> {
  checkRun(summary);
  const steady = summary.phases.find(({ phase }) => phase === 'steady')!;
  const within = loopDelays.filter(({ atMs }) => atMs >= steady.startMs && atMs + 1_000 <= steady.endMs);
  const slip = summary.results.metrics.find(({ name }) => name === 'send_slip');
  if (within.length === 0 || slip?.type !== 'trend') throw new Error('the run has no loop delay or no send slip');
  return { loopDelayMs: spreadOf(within.map(({ value }) => value)).median, slipMs: slip.values['p(99)'] };
}
