/**
 * What the containers of docker-compose.yml do, done by processes of this machine: the same commands and variables, with other
 * hosts, ports and folders, against a real NATS server with the configuration that is mounted, and a real ClickHouse.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, Workspace } from '../loadgen/testing/command-line.ts';
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
  const [, port] = await node.until(/http:\/\/[\d.]+:(\d+)/);
  const addresses = {
    'nats:4222': `127.0.0.1:${nats.port}`,
    'node:4600': `127.0.0.1:${port}`,
    'clickhouse:8123': `127.0.0.1:${clickhouse.port}`,
  };
  const agentVariables = environmentOf(services.agent!, addresses);
  for (let agent = 0; agent < services.agent!.deploy!.replicas!; agent++)
    workspace.start(services.agent!.command!, agentVariables);
  await eventually(() => health('agent', agentVariables).status === 0, 'an agent that is well');
  expect(health('node', {}, port!)).toMatchObject({ status: 0, stderr: '' });

  const variables = environmentOf(services.plimsoll!, addresses);
  const run = await workspace.run(
    [...services.plimsoll!.command!, '-d', '2s', '-c', '40', '--no-thresholds', '--summary-json', 's.json'],
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

it('tells what is not well', () => {
  const wrong = health('agent', { PLIMSOLL_CONTROL: `nats://plimsoll:no@127.0.0.1:${nats.port}` });
  expect([wrong.status, wrong.stderr.trim()]).toEqual([1, expect.stringMatching(/Authorization/)]);
  const nobody = health('node', {}, '1');
  expect([nobody.status, nobody.stderr.trim()]).toEqual([1, expect.stringMatching(/ECONNREFUSED/)]);
});

/** As the health checks of the containers ask. */
function health(role: 'node' | 'agent', variables: Record<string, string>, ...more: string[]) {
  const script = join(ROOT, 'deploy', 'healthcheck.mjs');
  return spawnSync(process.execPath, [script, role, ...more], {
    encoding: 'utf8',
    env: { ...process.env, ...variables },
  });
}
