import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runStart, runSummary } from '../../reports/results/results-fixtures.suite.ts';
import { ResultsError, type ResultsStore } from '../../reports/results/results-store.ts';
import { segmentsOf } from '../../reports/results/spool-directory.ts';
import { decodeSegment } from '../../reports/results/spool-segment.ts';
import { SpoolWriter } from '../../reports/results/spool-writer.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { ResultsSink } from './results-sink.ts';

const AWAY = new ResultsError('unreachable', 'ClickHouse at http://far/db does not answer (gone): check.');

/** Takes segments as its `answer` says; counts rows of samples as they are stored. */
class FakeStore {
  answer: () => Promise<void> = async () => {};
  rows = new Map<string, number>();
  attempts: Array<{ doubtful: boolean | undefined }> = [];
  frozen: boolean[] = [];

  async startRun(): Promise<void> {}

  async storeSegment(source: string | Buffer, options: { doubtful?: boolean }): Promise<number> {
    this.attempts.push({ doubtful: options.doubtful });
    await this.answer();
    const bytes = typeof source === 'string' ? readFileSync(source) : source;
    let sum = 0;
    for (const { table, rows } of decodeSegment(bytes, 'segment')!.records) {
      this.rows.set(table, (this.rows.get(table) ?? 0) + rows);
      sum += rows;
    }
    return sum;
  }

  async countRows() {
    const of = (table: string) => this.rows.get(table) ?? 0;
    return { histograms: of('histograms'), counters: of('counters'), gauges: of('gauges') };
  }
}

let directory: string;
let store: FakeStore;
let notices: string[];
let spool: SpoolWriter;
let sink: ResultsSink;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  directory = mkdtempSync(join(tmpdir(), 'plimsoll-sink-'));
  store = new FakeStore();
  notices = [];
  sink = await newSink();
});

afterEach(async () => {
  store.answer = async () => {};
  await sink.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

async function newSink(options: { limitBytes?: number; memoryBytes?: number } = {}): Promise<ResultsSink> {
  const onNotice = (text: string) => notices.push(text);
  spool = new SpoolWriter({ runId: 'run', directory, limitBytes: 2 ** 30, ...options, onTrouble: onNotice });
  const made = new ResultsSink(store as unknown as ResultsStore, spool, {
    runId: 'run',
    place: 'http://far/db',
    onNotice,
  });
  await made.start(runStart('run'));
  return made;
}

function rowsOf(count = 1): SampleBatch {
  const row = { atMs: 1, source: 'agent-0', metric: 'connections' as const, value: 1 };
  return { histograms: [], counters: [], gauges: Array.from({ length: count }, () => row) };
}

/** Time for the next delivery, and until what it does has come to rest. */
async function nextDelivery(done: () => boolean): Promise<void> {
  await vi.advanceTimersByTimeAsync(5_000);
  await until(done);
}

/** In real time: what is waited for is done by the file system. */
async function until(done: () => boolean): Promise<void> {
  const startedAt = performance.now();
  while (!done()) {
    if (performance.now() - startedAt > 15_000) throw new Error(`waited in vain for ${done}`);
    await new Promise(setImmediate);
  }
}

/** Without the one that has the run's own row. */
const waitingFiles = () => segmentsOf(directory).slice(1);
const stored = () => store.rows.get('gauges') ?? 0;

describe('rows of a run', () => {
  it('are on disk within a quarter of a second, and then in the store, once, and nothing is left', async () => {
    sink.write(rowsOf(3));
    await vi.advanceTimersByTimeAsync(250);
    await until(() => waitingFiles().length === 1);
    await until(() => (decodeSegment(readFileSync(waitingFiles()[0]!), '')?.records.length ?? 0) === 1);
    expect(stored()).toBe(0);
    await nextDelivery(() => stored() === 3);
    await until(() => waitingFiles().length === 0);
    sink.write(rowsOf(2));
    expect(await sink.settle()).toEqual({ recorded: 5, stored: 5, waiting: 0 });
    expect(await sink.finish(runSummary(runStart('run')))).toEqual({ waiting: 0, lost: 0, endLost: false });
    expect(store.rows.get('run_ends')).toBe(1);
    expect(readdirSync(join(directory, '..')).includes(directory)).toBe(false);
    expect(notices).toEqual([]);
  });

  it('that can’t be stored as they are count as recorded, and the reason is said once', async () => {
    const bad = rowsOf();
    bad.gauges[0] = { ...bad.gauges[0]!, value: Number.NaN };
    sink.write(bad);
    sink.write(bad);
    expect(await sink.settle()).toEqual({ recorded: 2, stored: 0, waiting: 0 });
    expect(notices).toEqual([expect.stringMatching(/NaN: only finite values/)]);
  });
});

describe('a store that is away', () => {
  it('is said once, gets everything when it is back, and is asked what it has of what went unanswered', async () => {
    store.answer = () => Promise.reject(AWAY);
    for (let attempt = 1; attempt <= 3; attempt++) {
      sink.write(rowsOf());
      await nextDelivery(() => store.attempts.length === attempt);
    }
    expect(notices).toEqual(['http://far/db does not answer; rows go to disk']);
    store.answer = async () => {};
    await nextDelivery(() => notices.length === 2);
    expect(stored()).toBe(3);
    expect(notices[1]).toBe('http://far/db is back; 3 rows delivered');
    expect(store.attempts.map(({ doubtful }) => doubtful)).toEqual([false, true, true, true, false]);
    expect(await sink.settle()).toEqual({ recorded: 3, stored: 3, waiting: 0 });
  });

  it('at the end leaves rows on disk, the end of the run among them, which are counted as waiting', async () => {
    store.answer = () => Promise.reject(AWAY);
    sink.write(rowsOf(4));
    expect(await sink.settle()).toEqual({ recorded: 4, stored: 0, waiting: 4 });
    const { waiting, lost } = await sink.finish(runSummary(runStart('run')));
    expect(lost).toBe(0);
    expect(waiting).toBeGreaterThan(4);
    const left = waitingFiles().flatMap((file) => decodeSegment(readFileSync(file), file)!.records);
    expect(left.reduce((sum, { rows }) => sum + rows, 0)).toBe(waiting);
    expect(left.at(-1)!.table).toBe('run_ends');
  });

  it('without refusing, is waited for only so long at the end', async () => {
    store.answer = () => new Promise(() => {});
    sink.write(rowsOf());
    const settled = sink.settle();
    await until(() => store.attempts.length === 1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await settled).toEqual({ recorded: 1, stored: 0, waiting: 1 });
    expect(notices).toEqual(['http://far/db does not answer; rows go to disk']);
  });

  it('for another reason (a changed password) says which', async () => {
    store.answer = () => Promise.reject(new ResultsError('denied', 'ClickHouse refuses this user.'));
    sink.write(rowsOf());
    await nextDelivery(() => notices.length === 1);
    expect(notices).toEqual(['ClickHouse refuses this user. Rows go to disk.']);
  });
});

describe('held by a fault', () => {
  it('a server gets nothing; afterwards it gets all', async () => {
    sink.hold(true);
    for (let i = 0; i < 3; i++) {
      sink.write(rowsOf());
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(store.attempts).toEqual([]);
    sink.hold(false);
    await until(() => stored() === 3);
  });

  it('an embedded store hangs, and is let go on before the end', async () => {
    let goOn = (): void => {};
    const freeze = (on: boolean): void => {
      store.frozen.push(on);
      if (on) store.answer = () => new Promise((resolve) => (goOn = resolve));
      else goOn();
    };
    Object.assign(store, { freeze });
    sink.hold(true);
    sink.write(rowsOf());
    await nextDelivery(() => store.attempts.length === 1);
    sink.write(rowsOf());
    const settling = sink.settle();
    store.answer = async () => {};
    expect(await settling).toEqual({ recorded: 2, stored: 2, waiting: 0 });
    expect(store.frozen).toEqual([true, false]);
  });
});

describe('a bound', () => {
  it('of the disk that leaves nothing there: what is only in memory at the end does not count as waiting', async () => {
    const first = sink;
    sink = await newSink({ limitBytes: 0 });
    store.answer = () => Promise.reject(AWAY);
    sink.write(rowsOf(3));
    const lostBecause = 'the spool is full (--spool-limit)';
    expect(await sink.settle()).toEqual({ recorded: 3, stored: 0, waiting: 0, lostBecause });
    expect(await sink.finish(runSummary(runStart('run')))).toEqual({ waiting: 0, lost: 3, endLost: true });
    await first.close();
  });

  it('of the disk leaves rows in memory, and there is one for that too: what is lost is counted and said', async () => {
    const first = sink;
    sink = await newSink({ limitBytes: 400, memoryBytes: 1_000 });
    store.answer = () => Promise.reject(AWAY);
    for (let i = 0; i < 40; i++) {
      sink.write(rowsOf());
      await spool.write();
    }
    expect(spool.lostRows).toBeGreaterThan(0);
    expect(spool.waitingRows + spool.lostRows).toBe(40);
    expect(notices).toEqual([
      expect.stringMatching(/--spool-limit/),
      expect.stringMatching(/some of this run are lost/),
    ]);
    store.answer = async () => {};
    const { recorded, stored: inStore, waiting } = await sink.settle();
    expect({ recorded, waiting }).toEqual({ recorded: 40, waiting: 0 });
    expect(inStore).toBe(40 - spool.lostRows);
    await first.close();
  });
});
