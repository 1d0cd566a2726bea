/** Runs the built command line as a person or a script would: real processes, in a scratch folder that goes afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunSummary } from '../recorder/summary.ts';

export const PROJECT = resolve(import.meta.dirname, '..', '..');
const BIN = join(PROJECT, 'loadgen', 'cli', 'bin.mjs');
const WAIT_MS = 60_000;

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  /** What has come so far. */
  output: { stdout: string; stderr: string };
  finished: Promise<Finished>;
  /** Resolves when standard error or output matches; rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

export class Workspace {
  readonly directory = mkdtempSync(join(tmpdir(), 'plimsoll-cli-'));
  #started: Started[] = [];

  /** Start `plimsoll …` in this workspace; `prefix`: a command that runs it, elsewhere maybe. */
  start(args: string[], env: Record<string, string> = {}, prefix: string[] = []): Started {
    const [command, ...rest] = [...prefix, process.execPath, BIN, ...args];
    const child = spawn(command!, rest, {
      cwd: this.directory,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    const finished = new Promise<Finished>((done) => {
      child.once('close', (code) => done({ code, ...output }));
    });
    const started: Started = {
      child,
      output,
      finished,
      until: (pattern) =>
        waitFor(() => pattern.exec(output.stderr) ?? pattern.exec(output.stdout), finished, `${pattern}`, output),
    };
    this.#started.push(started);
    return started;
  }

  run(args: string[], env: Record<string, string> = {}): Promise<Finished> {
    return this.start(args, env).finished;
  }

  summary(file: string): RunSummary {
    return JSON.parse(readFileSync(join(this.directory, file), 'utf8')) as RunSummary;
  }

  /** All that were started so far. */
  get started(): readonly Started[] {
    return this.#started;
  }

  /** Processes that run with this workspace as their folder: all that its commands started. */
  processes(): number[] {
    return processesIn(this.directory);
  }

  /** The command line of one of them. */
  commandOf(pid: number): string {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  }

  async close(): Promise<void> {
    for (const { child } of this.#started)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    // What those left behind goes too; a test that must leave nothing behind checks `processes()` itself.
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    await Promise.all(this.#started.map(({ finished }) => finished));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function eventually<Value>(
  read: () => Value | null | undefined | false | Promise<Value | null | undefined | false>,
  what: string,
): Promise<Value> {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function waitFor<Value>(
  read: () => Value | null,
  finished: Promise<Finished>,
  what: string,
  output: { stderr: string },
): Promise<Value> {
  let ended = false;
  void finished.then(() => {
    ended = true;
  });
  return eventually(() => {
    const value = read();
    if (value === null && ended)
      throw new Error(`the command ended before it said ${what}: ${output.stderr.slice(-2_000)}`);
    return value;
  }, what);
}

function processesIn(directory: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // A zombie has no folder any more; one of another user can't be read.
      return readlinkSync(`/proc/${name}/cwd`) === directory ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
