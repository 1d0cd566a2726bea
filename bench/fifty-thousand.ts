/**
 * The main job by its own command line: 50,000 connections on one node at the hour with the most messages, LevelDB with
 * fsync. Reads the figures from the summary that the run writes.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../loadgen/package-root.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import type { BenchOptions, BenchResult } from './bench-run.ts';
import { type Figure, spreadOf, type Target } from './figure.ts';

/** A kilobyte is 1,000 bytes: the stricter reading. */
const KILOBYTE = 1_000;
const TARGETS = { connections: 50_000, deliveryMs: 100, serverKilobytes: 8, generatorKilobytes: 12 };
const QUICK = { connections: 5_000, flags: ['--connections', '5000', '--duration', '10s'] };
/** A run that misses a target or calls itself inconclusive still has figures; anything else broke. */
const EXITS_WITH_FIGURES = [0, 98, 99];

export async function measureFiftyThousand({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'fifty-thousand-'));
  try {
    const summaryPath = join(directory, 'summary.json');
    say('a run of the main job, about two minutes');
    await run([
      ...['run', 'fifty-thousand', '--durability', 'fsync', '--quiet', ...(quick ? QUICK.flags : [])],
      ...['--results', `chdb:${join(directory, 'results')}`],
      ...['--html', join(directory, 'report.html'), '--summary-json', summaryPath],
    ]);
    const summary = JSON.parse(await readFile(summaryPath, 'utf8')) as RunSummary;
    return resultOf(summary, quick ? QUICK.connections : TARGETS.connections);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The figures of a run's summary. Kernel memory is counted half for each end. */
export function resultOf(summary: RunSummary, connections: number): BenchResult {
  const { ledger, server, generator, kernel, connecting } = summary;
  const figures: Figure[] = [];
  const add = (name: string, value: number | null, unit: string, target: Target): void => {
    if (value === null) throw new Error(`the run has no figure for: ${name}`);
    figures.push({ name, unit, target, measured: spreadOf([value]) });
  };
  const withKernel = (bytes: number | null): number | null =>
    bytes === null || kernel.memoryBytesPerConnection === null
      ? null
      : (bytes + kernel.memoryBytesPerConnection / 2) / KILOBYTE;

  add('connections open', server.connectionsPeak, '', { atLeast: connections });
  add('connections failed', connecting.failed, '', { atMost: 0 });
  add('messages lost', ledger.lost, '', { atMost: 0 });
  add('messages duplicated', ledger.duplicated, '', { atMost: 0 });
  add('messages out of order', ledger.reordered, '', { atMost: 0 });
  add('messages delivered ÷ sent', ledger.sent === 0 ? null : ledger.delivered / ledger.sent, '', { atLeast: 1 });
  add('delivery latency p99', deliveryP99(summary), ' ms', { atMost: TARGETS.deliveryMs });
  add('server memory a connection', withKernel(server.memoryBytesPerConnection), ' KB', {
    atMost: TARGETS.serverKilobytes,
  });
  add('generator memory a connection', withKernel(generator.memoryBytesPerConnection), ' KB', {
    atMost: TARGETS.generatorKilobytes,
  });
  add('time to open them', connecting.seconds, ' s', null);
  const reasons = [...summary.failures, ...summary.validity.reasons];
  return { figures, notes: [`The main job's own verdict: ${[summary.verdict, ...reasons].join('; ')}.`] };
}

function deliveryP99(summary: RunSummary): number | null {
  const metric = summary.results.metrics.find(({ name }) => name === 'delivery_latency');
  return metric?.type === 'trend' && metric.values.count > 0 ? metric.values['p(99)'] : null;
}

function run(flags: string[]): Promise<void> {
  const bin = join(packageRoot(), 'loadgen', 'cli', 'bin.mjs');
  const child = spawn(process.execPath, [bin, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code !== null && EXITS_WITH_FIGURES.includes(code)) resolve();
      else reject(new Error(`plimsoll run fifty-thousand ended with ${signal ?? `code ${code}`}; it says why above`));
    });
  });
}
