/**
 * The dead-letter log of one volume: messages that the store did not take in time, so that they can be sent again by hand
 * (`plimsoll dead-letters replay`) should the process die before the store has taken them after all.
 *
 * Append-only JSON lines, each written with one call and on the disk (fsync) before it counts:
 *
 *   {"type":"letter","key":"alice/77","time":…,"user":"alice","id":77,"to":"bob","bodyBase64":"…","reason":"…"}
 *   {"type":"settled","key":"alice/77","time":…}     the store has taken it after all
 *   {"type":"replayed","key":"alice/77","time":…}    written by `plimsoll dead-letters replay`, also while the node runs
 *
 * `key` is the sender and its client message id, by which sending is idempotent. `group` stands in the place of `to` in a
 * message to a group. A torn last line (a crash, a full disk) counts for nothing; what is written next begins a new line.
 * One process writes letters; anybody may append marks. Once no letter is open the file is emptied.
 */
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { StoreError } from './message-store.ts';

export interface DeadLetter {
  user: string;
  id: number;
  /** A user; absent in a message to a group. */
  to?: string;
  group?: string;
  body: Uint8Array;
  /** When the server took it, ms since the epoch. */
  time: number;
  /** One sentence. */
  reason: string;
}

export interface DeadLetterLogOptions {
  /** Created when absent. */
  directory: string;
  volume: number;
  /** Bytes of the file; beyond it letters are refused. Default 256 MiB. */
  maxBytes?: number;
  now?: () => number;
}

const MAX_BYTES = 256 * 1024 * 1024;
/** Marks and letters are written in pieces of about so much. */
const PIECE_BYTES = 1024 * 1024;

export function letterKey(user: string, id: number): string {
  return `${user}/${id}`;
}

export class DeadLetterLog {
  readonly file: string;
  #options: DeadLetterLogOptions;
  #handle: FileHandle;
  #bytes: number;
  /** The file does not end with a line end, so what comes next must bring one. */
  #torn: boolean;
  /** Keys of letters without a mark, as far as this process knows. */
  #open: Set<string>;
  /** Operations run one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: DeadLetterLogOptions, file: string, handle: FileHandle, content: Content) {
    this.#options = options;
    this.file = file;
    this.#handle = handle;
    this.#bytes = content.bytes;
    this.#torn = content.torn;
    this.#open = new Set(content.letters.keys());
  }

  /** Opens or creates the log. Throws StoreError (unwritable). */
  static async open(options: DeadLetterLogOptions): Promise<DeadLetterLog> {
    const file = join(options.directory, `volume-${options.volume}.jsonl`);
    try {
      makeDirectory(options.directory);
      const handle = await open(file, 'a+');
      const log = new DeadLetterLog(options, file, handle, await readContent(file));
      await syncDirectory(options.directory);
      await log.#next(() => log.#tidy());
      return log;
    } catch (error) {
      throw new StoreError(
        'unwritable',
        `Dead letters can't be written to ${file} (${(error as Error).message}): name another directory with --dead-letters.`,
        { cause: error },
      );
    }
  }

  /** Letters that neither the store nor a replay has taken. */
  get openLetters(): number {
    return this.#open.size;
  }

  /** Resolves when all of them are on the disk; rejects with one sentence, and then it is not known which. */
  append(letters: readonly DeadLetter[]): Promise<void> {
    return this.#next(async () => {
      const lines = letters.map((letter) => `${JSON.stringify(lineOf(letter))}\n`);
      const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
      const maxBytes = this.#options.maxBytes ?? MAX_BYTES;
      if (this.#bytes + bytes > maxBytes) await this.#compact();
      if (this.#bytes + bytes > maxBytes) {
        throw new StoreError('full', `The dead-letter log ${this.file} has reached its ${maxBytes} bytes: replay it.`);
      }
      await this.#write(lines);
      for (const { user, id } of letters) this.#open.add(letterKey(user, id));
    });
  }

  /** The store has taken these messages after all. A mark that can't be written is no harm: a replay changes nothing. */
  settle(keys: readonly string[]): Promise<void> {
    return this.#next(async () => {
      const time = this.#time();
      // Not worth a line each if the file can be emptied instead.
      await this.#tidy(new Set(keys));
      if (this.#bytes > 0) await this.#write(keys.map((key) => `${JSON.stringify({ type: 'settled', key, time })}\n`));
    });
  }

  /** Finds what others have marked since. To be called now and then while letters are open. */
  refresh(): Promise<void> {
    return this.#next(async () => {
      const { size } = await this.#handle.stat();
      if (size !== this.#bytes) await this.#tidy();
    });
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#handle.close();
  }

  #time(): number {
    return (this.#options.now ?? Date.now)();
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #write(lines: string[]): Promise<void> {
    let piece = this.#torn ? '\n' : '';
    for (let i = 0; i < lines.length; i++) {
      piece += lines[i];
      if (piece.length < PIECE_BYTES && i < lines.length - 1) continue;
      this.#torn = true; // until it is known that the end of the piece is there
      await this.#handle.appendFile(piece);
      this.#torn = false;
      this.#bytes += Buffer.byteLength(piece);
      piece = '';
    }
    await this.#handle.sync();
  }

  /** Empties the file if nothing in it is open: others may have marked letters meanwhile. */
  async #tidy(settled: ReadonlySet<string> = new Set()): Promise<void> {
    const { letters, bytes } = await readContent(this.file);
    this.#bytes = bytes;
    for (const key of settled) letters.delete(key);
    this.#open = new Set(letters.keys());
    if (letters.size > 0 || bytes === 0) return;
    await this.#handle.truncate(0);
    await this.#handle.sync();
    this.#bytes = 0;
    this.#torn = false;
  }

  /** Writes the file anew with the open letters only. */
  async #compact(): Promise<void> {
    await this.#tidy();
    if (this.#bytes === 0) return;
    const { letters } = await readContent(this.file);
    const text = [...letters.values()].map((line) => `${line}\n`).join('');
    if (Buffer.byteLength(text) === this.#bytes) return;
    const fresh = `${this.file}.new`;
    const handle = await open(fresh, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, this.file);
    await syncDirectory(this.#options.directory);
    await this.#handle.close();
    this.#handle = await open(this.file, 'a+');
    this.#bytes = Buffer.byteLength(text);
    this.#torn = false;
  }
}

interface Content {
  /** Lines of open letters by key. */
  letters: Map<string, string>;
  bytes: number;
  torn: boolean;
}

async function readContent(file: string): Promise<Content> {
  const content = await readFile(file);
  const letters = new Map<string, string>();
  for (const line of content.toString().split('\n')) {
    const { type, key } = parse(line);
    if (typeof key !== 'string') continue;
    if (type === 'letter') letters.set(key, line);
    else if (type === 'settled' || type === 'replayed') letters.delete(key);
  }
  return { letters, bytes: content.length, torn: content.length > 0 && content.at(-1) !== 0x0a };
}

function parse(line: string): { type?: unknown; key?: unknown } {
  try {
    return (JSON.parse(line) as { type?: unknown; key?: unknown } | null) ?? {};
  } catch {
    return {}; // torn
  }
}

function lineOf({ user, id, to, group, body, time, reason }: DeadLetter): object {
  const bodyBase64 = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64');
  return { type: 'letter', key: letterKey(user, id), time, user, id, to, group, bodyBase64, reason };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
