/**
 * Does the generator keep its schedule near its limit? Its ceiling is measured as `plimsoll doctor --ceiling` does, against the
 * null server, by stairs that double every four seconds; then `plimsoll run` drives the null server at 80% of it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ceiling } from '../loadgen/null-server/ceiling.ts';
import { forkNullServer } from '../loadgen/null-server/null-server-child.ts';
import { packageRoot } from '../loadgen/package-root.ts';
import type { MetricName } from '../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';
import { DATA_DIRECTORY } from './bench-data.ts';
import type { BenchOptions, BenchResult } from './bench-run.ts';
import { type Figure, spreadOf, type Target } from './figure.ts';
import { checkRun, startPlimsollRun } from './plimsoll-run.ts';

const SHARE = 0.8;
const CONNECTIONS = 1_000;
const TARGETS = { achieved: 0.99, slipMs: 5 };

interface Measured {
  achieved: number;
  slipMs: number;
}

export async function measurePacing({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'pacing-'));
  try {
    const ceiling = await measureCeiling(directory);
    say(`ceiling ${ceiling.messagesPerSecond} messages/s, ${ceiling.connectionsPerSecond} connections/s`);
    // One agent, as the run has it, on a machine where the ceiling is that of several.
    const rate = Math.floor((ceiling.messagesPerSecond / ceiling.agents) * SHARE);
    const rounds: Measured[] = [];
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      const measured = await measureOnce(rate, directory, quick);
      rounds.push(measured);
      say(`at ${rate}/s: achieved ${(measured.achieved * 100).toFixed(2)}%, slip p99 ${measured.slipMs.toFixed(2)} ms`);
    }
    return {
      figures: figuresOf(ceiling, rounds),
      notes: [`Pacing: ${CONNECTIONS} connections, at ${rate} messages/s.`],
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measureCeiling(directory: string): Promise<Ceiling> {
  const bin = join(packageRoot(), 'loadgen', 'cli', 'bin.mjs');
  const child = spawn(process.execPath, [bin, 'doctor', '--ceiling', '--connections', '1000', '--json'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`plimsoll doctor --ceiling ended with code ${code}; it says why above`);
  return JSON.parse(await readFile(join(directory, '.plimsoll', 'ceiling.json'), 'utf8')) as Ceiling;
}

async function measureOnce(rate: number, directory: string, quick: boolean): Promise<Measured> {
  const server = await forkNullServer();
  try {
    const steadyMs = quick ? 3_000 : 10_000;
    const load = { connections: CONNECTIONS, rate, warmUpMs: 3_000, steadyMs };
    const summary = await startPlimsollRun({ ...load, target: server.target, directory }).summary;
    checkRun(summary);
    return {
      achieved: figureOf(summary, 'messages_delivered', 'rate') / rate,
      slipMs: figureOf(summary, 'send_slip', 'p(99)'),
    };
  } finally {
    await server.stop();
  }
}

/** One value of a metric of the run. */
function figureOf({ results }: RunSummary, name: MetricName, value: string): number {
  const values = results.metrics.find((metric) => metric.name === name)?.values as Record<string, number> | undefined;
  if (values?.[value] === undefined) throw new Error(`the run has no figure for: ${name} ${value}`);
  return values[value];
}

function figuresOf(ceiling: Ceiling, rounds: Measured[]): Figure[] {
  const figure = (name: string, unit: string, target: Target, values: number[]): Figure => ({
    name,
    unit,
    target,
    measured: spreadOf(values),
  });
  const achieved = rounds.map((round) => round.achieved);
  const slips = rounds.map((round) => round.slipMs);
  return [
    figure('generator at 80% of its ceiling: achieved ÷ offered', '', { atLeast: TARGETS.achieved }, achieved),
    figure('generator at 80% of its ceiling: send slip p99', ' ms', { atMost: TARGETS.slipMs }, slips),
    figure('generator ceiling: messages', '/s', null, [ceiling.messagesPerSecond]),
    figure('generator ceiling: connections', '/s', null, [ceiling.connectionsPerSecond]),
  ];
}
