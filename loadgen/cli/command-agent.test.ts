/** What goes wrong before a run with agents elsewhere begins: one sentence, no secret, the exit code of a mistake. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPrometheusText } from '../../tools/prometheus-text.ts';
import { type Started, Workspace } from '../testing/command-line.ts';
import { TestNatsServer } from '../testing/nats-server.ts';

const workspace = new Workspace();
let nats: TestNatsServer;
beforeAll(async () => {
  nats = await TestNatsServer.start();
});
afterAll(async () => {
  await workspace.close();
  await nats.stop();
});

const TARGET = ['-t', 'ws://127.0.0.1:9'];

it.each([
  [['agent'], 'say where the agent waits for runs: --control nats://host:4222, or set PLIMSOLL_CONTROL'],
  [
    ['agent', '--control', 'nats://load:secret@127.0.0.1:9'],
    "the NATS server nats://127.0.0.1:9 can't be reached (connection refused); start one there with nats-server, or name another with --control",
  ],
  [
    ['run', 'smoke', ...TARGET, '--control', 'mqtt://load:secret@127.0.0.1:9'],
    '--control must be written nats://host:4222 (tls:// for an encrypted one), not "mqtt://…@127.0.0.1:9"',
  ],
  [
    ['run', 'smoke', '--control', 'nats://127.0.0.1:9'],
    '--control needs --target ws://host:port: agents on other machines can’t reach a node that is started here',
  ],
  [
    ['agent', '--control', 'nats://127.0.0.1:9', '--metrics', 'box'],
    '--metrics: must be a port or host:port, for example 9464, not "box"',
  ],
  [
    ['run', 'smoke', ...TARGET, '--control', 'nats://127.0.0.1:9', '--agent-silence', '1s'],
    '--agent-silence must be 3s or more, not "1s"',
  ],
])('%j', async (args, sentence) => {
  expect(await workspace.run(args)).toMatchObject({ code: 104, stdout: '', stderr: `${sentence}\n` });
});

it('agents that do not come are waited for as long as was said, and those that are there are counted', async () => {
  const { code, stderr } = await workspace.run([
    ...['run', 'smoke', ...TARGET, '--control', nats.url, '--agents', '2', '--agent-wait', '1s'],
  ]);
  expect(code).toBe(104);
  expect(stderr).toBe(
    'waiting for agents: 0 of 2 are there\n' +
      `too few agents on ${nats.url} after 1s: 0 of 2 are there; start one with plimsoll agent --control ${nats.url}\n`,
  );
});

it('a signal ends the waiting, of a run and of an agent', async () => {
  const agent = workspace.start(['agent', '--control', nats.url, '--agents', '2']);
  await agent.until(/2 agent\(s\) on .* wait for runs/);
  const run = workspace.start(['run', 'smoke', ...TARGET, '--control', nats.url, '--agents', '3']);
  await run.until(/waiting for agents: 2 of 3 are there/);
  run.child.kill('SIGINT');
  expect((await run.finished).code).toBe(105);
  agent.child.kill('SIGTERM');
  expect((await agent.finished).code).toBe(0);
});

it('a control server that goes away in mid-run and stays away: what was measured is kept and judged, nobody waits for ever', async () => {
  const doomed = await TestNatsServer.start();
  const node = workspace.start(['serve', '--dev', '--port', '0', '--shards', '1', '--store', 'memory:']);
  const [, port] = await node.until(/http:\/\/[\d.]+:(\d+)/);
  const agents = ['--once', '--metrics=0'].map((flag) => workspace.start(['agent', '--control', doomed.url, flag]));
  const run = workspace.start([
    ...['run', 'smoke', '-t', `ws://127.0.0.1:${port}`, '--control', doomed.url, '--agents', '2', '-c', '50'],
    ...['-d', '5m', '--agent-silence', '5s', '--summary-json', 's.json', '--metrics', '0'],
  ]);
  await run.until(/steady .* [1-9]\d*\/s delivered/);
  await expectMetrics(run, agents[1]!);
  await doomed.stop();
  const { code, stderr } = await run.finished;
  expect(stderr).toContain(`the NATS server ${doomed.url} is away; trying again`);
  const { verdict, validity, results } = workspace.summary('s.json');
  expect([code, verdict]).toEqual([98, 'inconclusive']);
  expect(validity.reasons[0]).toMatch(
    /^agent-0 on .*, agent-1 on .* could not be reached for 5s: the control server was away during the run; what was sent and received there is unknown$/,
  );
  expect(results.metrics.find(({ name }) => name === 'messages_sent')!.values).not.toMatchObject({ count: 0 });
  // One was to end after a run, the other waits for the server to be back; the load of both has ended.
  expect((await agents[0]!.finished).code).toBe(1);
  await agents[1]!.until(/was left before its end/);
  agents[1]!.child.kill('SIGTERM');
  expect((await agents[1]!.finished).code).toBe(0);
}, 60_000);

it('--help shows where a secret is from, not what it is', async () => {
  const { stdout } = await workspace.run(['agent', '--help'], { PLIMSOLL_CONTROL: 'nats://load:secret@host' });
  expect(stdout).toContain('PLIMSOLL_CONTROL');
  expect(stdout).not.toContain('secret@');
});

/** Prometheus is answered by the run for all its agents, and by an agent for itself. */
async function expectMetrics(run: Started, agent: Started): Promise<void> {
  const scrape = async ({ output }: Started) => {
    const [, url] = /metrics for Prometheus at (http:\S+)/.exec(output.stderr)!;
    const families = readPrometheusText(await (await fetch(url!)).text());
    return (name: string, labels = '') => families.get(name)?.samples.get(labels);
  };
  const ofRun = await scrape(run);
  expect(ofRun('plimsoll_run_phase', 'phase="steady"')).toBe(1);
  expect(ofRun('plimsoll_run_connections')).toBe(50);
  expect(ofRun('plimsoll_run_messages_delivered_total')).toBeGreaterThan(0);
  expect(ofRun('plimsoll_run_agent_resident_memory_bytes', 'source="agent-1"')).toBeGreaterThan(1e6);
  const ofAgent = await scrape(agent);
  expect(ofAgent('plimsoll_agent_busy', 'agent="0"')).toBe(1);
  expect(ofAgent('plimsoll_agent_phase', 'agent="0",phase="load"')).toBe(1);
  expect(ofAgent('plimsoll_agent_connections', 'agent="0"')).toBe(25);
  expect(ofAgent('plimsoll_agent_messages_sent_total', 'agent="0"')).toBeGreaterThan(0);
}
