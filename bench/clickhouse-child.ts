/** A ClickHouse server for a benchmark, from the library of the embedded store (tools/clickhouse-listener.mjs). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../loadgen/package-root.ts';

export interface ClickHouseChild {
  /** For `--results`. */
  url: string;
  pid: number;
  /** Resolves when it is gone, and its data. */
  stop(): Promise<void>;
}

const START_MS = 20_000;

/** Keeps its data in a folder of its own under `directory`. Resolves once it answers. */
export async function startClickHouseChild(directory: string): Promise<ClickHouseChild> {
  const data = await mkdtemp(join(directory, 'clickhouse-'));
  const port = await freePort();
  const listener = join(packageRoot(), 'tools', 'clickhouse-listener.mjs');
  // It lives as long as its standard input.
  const child = spawn(process.execPath, [listener, `${port}`, data], { stdio: ['pipe', 'ignore', 'inherit'] });
  const gone = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
    await rm(data, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_MS;
  while (!(await answers(url))) {
    if (child.exitCode === null && performance.now() < deadline) await sleep(50);
    else {
      await stop();
      throw new Error('the ClickHouse server for the benchmark did not start');
    }
  }
  return { url: `${url}/plimsoll`, pid: child.pid!, stop };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/ping`).then(
    (response) => response.ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
