/** A real ClickHouse server for tests, over HTTP, from the library that the embedded store loads (tools/clickhouse-listener.mjs). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface ServerUser {
  name: string;
  password: string;
  /** May read and choose settings, but write nothing. Default false. */
  readOnly?: boolean;
  /** GRANT statements; without them the user may do everything. */
  grants?: string[];
}

export interface ClickHouseServer {
  /** `http://127.0.0.1:<port>`, without user, password and database. */
  url: string;
  port: number;
  /** Of the server's process. */
  pid(): number;
  /** Ends it at once, without a good end, which would wait five seconds for idle connections, and removes its own data. */
  stop(): Promise<void>;
  /** Stands still: connections are accepted, nothing is answered. */
  pause(): void;
  resume(): void;
  /** As a power cut would: rows that were acknowledged stay. */
  kill(): Promise<void>;
  /** After `kill`, on the same port and data. */
  restart(): Promise<void>;
}

export interface ClickHouseServerOptions {
  /** Whoever may log in. Without any, `default` may do everything and has no password; otherwise it may do nothing. */
  users?: ServerUser[];
  /** Where the data is kept. Default: a directory of its own, removed by `stop`. */
  directory?: string;
}

const LISTENER = fileURLToPath(new URL('../../tools/clickhouse-listener.mjs', import.meta.url));

/** Starts one; 0.3 s and 280 MB. Resolves once it answers. */
export async function startClickHouse(options: ClickHouseServerOptions = {}): Promise<ClickHouseServer> {
  const home = await mkdtemp(join(tmpdir(), 'plimsoll-clickhouse-'));
  const data = options.directory ?? join(home, 'data');
  await mkdir(data, { recursive: true });
  const port = await freePort();
  const args = [LISTENER, String(port), data];
  if (options.users) args.push(await writeConfig(home, options.users));
  let child = await launch(args, port);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: () => child.pid!,
    async stop() {
      child.kill('SIGKILL');
      await ended(child);
      await rm(home, { recursive: true });
    },
    pause() {
      child.kill('SIGSTOP');
      // The signal has not reached every thread when the call returns.
      while (!standsStill(child.pid!)) {}
    },
    resume: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL');
      await ended(child);
    },
    async restart() {
      child = await launch(args, port);
    },
  };
}

async function launch(args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ClickHouse did not start: ${said}`);
    const answer = await fetch(`http://127.0.0.1:${port}/ping`).catch(() => null);
    if (answer?.ok) return child;
    await delay(20);
  }
}

function standsStill(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** One that is free now. The server takes it a moment later, and again when it is restarted. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** @returns the path of the configuration */
async function writeConfig(home: string, users: ServerUser[]): Promise<string> {
  const configFile = join(home, 'config.xml');
  const usersFile = join(home, 'users.xml');
  // The engine logs in to itself as `default` without a password; this is all that it needs to listen and to wait.
  const engine = user({
    name: 'default',
    password: '',
    grants: ['GRANT SYSTEM LISTEN ON *.*', 'GRANT FILE ON *.*', 'GRANT CREATE TEMPORARY TABLE ON *.*'],
  });
  await writeFile(
    usersFile,
    `<clickhouse>
      <profiles><default></default><readonly><readonly>2</readonly></readonly></profiles>
      <quotas><default></default></quotas>
      <users>${engine}${users.map(user).join('')}</users>
    </clickhouse>`,
  );
  await writeFile(configFile, `<clickhouse><users_config>${usersFile}</users_config></clickhouse>`);
  return configFile;
}

function user({ name, password, readOnly, grants }: ServerUser): string {
  const granted = grants?.map((grant) => `<query>${grant}</query>`).join('');
  return `<${name}>
    <password>${password.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</password>
    <networks><ip>::/0</ip></networks>
    <profile>${readOnly ? 'readonly' : 'default'}</profile>
    <quota>default</quota>
    ${granted ? `<grants>${granted}</grants>` : ''}
  </${name}>`;
}
