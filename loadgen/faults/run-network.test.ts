import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { canMakeNetworks } from './abilities.fixture.ts';
import { PacketRelay } from './packet-relay.ts';
import { netem, RunNetwork, sweepNetworks } from './run-network.ts';

const mayMakeNetworks = canMakeNetworks({ delays: false });
const mayDelay = mayMakeNetworks && canMakeNetworks({ delays: true });

const ECHO = `require('node:net').createServer((socket) => socket.setNoDelay(true).pipe(socket))
  .listen(0, process.argv[1], function () { console.log(this.address().port); })`;

let network: RunNetwork | undefined;
let server: ChildProcess | undefined;
let socket: Socket | undefined;

afterEach(() => {
  socket?.destroy();
  server?.kill('SIGKILL');
  network?.remove();
});

/** An echo server at the node's end, and a connection to it. */
async function start(delays: boolean): Promise<{ port: number }> {
  network = RunNetwork.create({
    delays,
    startRelay: async (delay, routes) => {
      const relay = new PacketRelay(delay, createRandom(1));
      await relay.open(routes);
      return { stop: () => relay.close() };
    },
  });
  const [command, args] = network.command(process.execPath, ['-e', ECHO, network.nodeAddress]);
  server = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => server!.stdout!.once('data', (line) => resolve(Number(line))));
  socket = connect({ host: network.nodeAddress, port, noDelay: true });
  await new Promise((resolve) => socket!.once('connect', resolve));
  return { port };
}

async function roundTripMs(): Promise<number> {
  const startMs = performance.now();
  socket!.write('x');
  await new Promise((resolve) => socket!.once('data', resolve));
  return performance.now() - startMs;
}

it.each([
  [{ delayMs: 80, jitterMs: 10, loss: 0.015 }, 'netem limit 100000 delay 80ms 10ms loss 1.5%'],
  [{ delayMs: 5, jitterMs: 0, loss: 0 }, 'netem limit 100000 delay 5ms'],
])('netem of %j', (delay, words) => {
  expect(netem(delay).join(' ')).toBe(words);
});

describe.skipIf(!mayMakeNetworks)('a network of the run’s own (needs the right to make one)', () => {
  it('cut, packets vanish without an error for anybody; afterwards open connections go on', async () => {
    const { port } = await start(false);
    await roundTripMs();
    network!.cut(true);
    const cutAtMs = performance.now();
    let heard = 0;
    const errors: string[] = [];
    socket!.on('data', () => heard++).on('error', (error) => errors.push(error.message));
    const answered = roundTripMs();
    const second = connect({ host: network!.nodeAddress, port });
    second.on('error', (error) => errors.push(error.message));
    // What was asked, asked again, and the first packets of the second connection.
    await expect.poll(vanished, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
    expect({ heard, errors, connecting: second.connecting }).toEqual({ heard: 0, errors: [], connecting: true });
    second.destroy();
    const cutMs = performance.now() - cutAtMs;
    network!.cut(false);
    expect(cutMs).toBeGreaterThan(200);
    expect(await answered).toBeGreaterThan(cutMs);
    expect(errors).toEqual([]);
  });

  it.skipIf(!mayDelay)('delayed, every packet takes longer, and none longer afterwards', async () => {
    await start(true);
    const before = await roundTripMs();
    await network!.delay({ delayMs: 60, jitterMs: 10, loss: 0 });
    // Each way 50 to 70 ms, and no more than a machine under test adds.
    for (let i = 0; i < 3; i++) expect(await roundTripMs()).toBeGreaterThan(99);
    const big = Buffer.alloc(200_000, 'y');
    let received = 0;
    const all = new Promise<void>((resolve) => {
      socket!.on('data', (data) => {
        received += data.length;
        if (received >= big.length) resolve();
      });
    });
    socket!.write(big);
    await all;
    expect(received).toBe(big.length);
    network!.undelay();
    await roundTripMs();
    expect(Math.min(await roundTripMs(), await roundTripMs())).toBeLessThan(50);
    expect(before).toBeLessThan(50);
  });

  it.skipIf(!mayDelay)('cut while it is delayed, nothing passes; both undone, all does', async () => {
    await start(true);
    await network!.delay({ delayMs: 5, jitterMs: 0, loss: 0 });
    network!.cut(true);
    let heard = 0;
    socket!.on('data', () => heard++);
    const answered = roundTripMs();
    await expect.poll(vanished, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    expect(heard).toBe(0);
    network!.undelay();
    const before = vanished();
    await expect.poll(vanished, { timeout: 10_000 }).toBeGreaterThan(before);
    expect(heard).toBe(0);
    network!.cut(false);
    await answered;
  });

  it('is gone afterwards, and what a killed run left behind goes with the next', () => {
    network = RunNetwork.create({ delays: mayDelay });
    const { namespace } = network;
    expect(existsSync(`/run/netns/${namespace}`)).toBe(true);
    network.remove();
    network.remove();
    expect(existsSync(`/run/netns/${namespace}`)).toBe(false);
    expect(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })).not.toContain(`plm${process.pid}`);

    const gone = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) + 7;
    execFileSync('ip', ['netns', 'add', `plimsoll-${gone}`]);
    sweepNetworks();
    expect(existsSync(`/run/netns/plimsoll-${gone}`)).toBe(false);
  });
});

/** Packets that a cut network has swallowed so far, at this end. */
function vanished(): number {
  const shown = execFileSync('tc', ['-s', 'qdisc', 'show'], { encoding: 'utf8' });
  return [...shown.matchAll(/^qdisc blackhole[^\n]*\n[^\n]*\(dropped (\d+)/gm)].reduce(
    (sum, [, dropped]) => sum + Number(dropped),
    0,
  );
}
