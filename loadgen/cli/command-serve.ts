/** `plimsoll serve`: a server node in the foreground. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { readMachineFacts } from './doctor-facts.ts';
import { planProcesses } from './doctor-plan.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { FAILURE_FLAGS, readFailure } from './failure-flags.ts';
import { FLAGS, readDuration, readWhole, withEnvironment } from './flags.ts';
import { LIMIT_FLAGS, readLimits } from './limit-flags.ts';
import { NOTIFICATION_FLAGS, readNotifications } from './notification-flags.ts';
import { RETENTION_FLAGS, readRetention } from './retention-flags.ts';

const SERVER_MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));
const DEFAULT_DATA = '.plimsoll/data';
const DEFAULT_CONNECTIONS = 10_000;

const SERVE_FLAGS = {
  ...withEnvironment({
    host: { type: 'string', default: '127.0.0.1', describe: 'address to listen on; several with commas' },
    port: { alias: 'p', type: 'number', default: 4600, describe: 'router port; 0 for any free one' },
    'shard-port': { type: 'number', default: 0, describe: 'port of the first shard process (default: free ones)' },
    'public-host': { type: 'string', describe: 'host name that clients are sent to' },
    dev: { type: 'boolean', default: false, describe: 'development mode: no tokens, anybody may be anyone' },
    'idle-timeout': { type: 'number', default: 120, describe: 'seconds of silence before a connection is closed' },
    'max-body': { type: 'number', default: 16_384, describe: 'largest message body, bytes' },
    'commit-give-up': {
      type: 'string',
      default: '30s',
      describe: 'messages that the store has not taken for so long go to the dead-letter log',
    },
    'dead-letters': {
      type: 'string',
      describe: 'where dead letters are kept, best on another disk (default: dead-letters in --data)',
    },
  } as const),
  shards: FLAGS.shards,
  store: FLAGS.store,
  data: FLAGS.data,
  durability: FLAGS.durability,
  'auth-secret': FLAGS['auth-secret'],
  ...FAILURE_FLAGS,
  ...LIMIT_FLAGS,
  ...RETENTION_FLAGS,
  ...NOTIFICATION_FLAGS,
  json: FLAGS.json,
  'stop-with-parent': { type: 'boolean', default: false, hidden: true },
} as const;

const builder = (argv: Argv) =>
  argv
    .options(SERVE_FLAGS)
    .example('$0 serve --dev', 'a node on port 4600, no tokens asked for')
    .example('$0 serve --host 0.0.0.0 --data /var/lib/plimsoll', 'tokens signed with PLIMSOLL_AUTH_SECRET');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const serveCommand: CommandModule<object, Arguments> = {
  command: 'serve',
  describe: 'start a server node',
  builder,
  handler: (argv) => serve(argv),
};

async function serve(argv: ArgumentsCamelCase<Arguments>): Promise<void> {
  const secret = argv.authSecret || null;
  if (secret === null && !argv.dev) {
    throw new UsageError(
      'the node needs a secret to check tokens with: set PLIMSOLL_AUTH_SECRET, or use --dev to let anybody be anyone',
    );
  }
  const hosts = argv.host.split(',').map((host) => host.trim());
  if (hosts.includes('')) throw new UsageError(`--host must be an address, or several with commas, not "${argv.host}"`);
  const config = {
    host: hosts[0]!,
    extraHosts: hosts.slice(1),
    port: readWhole('port', argv.port, 0, 65_535)!,
    shardPort: readWhole('shard-port', argv.shardPort, 0, 65_535)!,
    publicHost: argv.publicHost ?? null,
    shards: readWhole('shards', argv.shards, 1, 1_000) ?? planProcesses(DEFAULT_CONNECTIONS, readMachineFacts()).shards,
    store: readStore(argv.store, argv.data, DEFAULT_DATA),
    durability: argv.durability ?? 'fsync',
    authSecret: argv.dev ? null : secret,
    idleTimeoutSeconds: readIdleTimeout(argv.idleTimeout),
    maxBodyBytes: readWhole('max-body', argv.maxBody, 1, 65_536)!,
    maxBacklogBytes: 1_048_576,
    stopWithParent: true,
    settings: {
      ...readFailure(argv),
      ...readLimits(argv),
      retention: readRetention(argv),
      ...readGivingUp(argv),
      notifications: readNotifications(argv, process.env),
    },
  };
  const child = spawn(process.execPath, [SERVER_MAIN], {
    // The node's input is a pipe that nobody writes to: when this process dies, however it dies, it closes and the node stops.
    stdio: ['pipe', 'pipe', 'inherit'],
    // The configuration holds the secret: it goes by the environment, for arguments can be read by every user.
    env: { ...process.env, PLIMSOLL_NODE_CONFIG: JSON.stringify(config) },
  });
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (line: string) => process.stdout.write(argv.json ? line : describe(line, config)));
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  if (argv.stopWithParent) process.stdin.on('end', () => child.kill('SIGTERM')).resume();
  process.on('SIGINT', forward);
  // A terminal that is closed says so by the same signal that asks for a rolling restart: then the node ends.
  const hadTerminal = hasTerminal();
  let hungUp = false;
  const onHangUp = (): void => {
    hungUp = hadTerminal && !hasTerminal();
    forward(hungUp ? 'SIGTERM' : 'SIGHUP');
  };
  process.on('SIGHUP', onHangUp);
  process.on('SIGTERM', forward);
  const code = await new Promise<number>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? (signal ? EXIT.other : EXIT.pass)));
  });
  if (hungUp) {
    // An ordinary exit wants to reset the terminal, which is not there any more, and would abort.
    process.off('SIGHUP', onHangUp);
    process.kill(process.pid, 'SIGHUP');
  }
  process.stdin.pause();
  process.exitCode = code;
}

/** Whether this process has a terminal that it could speak to. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function describe(
  line: string,
  config: {
    shards: number;
    store: { kind: string; directory?: string };
    durability: string;
    authSecret: string | null;
  },
): string {
  const { listening } = JSON.parse(line) as { listening: { host: string; port: number } };
  const address = `${listening.host}:${listening.port}`;
  const store =
    config.store.kind === 'memory'
      ? 'in memory (forgotten at the end)'
      : `in ${config.store.directory}, durability ${config.durability}`;
  const mode =
    config.authSecret === null ? '\n  DEVELOPMENT MODE: no tokens are asked for, anybody may be anyone.' : '';
  return [
    `Plimsoll node on http://${address}, ${config.shards} shard process(es), messages ${store}.${mode}`,
    `  chat     ws://${address}/v1/connect?user=<id>   (sends you to the user's shard)`,
    `  route    http://${address}/v1/route?user=<id>`,
    `  health   http://${address}/v1/health   metrics   http://${address}/metrics`,
    '  Ctrl-C stops it in order; SIGHUP restarts its processes one after another.\n',
  ].join('\n');
}

/** `--store`, or `--data` for short. */
export function readStore(
  store: string | undefined,
  data: string | undefined,
  defaultDirectory: string,
): { kind: 'level'; directory: string } | { kind: 'memory' } {
  if (store !== undefined && data !== undefined) throw new UsageError('give --store or --data, not both');
  if (store === undefined) return { kind: 'level', directory: data ?? defaultDirectory };
  if (store === 'memory:') return { kind: 'memory' };
  if (store.startsWith('level:') && store.length > 6) return { kind: 'level', directory: store.slice(6) };
  throw new UsageError(`--store must be written level:<dir> or memory:, not "${store}"`);
}

/** What to do with messages that the store does not take. */
function readGivingUp({ commitGiveUp, deadLetters }: { commitGiveUp: string; deadLetters?: string | undefined }): {
  commitGiveUpMs: number;
  deadLetterDirectory: string | null;
} {
  const commitGiveUpMs = readDuration('commit-give-up', commitGiveUp)!;
  if (commitGiveUpMs < 1_000 || commitGiveUpMs > 3_600_000) {
    throw new UsageError(`--commit-give-up must be from 1s to 1h, not "${commitGiveUp}"`);
  }
  return { commitGiveUpMs, deadLetterDirectory: deadLetters ?? null };
}

function readIdleTimeout(seconds: number): number {
  if (seconds === 0 || (Number.isInteger(seconds) && seconds >= 8 && seconds <= 960)) return seconds;
  throw new UsageError(`--idle-timeout must be 0 (none) or 8 to 960 seconds, not ${seconds}`);
}
