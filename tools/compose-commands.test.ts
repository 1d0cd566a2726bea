/**
 * What the containers of docker-compose.yml do, done by processes of this machine: the same commands and variables, with other
 * hosts, ports and folders, against a real NATS server with the configuration that is mounted, and a real ClickHouse.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Workspace } from '../loadgen/testing/command-line.ts';
import { TestNatsServer } from '../loadgen/testing/nats-server.ts';
import { type ClickHouseServer, startClickHouse } from '../reports/results/clickhouse-server.suite.ts';
import { openResultsStore } from '../reports/results/results-store-open.ts';
import { ROOT, readCompose, readVariables, type Service } from './container-files.ts';

/** What would be read as a number without its quotes. */
const PASSWORD = '12e45';
const secrets = Object.keys(readVariables('.env.example')).map((name) => [name, PASSWORD]);
const { services } = readCompose({
  ...readVariables('.env.example'),
  ...Object.fromEntries(secrets),
  PLIMSOLL_SHARDS: '2',
});
const workspace = new Workspace();
let clickhouse: ClickHouseServer;
let nats: TestNatsServer;

beforeAll(async () => {
  process.env.NATS_PASSWORD_QUOTED = services.nats!.environment!.NATS_PASSWORD_QUOTED;
  nats = await TestNatsServer.start(['--config', join(ROOT, 'deploy/nats/nats.conf'), '--http_port', '-1']);
  clickhouse = await startClickHouse({ users: [{ name: 'plimsoll', password: PASSWORD }] });
});
afterAll(async () => {
  await workspace.close();
  await nats?.stop();
  await clickhouse?.stop();
});

/** The variables of a service, with the addresses that this machine has in place of the containers' names. */
function environmentOf(service: Service, addresses: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service.environment!).map(([name, value]) => [
      name,
      value.replace(/(?<=[/@])[a-z]+:\d+(?=\/|$)/, (address) => addresses[address] ?? address),
    ]),
  );
}

it('its commands make a run: agents meet at NATS, reach every shard of the node, and results are stored', async () => {
  const [command, ...flags] = services.node!.command!;
  const elsewhere = flags.map((flag, index) =>
    ['--port', '--shard-port'].includes(flags[index - 1]!) ? '0' : flag.replace('/var/lib/plimsoll', 'messages'),
  );
  const node = workspace.start([command!, ...elsewhere], environmentOf(services.node!, {}));
  const addresses = { 'nats:4222': `127.0.0.1:${nats.port}`, 'clickhouse:8123': `127.0.0.1:${clickhouse.port}` };
  const agentVariables = environmentOf(services.agent!, addresses);
  const replicas = Array.from({ length: services.agent!.deploy!.replicas! }, () =>
    workspace.start(services.agent!.command!, agentVariables),
  );
  const [, port] = await node.until(/http:\/\/[\d.]+:(\d+)/);
  await Promise.all(replicas.map((agent) => agent.until(/wait for runs/)));
  const checks = [health('agent', agentVariables), health('node', {}, port!)];
  expect(await Promise.all(checks)).toEqual([
    { status: 0, stderr: '' },
    { status: 0, stderr: '' },
  ]);

  const variables = environmentOf(services.plimsoll!, { ...addresses, 'node:4600': `127.0.0.1:${port}` });
  const run = await workspace.run(
    [...services.plimsoll!.command!, '-d', '1s', '-c', '40', '--no-thresholds', '--summary-json', 's.json'],
    variables,
  );
  expect([0, 98], run.stderr).toContain(run.code);
  const { agents, ledger, metadata } = workspace.summary('s.json');
  expect(agents).toHaveLength(2);
  expect(ledger).toMatchObject({ lost: 0, pending: 0 });
  const store = await openResultsStore(variables.PLIMSOLL_RESULTS!, { readOnly: true });
  expect(await store.listRuns()).toMatchObject([{ runId: metadata.runId, status: 'finished' }]);
  await store.close();
}, 90_000);

it('tells what is not well', async () => {
  const wrong = await health('agent', { PLIMSOLL_CONTROL: `nats://plimsoll:no@127.0.0.1:${nats.port}` });
  expect([wrong.status, wrong.stderr.trim()]).toEqual([1, expect.stringMatching(/Authorization/)]);
  const nobody = await health('node', {}, '1');
  expect([nobody.status, nobody.stderr.trim()]).toEqual([1, expect.stringMatching(/ECONNREFUSED/)]);
});

/** As the health checks of the containers ask. */
function health(role: 'node' | 'agent', variables: Record<string, string>, ...more: string[]) {
  const script = join(ROOT, 'deploy', 'healthcheck.mjs');
  const env = { ...process.env, ...variables };
  return new Promise<{ status: number; stderr: string }>((resolve) => {
    execFile(process.execPath, [script, role, ...more], { env }, (error, _, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stderr }),
    );
  });
}
