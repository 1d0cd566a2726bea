/**
 * The bytes of a spool: files of records, each some rows for one table as the JSONEachRow lines that are inserted later. A
 * file may end anywhere (its writer was killed in the middle of a write): what was not written whole is not there.
 *
 * ```
 * {"contents":"Plimsoll rows","version":1,"runId":"…","segment":3,"before":{"gauges":120}}\n
 * {"table":"gauges","rows":2,"bytes":158,"crc32":123456}\n
 * {"run_id":"…","at":"…",…}\n{"run_id":"…",…}\n
 * ```
 */
import { crc32 } from 'node:zlib';
import { ResultsError } from './results-store.ts';

const CONTENTS = 'Plimsoll rows';
const VERSION = 1;
const NEWLINE = 0x0a;
/** Longer than any line but rows can be. */
const HEAD_BYTES_MOST = 64 * 1024;

/** Rows by table. */
export type RowCounts = Record<string, number>;

export interface SegmentHead {
  runId: string;
  /** 1, 2, …: segments of a run are stored in this order. */
  segment: number;
  /** Rows in the segments before this one: what of the run is stored when this one's turn comes. */
  before: RowCounts;
}

export interface SegmentRecord {
  table: string;
  rows: number;
  /** JSONEachRow. */
  lines: Buffer;
}

export interface Segment {
  head: SegmentHead;
  records: SegmentRecord[];
}

export function encodeHead(head: SegmentHead): Buffer {
  return Buffer.from(`${JSON.stringify({ contents: CONTENTS, version: VERSION, ...head })}\n`);
}

/** `rows`: at least one. */
export function encodeRecord(table: string, rows: readonly object[]): Buffer {
  return encodeLines(table, rows.length, Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
}

function encodeLines(table: string, rows: number, lines: Buffer): Buffer {
  const head = JSON.stringify({ table, rows, bytes: lines.length, crc32: crc32(lines) });
  return Buffer.concat([Buffer.from(`${head}\n`), lines]);
}

/**
 * Null: it was cut before anything was in it.
 * @throws ResultsError `foreign` for what another version, or something else, wrote
 */
export function decodeSegment(bytes: Buffer, path: string): Segment | null {
  const first = readLine(bytes, 0);
  if (first === null) {
    if (bytes.length >= HEAD_BYTES_MOST) throw foreign(path);
    return null;
  }
  const { contents, version, ...head } = (first.value ?? {}) as Partial<SegmentHead> & Record<string, unknown>;
  if (contents !== CONTENTS) throw foreign(path);
  if (version !== VERSION) {
    throw new ResultsError(
      'foreign',
      `The rows in ${path} have format ${String(version)}, and this Plimsoll reads format ${VERSION}: deliver them with ` +
        'the version that wrote them.',
    );
  }
  const records: SegmentRecord[] = [];
  for (let at = first.end; ; ) {
    const record = readRecord(bytes, at);
    if (record === null) return { head: head as SegmentHead, records };
    records.push(record);
    at = record.end;
  }
}

/** All rows of each table, in the order in which tables first appear. */
export function byTable(records: readonly SegmentRecord[]): Map<string, { rows: number; lines: Buffer[] }> {
  const tables = new Map<string, { rows: number; lines: Buffer[] }>();
  for (const { table, rows, lines } of records) {
    const gathered = tables.get(table) ?? { rows: 0, lines: [] };
    tables.set(table, gathered);
    gathered.rows += rows;
    gathered.lines.push(lines);
  }
  return tables;
}

export function addRows(counts: RowCounts, records: readonly Pick<SegmentRecord, 'table' | 'rows'>[]): RowCounts {
  const sum = { ...counts };
  for (const { table, rows } of records) sum[table] = (sum[table] ?? 0) + rows;
  return sum;
}

export function totalRows(counts: RowCounts): number {
  return Object.values(counts).reduce((sum, rows) => sum + rows, 0);
}

/** Null: it is not all there, or not as it was written (a machine that lost power). */
function readRecord(bytes: Buffer, at: number): (SegmentRecord & { end: number }) | null {
  const head = readLine(bytes, at);
  if (head?.value == null) return null;
  const { table, rows, bytes: length, crc32: sum } = head.value as Record<string, unknown>;
  if (typeof table !== 'string' || !/^[a-z_]+$/.test(table) || !isCount(rows) || !isCount(length)) return null;
  const end = head.end + length;
  if (end > bytes.length) return null;
  const lines = bytes.subarray(head.end, end);
  return crc32(lines) === sum ? { table, rows, lines, end } : null;
}

/** `value` is null for a line that is no JSON; null: no whole line is there. */
function readLine(bytes: Buffer, at: number): { value: unknown; end: number } | null {
  const newline = bytes.subarray(at, at + HEAD_BYTES_MOST).indexOf(NEWLINE);
  if (newline === -1) return null;
  try {
    return { value: JSON.parse(bytes.toString('utf8', at, at + newline)), end: at + newline + 1 };
  } catch {
    return { value: null, end: at + newline + 1 };
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function foreign(path: string): ResultsError {
  return new ResultsError('foreign', `${path} holds something else than rows of a run: it stays as it is.`);
}
