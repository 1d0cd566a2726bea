import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadChdb } from './chdb-loader.ts';
import { typescriptLoader } from './fork-module.ts';
import { directoryOwner } from './results-directory.ts';
import { batchOf, gaugeRow, runStart } from './results-fixtures.suite.ts';
import { type ResultsBackend, resultsStoreSuite } from './results-store.suite.ts';
import type { ResultsStore } from './results-store.ts';
import { openResultsStore } from './results-store-open.ts';

resultsStoreSuite('embedded', async (): Promise<ResultsBackend> => {
  const parent = await mkdtemp(join(tmpdir(), 'plimsoll-results-'));
  const directory = join(parent, 'made', 'when needed');
  return {
    open: (options) => openResultsStore(`chdb:${directory}`, options),
    crash: (store) => killStoreProcess(directory, store),
    dispose: () => rm(parent, { recursive: true }),
  };
});

describe('the process of the embedded results store', () => {
  let directory: string;
  let store: ResultsStore | null;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-results-'));
    store = null;
  });
  afterEach(async () => {
    await store?.close();
    await rm(directory, { recursive: true });
  });

  it('rejects what was asked of it when it dies, and everything after', async () => {
    store = await openResultsStore(`chdb:${directory}`);
    await store.startRun(runStart('a'));
    const pid = directoryOwner(directory)!.pid;
    const pending = store.write('a', batchOf({ gauges: [gaugeRow()] }));
    process.kill(pid, 'SIGKILL');
    const died = { code: 'failed', message: expect.stringMatching(/died \(signal SIGKILL/) };
    await expect(pending).rejects.toMatchObject(died);
    await expect(store.listRuns()).rejects.toMatchObject(died);
  });

  it('leaves signals of the terminal to its parent', async () => {
    store = await openResultsStore(`chdb:${directory}`);
    await store.startRun(runStart('a'));
    const { pid } = directoryOwner(directory)!;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    await store.write('a', batchOf({ gauges: [gaugeRow()] }));
    expect(await store.countRows('a')).toMatchObject({ gauges: 1 });
  });

  it('is gone once the store is closed', async () => {
    store = await openResultsStore(`chdb:${directory}`);
    const { pid } = directoryOwner(directory)!;
    await store.close();
    expect(isAlive(pid)).toBe(false);
    expect(directoryOwner(directory)).toBeNull();
    await expect(store.listRuns()).rejects.toMatchObject({ code: 'failed' });
  });

  it('frozen, stores nothing until it goes on, or is closed', async () => {
    store = await openResultsStore(`chdb:${directory}`);
    await store.startRun(runStart('a'));
    const { pid } = directoryOwner(directory)!;
    store.freeze!(true);
    await expect.poll(() => stateOf(pid)).toBe('T');
    let written = false;
    const writing = store.write('a', batchOf({ gauges: [gaugeRow()] })).then(() => {
      written = true;
    });
    // Whoever stands still can't answer, however long it is waited for.
    await new Promise((resolve) => setImmediate(resolve));
    expect([written, stateOf(pid)]).toEqual([false, 'T']);
    store.freeze!(false);
    await writing;
    store.freeze!(true);
    await store.close();
    store = await openResultsStore(`chdb:${directory}`, { readOnly: true });
    expect(await store.countRows('a')).toMatchObject({ gauges: 1 });
  });

  it('stores what it was sent and exits by itself when its parent is killed', async () => {
    const results = join(directory, 'results');
    await killParent(join(directory, 'writer.ts'), writerScript(results));
    const { pid, runId } = directoryOwner(results)!;
    expect(runId).toBe('orphaned');
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    store = await openResultsStore(`chdb:${results}`, { readOnly: true });
    expect(await store.listRuns()).toMatchObject([{ runId: 'orphaned', status: 'interrupted' }]);
    expect(await store.countRows('orphaned')).toMatchObject({ gauges: 20 });
  });

  it('leaves a question unanswered, and its lock, when its parent is killed', async () => {
    const results = join(directory, 'results');
    await killParent(join(directory, 'asker.ts'), askerScript(results));
    // Far less than the question takes.
    await expect.poll(() => directoryOwner(results), { timeout: 10_000 }).toBeNull();
    await expect.poll(() => tryToOpen(results), { timeout: 5_000 }).toBe('opened');
  });
});

describe('a directory that cannot be used', () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-results-'));
  });
  afterEach(() => rm(parent, { recursive: true }));

  it('is locked by another store, which names its run', async () => {
    const url = `chdb:${parent}`;
    const first = await openResultsStore(url);
    try {
      const locked = { code: 'locked', message: expect.stringMatching(/in use by process \d+; wait for it or name/) };
      await expect(openResultsStore(url, { readOnly: true })).rejects.toMatchObject(locked);
      await first.startRun(runStart('busy'));
      const byRun = {
        code: 'locked',
        message: expect.stringMatching(/in use by run busy; wait for it or name another/),
      };
      await expect(openResultsStore(url)).rejects.toMatchObject(byRun);
    } finally {
      await first.close();
    }
  });

  it('holds something else, which stays as it is', async () => {
    await writeFile(join(parent, 'thesis.txt'), 'years of work');
    await expect(openResultsStore(`chdb:${parent}`)).rejects.toMatchObject({ code: 'foreign' });
    expect(await readdir(parent)).toEqual(['thesis.txt']);
  });

  it('is a file, or below one', async () => {
    const file = join(parent, 'file');
    await writeFile(file, '');
    await expect(openResultsStore(`chdb:${file}`)).rejects.toMatchObject({ code: 'unwritable' });
    await expect(openResultsStore(`chdb:${join(file, 'below')}`)).rejects.toMatchObject({ code: 'unwritable' });
  });

  it('cannot be made', async () => {
    const unwritable = { code: 'unwritable', message: expect.stringMatching(/name another with --results/) };
    await expect(openResultsStore('chdb:/proc/self/results')).rejects.toMatchObject(unwritable);
  });

  it('takes no file more: it is read all the same', async () => {
    const full = join(parent, 'full');
    await (await openResultsStore(`chdb:${full}`)).close();
    // In the way of the file that says who has the directory, as a full disk would be.
    await mkdir(join(full, 'plimsoll.json.new'));
    await expect(openResultsStore(`chdb:${full}`)).rejects.toMatchObject({ code: 'unwritable' });
    const reader = await openResultsStore(`chdb:${full}`, { readOnly: true });
    expect(await reader.listRuns()).toEqual([]);
    await reader.close();
  });

  it('does not exist, and a reader does not make it', async () => {
    const missing = join(parent, 'missing');
    await expect(openResultsStore(`chdb:${missing}`, { readOnly: true })).rejects.toMatchObject({ code: 'empty' });
    await mkdir(missing);
    await expect(openResultsStore(`chdb:${missing}`, { readOnly: true })).rejects.toMatchObject({ code: 'empty' });
    expect(await readdir(missing)).toEqual([]);
  });
});

it('names the remedy when chDB is not installed', async () => {
  const load = () => Promise.reject(new Error("Cannot find package 'chdb'\nRequire stack"));
  await expect(loadChdb(load)).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringMatching(/Cannot find package 'chdb'\): run 'npm ci'/),
  });
});

async function killStoreProcess(directory: string, store: ResultsStore): Promise<void> {
  process.kill(directoryOwner(directory)!.pid, 'SIGKILL');
  await store.close();
}

/** Starts a run, sends 20 batches without waiting, says so, and lives on. */
function writerScript(directory: string): string {
  return `
    import { openResultsStore } from ${JSON.stringify(fileURLToPath(new URL('./results-store-open.ts', import.meta.url)))};
    const store = await openResultsStore(${JSON.stringify(`chdb:${directory}`)});
    await store.startRun(${JSON.stringify(runStart('orphaned'))});
    for (let i = 0; i < 20; i++) void store.write('orphaned', ${JSON.stringify(batchOf({ gauges: [gaugeRow()] }))});
    process.stdout.write('sent');`;
}

/** Asks what takes a minute, says so, and lives on. */
function askerScript(directory: string): string {
  const question = 'SELECT sum(sleepEachRow(1)) FROM numbers(60) SETTINGS max_block_size = 1';
  return `
    import { openResultsStore } from ${JSON.stringify(fileURLToPath(new URL('./results-store-open.ts', import.meta.url)))};
    const store = await openResultsStore(${JSON.stringify(`chdb:${directory}`)});
    void store.query(${JSON.stringify(question)});
    await store.listRuns();
    process.stdout.write('asked');`;
}

/** Runs a script until it says something, and kills it. */
async function killParent(file: string, script: string): Promise<void> {
  await writeFile(file, script);
  const parent = spawn(process.execPath, ['--import', typescriptLoader(), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await Promise.race([once(parent.stdout!, 'data'), once(parent, 'exit')]);
  } finally {
    parent.kill('SIGKILL');
  }
}

async function tryToOpen(directory: string): Promise<string> {
  try {
    await (await openResultsStore(`chdb:${directory}`)).close();
    return 'opened';
  } catch (error) {
    return (error as Error).message;
  }
}

/** proc(5): `T` is stopped; the command's name stands in brackets and may hold anything. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
