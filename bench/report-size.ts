/**
 * What a long run leaves behind, and what it costs to look at it: rows as eight agents record them in an hour are put into an
 * embedded results store, which rolls them up behind, and then `plimsoll report` makes its page of them, as anybody would start it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { forkNullServer } from '../loadgen/null-server/null-server-child.ts';
import { packageRoot } from '../loadgen/package-root.ts';
import type { SampleBatch } from '../loadgen/recorder/samples.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';
import { loadChdb } from '../reports/results/chdb-loader.ts';
import type { ResultsStore } from '../reports/results/results-store.ts';
import { openResultsStore } from '../reports/results/results-store-open.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import type { BenchOptions, BenchResult } from './bench-run.ts';
import { type Figure, spreadOf, type Target } from './figure.ts';
import { MADE_UP_TRENDS, type MadeUpLoad, madeUpSeconds } from './made-up-hour.ts';
import { startPlimsollRun } from './plimsoll-run.ts';
import { peakMemoryOf, processTree, usageOf } from './process-tree.ts';

const AGENTS = 8;
const SAMPLES_PER_SECOND = 1_000;
const RUN_ID = 'made-up-hour';
const START_MS = Date.UTC(2026, 0, 5, 9);
/** Seconds that go into the store at once: a run writes each on its own, and the store merges them afterwards. */
const SECONDS_A_WRITE = 30;
const WATCH_MS = 10;
const MEGABYTE = 1e6;
const TARGETS = { rowBytes: 2_000, reportSeconds: 5, reportBytes: 2 ** 30, pageBytes: 1.5 * MEGABYTE };

interface Measured {
  seconds: number;
  /** The command and the store's process, each at its highest, together. */
  peakBytes: number;
  /** Of both, as far as was seen before they ended. */
  cpuSeconds: number;
}

export async function measureReportSize({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'report-size-'));
  const load = {
    agents: AGENTS,
    seconds: quick ? 120 : 3_600,
    samplesPerSecond: SAMPLES_PER_SECOND,
    startMs: START_MS,
  };
  try {
    const results = `chdb:${join(directory, 'results')}`;
    const rows = load.agents * load.seconds * MADE_UP_TRENDS.length;
    const fillSeconds = await fill(results, load, await summaryOfShortRun(directory));
    say(`${rows.toLocaleString('en-US')} histogram rows stored in ${fillSeconds.toFixed(0)} s`);
    const { bytes, rolledUp } = await storedBytes(join(directory, 'results'));
    say(
      `${(bytes / rows).toFixed(0)} bytes for an agent, a metric and a second, of which ${(rolledUp / rows).toFixed(0)} are roll-ups`,
    );
    const page = join(directory, 'report.html');
    const reports: Measured[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      const measured = await measureCommand(['report', RUN_ID, '--results', results, '--html', page], directory);
      say(
        `report --html: ${measured.seconds.toFixed(2)} s, ${(measured.peakBytes / MEGABYTE).toFixed(0)} MB, ${measured.cpuSeconds.toFixed(2)} s of CPU`,
      );
      reports.push(measured);
    }
    return { figures: figuresOf(bytes / rows, reports, (await stat(page)).size), notes: [noteOf(load, rows)] };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function noteOf({ agents, seconds }: MadeUpLoad, rows: number): string {
  return (
    `Report size: ${agents} agents, ${seconds} seconds, ${MADE_UP_TRENDS.length} metrics of ${SAMPLES_PER_SECOND} samples a second: ` +
    `${rows.toLocaleString('en-US')} histogram rows, embedded store.`
  );
}

function figuresOf(rowBytes: number, reports: Measured[], pageBytes: number): Figure[] {
  const figure = (name: string, unit: string, target: Target, values: number[]): Figure => ({
    name,
    unit,
    target,
    measured: spreadOf(values),
  });
  const seconds = reports.map((report) => report.seconds);
  const peaks = reports.map((report) => report.peakBytes / MEGABYTE);
  const cpu = reports.map((report) => report.cpuSeconds);
  return [
    figure('stored for an agent, a metric and a second', ' bytes', { atMost: TARGETS.rowBytes }, [rowBytes]),
    figure('report of an hour, 8 agents: time', ' s', { atMost: TARGETS.reportSeconds }, seconds),
    figure('report of an hour, 8 agents: memory', ' MB', { atMost: TARGETS.reportBytes / MEGABYTE }, peaks),
    figure('report of an hour, 8 agents: CPU of both processes', ' s', null, cpu),
    figure('report of an hour, 8 agents: page', ' MB', { atMost: TARGETS.pageBytes / MEGABYTE }, [
      pageBytes / MEGABYTE,
    ]),
  ];
}

/** Resolves with the seconds that it took. */
async function fill(results: string, load: MadeUpLoad, summary: RunSummary): Promise<number> {
  const startedAt = performance.now();
  const store = await openResultsStore(results);
  try {
    await store.startRun({
      runId: RUN_ID,
      name: RUN_ID,
      tags: {},
      startedAtMs: load.startMs,
      scenario: RUN_ID,
      scenarioText: '',
      command: 'plimsoll run',
      seed: 1,
      config: {},
      environment: {},
    });
    await writeAll(store, load);
    const endMs = load.startMs + load.seconds * 1_000;
    const metadata = {
      ...summary.metadata,
      runId: RUN_ID,
      name: RUN_ID,
      startedAt: new Date(load.startMs).toISOString(),
    };
    const phases = [{ phase: 'steady', startMs: load.startMs, endMs }];
    await store.finishRun(RUN_ID, { ...summary, metadata, phases });
  } finally {
    await store.close();
  }
  return (performance.now() - startedAt) / 1_000;
}

/** One write is under way while the next is made. */
async function writeAll(store: ResultsStore, load: MadeUpLoad): Promise<void> {
  let writing = Promise.resolve();
  let waiting: SampleBatch = { histograms: [], counters: [], gauges: [] };
  let seconds = 0;
  for (const batch of madeUpSeconds(load)) {
    waiting.histograms.push(...batch.histograms);
    waiting.counters.push(...batch.counters);
    waiting.gauges.push(...batch.gauges);
    if (++seconds % SECONDS_A_WRITE !== 0 && seconds < load.seconds) continue;
    await writing;
    writing = store.write(RUN_ID, waiting);
    waiting = { histograms: [], counters: [], gauges: [] };
  }
  await writing;
}

/** A page with a verdict, a ledger and an environment is not smaller than one without: a real run's stand in it. */
async function summaryOfShortRun(directory: string): Promise<RunSummary> {
  const server = await forkNullServer();
  try {
    const load = { connections: 100, rate: 100, warmUpMs: 1_000, steadyMs: 1_000 };
    return await startPlimsollRun({ ...load, target: server.target, directory }).summary;
  } finally {
    await server.stop();
  }
}

/** Of the parts that count: those that a merge has made superfluous lie there for some minutes more. */
async function storedBytes(directory: string): Promise<{ bytes: number; rolledUp: number }> {
  const client = (await loadChdb())(directory);
  try {
    const result = await client.query({
      query: `SELECT sum(bytes_on_disk)::Float64 AS bytes, sumIf(bytes_on_disk, table IN ('seconds', 'minutes'))::Float64 AS rolledUp
        FROM system.parts WHERE active AND database = 'plimsoll'`,
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ bytes: number; rolledUp: number }>();
    return row!;
  } finally {
    await client.close();
  }
}

/** `plimsoll …` from its start to its end, with the processes that it starts. */
async function measureCommand(args: string[], cwd: string): Promise<Measured> {
  const bin = join(packageRoot(), 'loadgen', 'cli', 'bin.mjs');
  const startedAt = performance.now();
  const child = spawn(process.execPath, [bin, ...args], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  const peaks = new Map<number, number>();
  const cpu = new Map<number, number>();
  const watch = setInterval(() => {
    for (const pid of processTree(child.pid!)) {
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peakMemoryOf(pid)));
      cpu.set(pid, Math.max(cpu.get(pid) ?? 0, usageOf([pid]).cpuSeconds));
    }
  }, WATCH_MS);
  const [code] = await once(child, 'exit');
  clearInterval(watch);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (code !== 0) throw new Error(`plimsoll ${args[0]} ended with code ${code}; it says why above`);
  return { seconds, peakBytes: sum(peaks.values()), cpuSeconds: sum(cpu.values()) };
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
