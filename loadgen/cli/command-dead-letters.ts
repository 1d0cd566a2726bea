/** `plimsoll dead-letters list | replay`: messages that the store did not take in time. */
import { join } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { formatBytes, formatNumber } from '../units.ts';
import { type DeadLetter, markReplayed, readDeadLetters } from './dead-letter-log.ts';
import { httpUrl, Replayer } from './dead-letter-replay.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { FLAGS, withEnvironment } from './flags.ts';

const DEFAULT_DATA = '.plimsoll/data';
const PROGRESS_MS = 1_000;
/** Letters that are on their way at once; those of one sender one after another. */
const AT_ONCE = 16;
const UNANSWERED_MOST = 16;

const WHERE = {
  data: { ...FLAGS.data, describe: `data directory of the node (default ${DEFAULT_DATA})` },
  ...withEnvironment({
    'dead-letters': { type: 'string', describe: 'where its dead letters are (default: dead-letters in --data)' },
  } as const),
} as const;

interface Where {
  data?: string | undefined;
  deadLetters?: string | undefined;
}

const listBuilder = (argv: Argv) =>
  argv
    .options(WHERE)
    .option('json', FLAGS.json)
    .example('$0 dead-letters list', 'what waits, oldest first')
    .example('$0 dead-letters list --data /var/lib/plimsoll --json', 'the same as JSON, with the bodies');

const replayBuilder = (argv: Argv) =>
  argv
    .options(WHERE)
    .option('target', { ...FLAGS.target, describe: 'the node, http://host:port or ws://host:port of its router' })
    .option('auth-secret', FLAGS['auth-secret'])
    .option('quiet', FLAGS.quiet)
    .option('json', FLAGS.json)
    .example('$0 dead-letters replay -t http://127.0.0.1:4600', 'send all again; safe to run twice')
    .example(
      'PLIMSOLL_AUTH_SECRET=… $0 dead-letters replay -t ws://chat.example:4600 --data /var/lib/plimsoll',
      'with tokens for the senders',
    );

type Of<Builder extends (argv: Argv) => Argv> = ReturnType<Builder> extends Argv<infer A> ? A : never;

export const deadLettersCommand: CommandModule = {
  command: 'dead-letters',
  describe: 'messages that the store did not take in time: list | replay',
  builder: (argv) =>
    argv
      .command<Of<typeof listBuilder>>({
        command: 'list',
        describe: 'show what waits',
        builder: listBuilder as never,
        handler: (args) => list(args, args.json),
      })
      .command<Of<typeof replayBuilder>>({
        command: 'replay',
        describe: 'send what waits, each message with its own sender and id, so that none is stored twice',
        builder: replayBuilder as never,
        handler: (args) => replay(args, args),
      })
      .example('$0 dead-letters list', 'what waits')
      .example('$0 dead-letters replay -t http://127.0.0.1:4600', 'send it again; safe to run twice')
      .demandCommand(1, 'Say what to do with the dead letters: list or replay.'),
  handler: () => {},
};

async function list(where: Where, json: boolean): Promise<void> {
  const { letters, torn, sentence } = await read(where);
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ letters: letters.map(({ file, key, ...rest }) => rest), torn }, null, 2)}\n`,
    );
    return;
  }
  if (torn > 0) process.stderr.write(`${tornSentence(torn)}\n`);
  process.stdout.write(letters.length === 0 ? `${sentence}\n` : table(letters));
}

async function replay(
  where: Where,
  flags: { target?: string | undefined; authSecret?: string | undefined; quiet: boolean; json: boolean },
): Promise<void> {
  const target = readHttpTarget(flags.target);
  const { letters, torn, sentence } = await read(where);
  if (torn > 0) process.stderr.write(`${tornSentence(torn)}\n`);
  if (letters.length === 0) {
    process.stdout.write(flags.json ? `${JSON.stringify(report([], 0))}\n` : `${sentence}\n`);
    return;
  }
  const replayer = new Replayer({
    target,
    authSecret: flags.authSecret || null,
    now: Date.now,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const failed: Failure[] = [];
  let done = 0;
  let shownAt = Date.now();
  // The order of a sender's messages is kept, as the server keeps it.
  const queues = [...grouped(letters, ({ user }) => user).values()];
  let unansweredInRow = 0;
  const work = async (): Promise<void> => {
    for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
      let unanswered: string | null = null;
      for (const letter of queue) {
        // Behind a message that got no answer its sender's others wait; and a node that answers nobody is not asked for each.
        if (unansweredInRow >= UNANSWERED_MOST) unanswered ??= 'not tried, because the node does not answer';
        if (unanswered !== null) {
          failed.push({ letter, reason: unanswered });
          continue;
        }
        const outcome = await replayer.replay(letter);
        if (outcome.kind === 'replayed') {
          await markReplayed([letter], Date.now());
          done++;
        } else failed.push({ letter, reason: outcome.reason });
        if (outcome.kind === 'unanswered') {
          unanswered = outcome.reason;
          unansweredInRow++;
        } else unansweredInRow = 0;
        if (flags.quiet || Date.now() - shownAt < PROGRESS_MS) continue;
        shownAt = Date.now();
        process.stderr.write(`${done + failed.length} of ${letters.length} …\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queues.length) }, work));
  process.stdout.write(flags.json ? `${JSON.stringify(report(failed, done))}\n` : summary(failed, done));
  if (failed.length > 0) process.exitCode = EXIT.other;
}

interface Failure {
  letter: DeadLetter;
  reason: string;
}

function report(failed: Failure[], replayed: number): object {
  const rows = failed.map(({ letter: { user, id }, reason }) => ({ user, id, reason }));
  return { replayed, left: failed.length, failures: rows };
}

function summary(failed: Failure[], replayed: number): string {
  const lines = [`${count(replayed, 'message')} replayed${failed.length > 0 ? `, ${failed.length} left:` : '.'}`];
  const byReason = grouped(failed, ({ reason }) => reason);
  for (const [reason, all] of byReason) {
    const [{ letter }] = all as [Failure, ...Failure[]];
    lines.push(`  ${all.length} × ${reason}; the first is message ${letter.id} of ${letter.user}`);
  }
  return `${lines.join('\n')}\n`;
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

async function read(where: Where): Promise<{ letters: DeadLetter[]; torn: number; sentence: string }> {
  const directory = where.deadLetters ?? join(where.data ?? DEFAULT_DATA, 'dead-letters');
  let found: Awaited<ReturnType<typeof readDeadLetters>>;
  try {
    found = await readDeadLetters(directory);
  } catch (error) {
    throw new UsageError(`can't read the dead letters in ${directory}: ${(error as Error).message}`, { cause: error });
  }
  if (found === null) {
    return { letters: [], torn: 0, sentence: `There is no dead-letter log in ${directory}, so nothing waits.` };
  }
  return { letters: found.open, torn: found.torn, sentence: `No dead letters wait in ${directory}.` };
}

const HEADINGS = ['when', 'from', 'to', 'size', 'why'];
const SIZE_COLUMN = 3;

function table(letters: DeadLetter[]): string {
  const rows = [HEADINGS, ...letters.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === SIZE_COLUMN ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n${count(letters.length, 'message')}.\n`;
}

function cells({ time, user, to, group, bodyBase64, reason }: DeadLetter): string[] {
  const when = `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return [when, user, to ?? `group ${group}`, formatBytes(Buffer.byteLength(bodyBase64, 'base64')), reason];
}

function tornSentence(torn: number): string {
  return `${count(torn, 'line')} of the log can't be read (torn by a crash or a full disk); their senders were not told that they are kept.`;
}

function count(number: number, what: string): string {
  return `${formatNumber(number)} ${what}${number === 1 ? '' : 's'}`;
}

function readHttpTarget(target: string | undefined): string {
  if (target === undefined) {
    throw new UsageError('say which node takes the messages: --target http://host:port (its router)');
  }
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null || !['ws:', 'http:'].includes(url.protocol) || url.hostname === '') {
    throw new UsageError(`--target must be written http://host:port or ws://host:port, not "${target}"`);
  }
  return httpUrl(`${url.protocol}//${url.host}`);
}
