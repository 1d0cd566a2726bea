/**
 * Where spools are: one folder a run, whose name ends with the process that it belongs to. Whoever wants the rows of a
 * process that is gone renames the folder to himself, which only one can.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseResultsUrl } from './results-store-open.ts';

const MARK_FILE = 'spool.json';
const SEGMENT = /^\d{6,}\.rows$/;
/** Has the run's own row and no other; the store has it already, unless it is a new one. */
export const START_SEGMENT = 0;
/** Of a process that can't be looked at from here (another container): so long without a sign of life. */
const FOREIGN_SILENCE_MS = 60_000;

export interface Spool {
  path: string;
  runId: string;
  /** The results store that the rows are for (`placeOf`); null: its mark can't be read. */
  place: string | null;
  bytes: number;
  /** Its process lives, and delivers it by itself. */
  inUse: boolean;
}

/** A results store by a name without user and password. @throws ResultsError `invalid-url` */
export function placeOf(url: string): string {
  const place = parseResultsUrl(url);
  return place.kind === 'chdb' ? `chdb:${place.directory}` : `${place.origin}/${place.database}`;
}

/** A new folder for the rows of a run. Throws the file system's error. */
export function createSpool(root: string, runId: string, place: string): string {
  const path = join(root, `${runId}.${ownerName()}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, MARK_FILE), JSON.stringify({ contents: 'Plimsoll spool', runId, place }));
  return path;
}

/** What is in `root`, oldest run first. */
export function findSpools(root: string): Spool[] {
  return entriesOf(root).flatMap((name) => {
    const dot = name.lastIndexOf('.');
    const path = join(root, name);
    const segments = segmentsOf(path);
    if (dot < 1) return [];
    const bytes = segments.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
    const inUse = isOwnerAlive(name.slice(dot + 1), path);
    return [{ path, runId: name.slice(0, dot), place: readPlace(path), bytes, inUse }];
  });
}

/** The spool's new path; null: somebody else was quicker. */
export function claimSpool(spool: Spool): string | null {
  const path = join(spool.path, '..', `${spool.runId}.${ownerName()}`);
  try {
    renameSync(spool.path, path);
    return path;
  } catch {
    return null;
  }
}

/** In the order to store them in. */
export function segmentsOf(path: string): string[] {
  return entriesOf(path)
    .filter((name) => SEGMENT.test(name))
    .map((name) => join(path, name));
}

export function segmentPath(path: string, number: number): string {
  return join(path, `${String(number).padStart(6, '0')}.rows`);
}

export function removeSpool(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

function readPlace(path: string): string | null {
  try {
    return (JSON.parse(readFileSync(join(path, MARK_FILE), 'utf8')) as { place: string }).place;
  } catch {
    return null;
  }
}

/** Process, when it started (ids are used again), and in which namespace of processes. */
function ownerName(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${namespace()}`;
}

function isOwnerAlive(owner: string, path: string): boolean {
  const [pid, start, home] = owner.split('-').map(Number) as [number, number, number];
  if (!(pid > 0)) return false;
  if (home !== namespace()) return Date.now() - lastChange(path) < FOREIGN_SILENCE_MS;
  if (start > 0) return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** proc(5), field 22, in ticks since the machine started; null: no such process, or one that has ended (a zombie). */
function startOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

function namespace(): number {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0]);
  } catch {
    return 0;
  }
}

function lastChange(path: string): number {
  const files = [path, ...segmentsOf(path)];
  return Math.max(0, ...files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}
