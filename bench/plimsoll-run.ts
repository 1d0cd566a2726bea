/** `plimsoll run` as a process of its own, as anybody would start it, and the summary that it writes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../loadgen/package-root.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';

export interface PlimsollRun {
  target: string;
  connections: number;
  /** Messages/s, at constant intervals. */
  rate: number;
  warmUpMs: number;
  steadyMs: number;
  /** Where the run keeps what it writes. */
  directory: string;
  /** Another built checkout of Plimsoll; default this one. */
  checkout?: string | null;
  /** As `--results` has it; default a store in `directory`. */
  results?: string;
}

export interface StartedRun {
  child: ChildProcess;
  /** Rejects when the command broke: then there is no summary. */
  summary: Promise<RunSummary>;
}

/** A run that calls itself inconclusive, or in which a threshold failed, still has figures; anything else broke. */
const EXITS_WITH_FIGURES = [0, 98, 99];

/** One agent process against `target`. */
export function startPlimsollRun(run: PlimsollRun): StartedRun {
  const { directory } = run;
  const scenario = writeScenarioOf(run);
  const summaryPath = join(directory, 'summary.json');
  const bin = join(run.checkout ?? packageRoot(), 'loadgen', 'cli', 'bin.mjs');
  const flags = ['--target', run.target, '--agents', '1', '--quiet', '--no-thresholds', '--summary-json', summaryPath];
  if (run.results !== undefined) flags.push('--results', run.results);
  const child = spawn(process.execPath, [bin, 'run', scenario, ...flags], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const summary = once(child, 'exit').then(([code, signal]) => {
    if (!EXITS_WITH_FIGURES.includes(code)) throw new Error(`plimsoll run ended with ${signal ?? `code ${code}`}`);
    return JSON.parse(readFileSync(summaryPath, 'utf8')) as RunSummary;
  });
  summary.catch(() => {}); // Whoever awaits it hears of it.
  return { child, summary };
}

/** The path of the scenario of a run, written into its directory. */
export function writeScenarioOf(run: PlimsollRun): string {
  const path = join(run.directory, 'scenario.json');
  writeFileSync(path, JSON.stringify(scenarioOf(run)));
  return path;
}

/** Throws unless every message that was sent arrived, once and in order. */
export function checkRun({ ledger }: RunSummary): void {
  const { sent, delivered, lost, duplicated, reordered } = ledger;
  if (sent === delivered && lost + duplicated + reordered === 0) return;
  throw new Error(
    `plimsoll run did not deliver: ${sent} sent, ${delivered} delivered, ${lost} lost, ${duplicated} duplicated, ${reordered} out of order`,
  );
}

function scenarioOf({ connections, rate, warmUpMs, steadyMs }: PlimsollRun): object {
  return {
    name: 'bench',
    description: `${connections} connections, ${rate} messages/s`,
    question: 'What does the generator itself cost, or reach?',
    badSign: 'None: the server does nothing.',
    connections,
    load: { rate, arrivals: 'constant' },
    phases: { warmUp: `${warmUpMs}ms`, steady: `${steadyMs}ms`, drain: '3s' },
  };
}
