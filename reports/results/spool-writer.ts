/**
 * Rows of a run on disk until the results store has them: encoded once, written within a quarter of a second, and cut into
 * segments that are stored, and removed, one by one. What is written survives `kill -9` of this process.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { RunStart } from './results-store.ts';
import { startRow, type TableRows } from './run-rows.ts';
import { removeSpool, START_SEGMENT, segmentPath } from './spool-directory.ts';
import { addRows, encodeHead, encodeRecord, type RowCounts, totalRows } from './spool-segment.ts';

/** A bigger one is cut while the store is away: it is read whole to be stored. */
const SEGMENT_BYTES = 4 * 2 ** 20;
/** What waits in memory where the disk takes nothing. */
const MEMORY_BYTES = 16 * 2 ** 20;

export interface SpoolOptions {
  runId: string;
  /** The spool's folder (`createSpool`); null: rows wait in memory. */
  directory: string | null;
  /** Bytes on disk at most. */
  limitBytes: number;
  /** Bytes in memory at most, for tests. */
  memoryBytes?: number;
  /** Rows can't be written, for the reason that `message` gives; once for each reason. */
  onTrouble: (message: string) => void;
}

/** Rows to store next, to be removed when they are. */
export interface ClosedSegment {
  /** A file, or the bytes where the disk took none. */
  source: string | Buffer;
  rows: number;
  bytes: number;
  /** An attempt to store it ended without an answer. */
  doubtful: boolean;
}

interface Pending {
  table: string;
  rows: number;
  bytes: Buffer;
}

interface OpenSegment {
  number: number;
  before: RowCounts;
  rows: RowCounts;
  /** Null until something is written. */
  file: { path: string; handle: FileHandle; bytes: number } | null;
}

export class SpoolWriter {
  readonly #options: SpoolOptions;
  readonly #closed: ClosedSegment[] = [];
  #open: OpenSegment = { number: 1, before: {}, rows: {}, file: null };
  #pending: Pending[] = [];
  /** Of what is pending and of segments in memory. */
  #memoryBytes = 0;
  #diskBytes = 0;
  #lostRows = 0;
  #pendingRows = 0;
  #lostBecause: string | null = null;
  #working: Promise<void> = Promise.resolve();
  #troubles = new Set<string>();

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Not stored yet: on disk, or in memory where the disk takes none. */
  get waitingRows(): number {
    const closed = this.#closed.reduce((sum, { rows }) => sum + rows, 0);
    return closed + totalRows(this.#open.rows) + this.#pendingRows;
  }

  /** Of these, what would survive this process. */
  get safeRows(): number {
    const files = this.#closed.filter(({ source }) => typeof source === 'string');
    return files.reduce((sum, { rows }) => sum + rows, 0) + totalRows(this.#open.rows);
  }

  /** Where they wait. */
  get place(): string {
    return this.#options.directory ?? 'memory';
  }

  /** Neither disk nor memory had room for them. */
  get lostRows(): number {
    return this.#lostRows;
  }

  /** What kept rows from the disk last, as a clause; null: nothing did. */
  get lostBecause(): string | null {
    return this.#lostBecause;
  }

  /** What is stored next. */
  get oldest(): ClosedSegment | undefined {
    return this.#closed[0];
  }

  /** What makes a run of the rows, for a store that has forgotten it; stored by whoever delivers what is left behind. */
  keepStart(run: RunStart): void {
    const { directory, runId } = this.#options;
    if (directory === null) return;
    const bytes = Buffer.concat([
      encodeHead({ runId, segment: START_SEGMENT, before: {} }),
      encodeRecord('runs', [startRow(run)]),
    ]);
    try {
      writeFileSync(segmentPath(directory, START_SEGMENT), bytes);
    } catch (error) {
      this.#complain(`nothing can be written to ${directory} (${(error as Error).message}); rows wait in memory`);
    }
  }

  /** Takes rows; they are on disk after the next `write`. */
  append(tables: readonly TableRows[]): void {
    for (const { table, rows } of tables) {
      const bytes = encodeRecord(table, rows);
      if (this.#memoryBytes + bytes.length > (this.#options.memoryBytes ?? MEMORY_BYTES)) {
        this.#lostRows += rows.length;
        this.#complain('there is no room for more rows; some of this run are lost');
        continue;
      }
      this.#pending.push({ table, rows: rows.length, bytes });
      this.#pendingRows += rows.length;
      this.#memoryBytes += bytes.length;
    }
  }

  /** Resolves when what was appended is written, or can't be and waits in memory. */
  write(): Promise<void> {
    return this.#oneAtATime(() => this.#writePending());
  }

  /** What was appended becomes a segment, or more. */
  cut(): Promise<void> {
    return this.#oneAtATime(async () => {
      await this.#writePending();
      await this.#closeFile();
      if (this.#pending.length > 0) this.#closeMemory();
    });
  }

  /** Of a segment that is stored. */
  remove(segment: ClosedSegment): void {
    this.#closed.splice(this.#closed.indexOf(segment), 1);
    if (typeof segment.source === 'string') {
      try {
        rmSync(segment.source, { force: true });
        this.#diskBytes -= segment.bytes;
      } catch (error) {
        // Whoever delivers it once more finds its rows stored.
        this.#complain(`${segment.source} can't be removed (${(error as Error).message})`);
      }
    } else this.#memoryBytes -= segment.bytes;
  }

  /** True, and its rows count as lost, if somebody has removed its file. */
  forget(segment: ClosedSegment): boolean {
    if (typeof segment.source !== 'string' || existsSync(segment.source)) return false;
    this.remove(segment);
    this.#lostRows += segment.rows;
    this.#lostBecause = `${segment.source} was removed`;
    this.#complain(`${segment.source} is gone; some rows of this run are lost`);
    return true;
  }

  /** Ends writing; the folder goes too if nothing waits in it. */
  async close(): Promise<void> {
    await this.cut();
    if (this.#options.directory !== null && this.waitingRows === 0) removeSpool(this.#options.directory);
  }

  /** Rows of a run that never began are nobody's. */
  discard(): Promise<void> {
    return this.#oneAtATime(async () => {
      await this.#closeFile();
      if (this.#options.directory !== null) removeSpool(this.#options.directory);
    });
  }

  #oneAtATime(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working.then(work);
    return this.#working;
  }

  async #writePending(): Promise<void> {
    const { directory, limitBytes } = this.#options;
    if (this.#pending.length === 0 || directory === null) return;
    // A copy: more comes while these are written.
    const taken = [...this.#pending];
    const opened = this.#open;
    const head = opened.file === null ? [encodeHead(this.#head())] : [];
    const bytes = Buffer.concat([...head, ...taken.map((record) => record.bytes)]);
    if (this.#diskBytes + bytes.length > limitBytes) {
      this.#lostBecause = 'the spool is full (--spool-limit)';
      return this.#complain(`the spool is full (--spool-limit); rows wait in memory as far as they fit`);
    }
    try {
      const path = segmentPath(directory, opened.number);
      opened.file ??= { path, handle: await open(path, 'a'), bytes: 0 };
      await opened.file.handle.appendFile(bytes);
    } catch (error) {
      // A part of it may be there: what came after that could not be read.
      const cut = await opened.file?.handle.truncate(opened.file.bytes).then(
        () => true,
        () => false,
      );
      if (!cut || opened.file?.bytes === 0) await this.#closeFile();
      const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      this.#lostBecause = full
        ? `the disk that holds ${directory} is full`
        : `${directory} can't be written (${(error as Error).message})`;
      return this.#complain(`rows can't be written to ${directory} (${(error as Error).message}); they wait in memory`);
    }
    opened.file.bytes += bytes.length;
    opened.rows = addRows(opened.rows, taken);
    this.#diskBytes += bytes.length;
    this.#take(taken.length);
    for (const record of taken) this.#memoryBytes -= record.bytes.length;
    if (opened.file.bytes >= SEGMENT_BYTES) await this.#closeFile();
  }

  /** Others may have been appended meanwhile. */
  #take(count: number): Pending[] {
    const taken = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    this.#pendingRows -= taken.reduce((sum, { rows }) => sum + rows, 0);
    return taken;
  }

  async #closeFile(): Promise<void> {
    const { file, rows } = this.#open;
    if (file === null) return;
    await file.handle.close().catch(() => {});
    this.#open.file = null;
    if (file.bytes === 0) return rmSync(file.path, { force: true });
    this.#closed.push({ source: file.path, rows: totalRows(rows), bytes: file.bytes, doubtful: false });
    this.#next();
  }

  #closeMemory(): void {
    const head = encodeHead(this.#head());
    const taken = this.#take(this.#pending.length);
    this.#open.rows = addRows(this.#open.rows, taken);
    const source = Buffer.concat([head, ...taken.map(({ bytes }) => bytes)]);
    this.#memoryBytes += head.length;
    this.#closed.push({ source, rows: totalRows(this.#open.rows), bytes: source.length, doubtful: false });
    this.#next();
  }

  #next(): void {
    const { number, before, rows } = this.#open;
    const records = Object.entries(rows).map(([table, count]) => ({ table, rows: count }));
    this.#open = { number: number + 1, before: addRows(before, records), rows: {}, file: null };
  }

  #head() {
    const { number, before } = this.#open;
    return { runId: this.#options.runId, segment: number, before };
  }

  #complain(message: string): void {
    if (this.#troubles.has(message)) return;
    this.#troubles.add(message);
    this.#options.onTrouble(message);
  }
}
