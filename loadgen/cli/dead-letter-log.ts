/**
 * The dead-letter logs of a node, as files: reads what is open, and marks what was replayed. The format stands in
 * server/store/dead-letters.ts; read here on its own, for the load generator shares nothing with the server but the protocol.
 */
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface DeadLetter {
  /** `<user>/<client message id>` */
  key: string;
  user: string;
  id: number;
  to?: string;
  group?: string;
  bodyBase64: string;
  /** When the server took it, ms since the epoch. */
  time: number;
  reason: string;
  file: string;
}

export interface DeadLetters {
  /** Neither stored nor replayed, oldest first. */
  open: DeadLetter[];
  /** Lines that can't be read: torn by a crash or a full disk. */
  torn: number;
}

/** Null: there is no such directory. */
export async function readDeadLetters(directory: string): Promise<DeadLetters | null> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const letters: DeadLetters = { open: [], torn: 0 };
  for (const name of names.filter((one) => /^volume-\d+\.jsonl$/.test(one)).sort()) {
    await readLog(join(directory, name), letters);
  }
  letters.open.sort((a, b) => a.time - b.time);
  return letters;
}

/** Resolves when the mark is on the disk. The node may write to the same file meanwhile. */
export async function markReplayed(letters: readonly DeadLetter[], now: number): Promise<void> {
  for (const file of new Set(letters.map((letter) => letter.file))) {
    const lines = letters
      .filter((letter) => letter.file === file)
      .map(({ key }) => `${JSON.stringify({ type: 'replayed', key, time: now })}\n`);
    const handle = await open(file, 'a+');
    try {
      // One call, and never behind half a line. An empty line means nothing.
      await handle.appendFile(`${(await endsInLine(handle)) ? '' : '\n'}${lines.join('')}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function readLog(file: string, into: DeadLetters): Promise<void> {
  const open = new Map<string, DeadLetter>();
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (line === '') continue;
    const entry = parse(line);
    if (entry === null) into.torn++;
    else if (entry.type === 'letter') open.set(entry.key, { ...(entry as unknown as DeadLetter), file });
    else if (entry.type === 'settled' || entry.type === 'replayed') open.delete(entry.key);
  }
  into.open.push(...open.values());
}

function parse(line: string): { type: string; key: string } | null {
  try {
    const entry = JSON.parse(line) as Record<string, unknown> | null;
    if (typeof entry?.type !== 'string' || typeof entry.key !== 'string') return null;
    if (entry.type === 'letter' && !isLetter(entry)) return null;
    return { ...entry, type: entry.type, key: entry.key };
  } catch {
    return null;
  }
}

function isLetter({ user, id, to, group, bodyBase64, time, reason }: Record<string, unknown>): boolean {
  const texts = [user, to ?? group, bodyBase64, reason];
  return texts.every((text) => typeof text === 'string') && Number.isSafeInteger(id) && Number.isFinite(time);
}

async function endsInLine(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 0x0a;
}
