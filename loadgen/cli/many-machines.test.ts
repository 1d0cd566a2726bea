/** Agents on other machines drive a node here: network namespaces with clocks of their own, and a real nats-server. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENTS_SUBJECT, decodeOffer } from '../control/agent-calls.ts';
import { openNatsLine } from '../control/nats-line.ts';
import type { RunSummary } from '../recorder/summary.ts';
import { eventually, type Started, Workspace } from '../testing/command-line.ts';
import { TestNatsServer } from '../testing/nats-server.ts';
import { type TestHost, TestHosts, whyNoTestHosts } from '../testing/test-hosts.ts';

const whyNot = whyNoTestHosts();
if (whyNot !== null)
  process.stderr.write(`${whyNot}: the tests of agents on other machines are left out of this run\n`);

/** The way back from the control server takes this long for one of the hosts, the way there no time. */
const WAY_BACK_MS = 50;

describe.skipIf(whyNot !== null)('agents on two machines', () => {
  const workspace = new Workspace();
  let machines: TestHosts;
  let alpha: TestHost;
  let beta: TestHost;
  let nats: TestNatsServer;
  let slowWay: Server;
  let target: string;
  let control: string;

  beforeAll(async () => {
    machines = new TestHosts(['alpha', 'beta']);
    [alpha, beta] = machines.hosts as [TestHost, TestHost];
    nats = await TestNatsServer.start([], '0.0.0.0');
    control = `nats://${machines.address}:${nats.port}`;
    slowWay = await delayWayBack(nats.port);
    const address = machines.address;
    const node = workspace.start([
      ...['serve', '--dev', '--host', address, '--public-host', address, '--port', '0'],
      ...['--shards', '1', '--store', 'memory:'],
    ]);
    const [, port] = await node.until(/http:\/\/[\d.]+:(\d+)/);
    target = `ws://${address}:${port}`;
  });
  afterAll(async () => {
    await workspace.close();
    slowWay.close();
    await nats.stop();
    machines.remove();
  });

  const startAgent = (host: TestHost, url: string, ...more: string[]): Started =>
    workspace.start(['agent', ...more], { PLIMSOLL_CONTROL: url }, host.prefix);

  const startRun = (...more: string[]): Started =>
    workspace.start([
      ...['run', 'smoke', '--control', control, '-a', '2', '-t', target, '-c', '60', '--no-thresholds'],
      ...['--summary-json', 's.json'],
      ...more,
    ]);

  it('measure as one: their clocks are followed, their samples and ledgers merged', async () => {
    const agents = [startAgent(alpha, control, '--once'), startAgent(beta, control, '--once')];
    const { code, stderr } = await startRun('-d', '3s').finished;
    expect(stderr).toContain('60 connections');
    const summary = workspace.summary('s.json');
    expect([code, summary.verdict, summary.failures]).toEqual([0, 'pass', []]);
    expect(summary.ledger).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, pending: 0 });
    expect(summary.agents!.map(({ host }) => host).sort()).toEqual(['alpha', 'beta']);
    for (const { host, clockOffsetMs, clockBoundMs } of summary.agents!) {
      const { clockAheadMs } = machines.hosts.find(({ name }) => name === host)!;
      // The bound was that of the load; afterwards the clock may have drifted on a little.
      expect(Math.abs(clockOffsetMs + clockAheadMs)).toBeLessThanOrEqual(clockBoundMs + 0.1);
      expect(clockBoundMs).toBeLessThan(25);
    }
    expect(countOf(summary, 'delivery_latency')).toBe(countOf(summary, 'sent_latency'));
    expect((await Promise.all(agents.map(({ finished }) => finished))).map((end) => end.code)).toEqual([0, 0]);
  }, 60_000);

  it('one whose clock is not known well measures no delivery between machines; one that is cut off is named', async () => {
    const agents = [
      startAgent(alpha, control),
      startAgent(beta, `nats://${machines.address}:${(slowWay.address() as { port: number }).port}`),
    ];
    const run = startRun('-d', '5s', '--agent-silence', '5s');
    await run.until(/steady/);
    machines.setCable(beta, false);
    const { code } = await run.finished;
    const summary = workspace.summary('s.json');
    expect([code, summary.verdict]).toEqual([98, 'inconclusive']);
    const at = summary.agents!.findIndex(({ host }) => host === 'beta');
    expect(summary.validity.reasons.join('\n')).toContain(
      `agent-${at} on beta was not heard of for 5s during the run; what was sent and received there is unknown`,
    );
    if (beta.clockAheadMs > 0) {
      const { clockOffsetMs, clockBoundMs } = summary.agents![at]!;
      // Half of the way back, and in truth off by nearly as much.
      expect(clockBoundMs).toBeGreaterThan(WAY_BACK_MS / 2);
      expect(Math.abs(clockOffsetMs + beta.clockAheadMs)).toBeGreaterThan(WAY_BACK_MS / 4);
      expect(Math.abs(clockOffsetMs + beta.clockAheadMs)).toBeLessThanOrEqual(clockBoundMs + 0.1);
      expect(summary.notes.join('\n')).toContain('Delivery latencies are of pairs on one machine only');
      expect(countOf(summary, 'delivery_latency')).toBeLessThan(countOf(summary, 'sent_latency'));
    }
    // Its agent notices, stops its load, and waits for the next run: still there when the cable is.
    await agents[1]!.until(/was left before its end/);
    machines.setCable(beta, true);
    await waitForFreeAgent(nats.url, 'beta');
    for (const { child, finished } of agents) {
      child.kill('SIGTERM');
      expect((await finished).code).toBe(0);
    }
  }, 90_000);
});

function countOf(summary: RunSummary, name: string): number {
  const metric = summary.results.metrics.find((one) => one.name === name);
  return metric?.type === 'trend' ? metric.values.count : 0;
}

/** Resolves when an agent of that host presents itself as free. */
async function waitForFreeAgent(url: string, host: string): Promise<void> {
  const line = await openNatsLine(url, 'test');
  const inbox = line.inbox();
  let free = false;
  line.subscribe(inbox, (bytes) => {
    const offer = decodeOffer(bytes);
    free ||= offer?.host === host && offer.busy === null;
  });
  await eventually(() => {
    line.publish(AGENTS_SUBJECT, new Uint8Array(0), inbox);
    return free;
  }, `a free agent on ${host}`);
  await line.close();
}

/** A way to the port whose bytes back come late. */
async function delayWayBack(port: number): Promise<Server> {
  const server = createServer((client: Socket) => {
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (bytes) => setTimeout(() => client.write(bytes), WAY_BACK_MS));
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, '0.0.0.0');
  await eventually(() => server.listening, 'the delayed way');
  return server;
}
