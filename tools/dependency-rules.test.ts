/**
 * Who may import whom. The load generator is the instrument and the server its subject: what they share is the wire protocol
 * and nothing else, so that neither can make the other look better.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const ROOMS = ['server', 'loadgen', 'scenarios', 'reports', 'bench'];

interface Import {
  from: string;
  to: string;
}

/** Modules that must stay free of I/O, clocks and global randomness. */
const PURE = [
  /^loadgen\/control\/pieces\.ts$/,
  /^loadgen\/pacing\//,
  /^loadgen\/population\//,
  /^loadgen\/coordinator\/(assignment|audience|clock-offset|method|segments|statistics|verdict|verdict-trends)\.ts$/,
  /^server\/protocol\/(codec[\w-]*|shard-hash|messages|errors)\.ts$/,
  /^server\/shard-map\.ts$/,
  /^reports\/(capacity|compare)\//,
];

/** Packages that are loaded only where they are needed, with an error that names the remedy. */
const HEAVY = [
  'chdb',
  'chdb/connection',
  '@clickhouse/client',
  'cassandra-driver',
  '@nats-io/transport-node',
  'classic-level',
];

const files = ROOMS.flatMap((room) => sources(join(root, room)));
const imports = files.flatMap(importsOf);

function offenders(breaks: (edge: Import) => boolean): string[] {
  return imports.filter(breaks).map(({ from, to }) => `${from} → ${to}`);
}

describe('who may import whom', () => {
  it('reads the imports of the whole project', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(imports).toContainEqual({ from: 'server/shard-map.ts', to: 'server/protocol/shard-hash.ts' });
    expect(imports).toContainEqual({
      from: 'loadgen/drivers/driver-loader.ts',
      to: 'loadgen/drivers/target-driver-reference.ts',
    });
  });

  it('the protocol imports nothing of the project', () => {
    expect(
      offenders(
        ({ from, to }) => from.startsWith('server/protocol/') && isOurs(to) && !to.startsWith('server/protocol/'),
      ),
    ).toEqual([]);
  });

  it('the server imports no other room', () => {
    expect(offenders(({ from, to }) => from.startsWith('server/') && isOurs(to) && !to.startsWith('server/'))).toEqual(
      [],
    );
  });

  it('the load generator knows of the server only its protocol, and only in its drivers', () => {
    expect(
      offenders(
        ({ from, to }) =>
          from.startsWith('loadgen/') &&
          to.startsWith('server/') &&
          !(from.startsWith('loadgen/drivers/') && to.startsWith('server/protocol/')),
      ),
    ).toEqual([]);
  });

  it('scenarios import only what describes and checks a scenario', () => {
    const allowed = (to: string): boolean =>
      to.startsWith('scenarios/') || ['loadgen/units.ts', 'loadgen/closest-name.ts', 'zod', 'k6/options'].includes(to);
    const ours = (from: string): boolean => /^scenarios\/(?!k6\/|socket-io\/)/.test(from);
    expect(offenders(({ from, to }) => ours(from) && !allowed(to))).toEqual([]);
  });

  it('a driver and a scenario of a user’s kind import only what users have', () => {
    const allowed = (to: string): boolean => ['plimsoll/driver', 'plimsoll/scenario', 'socket.io-client'].includes(to);
    expect(offenders(({ from, to }) => from.startsWith('scenarios/socket-io/') && !allowed(to))).toEqual([]);
  });

  it('what k6 runs imports only what k6 has', () => {
    expect(offenders(({ from, to }) => from.startsWith('scenarios/k6/') && !/^k6(\/|$)/.test(to))).toEqual([]);
  });

  it('reports know of the load generator only what it records, and its seeded randomness', () => {
    const allowed = (to: string): boolean =>
      !isOurs(to) ||
      to.startsWith('reports/') ||
      /^loadgen\/recorder\/(samples|summary|metrics|histogram)\.ts$/.test(to) ||
      to === 'loadgen/random.ts';
    expect(offenders(({ from, to }) => from.startsWith('reports/') && !allowed(to))).toEqual([]);
  });

  it('the load generator reaches reports only from its command line', () => {
    expect(
      offenders(
        ({ from, to }) => from.startsWith('loadgen/') && !from.startsWith('loadgen/cli/') && to.startsWith('reports/'),
      ),
    ).toEqual([]);
  });

  it('pure modules use no I/O, no clock and no global randomness', () => {
    const impure = /\b(Math\.random|Date\.now|new Date\(\)|performance\.now|process\.hrtime|setTimeout|setInterval)\b/;
    const pure = files.map((file) => relative(root, file)).filter((file) => PURE.some((pattern) => pattern.test(file)));
    expect(pure.length).toBeGreaterThan(8);
    expect(pure.filter((file) => impure.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
    const allowed = (to: string): boolean => isOurs(to) || to === 'node:buffer';
    expect(offenders(({ from, to }) => pure.includes(from) && !allowed(to))).toEqual([]);
  });

  it('heavy packages are imported lazily or for their types only', () => {
    const offending = files
      .filter((file) => !file.includes('message-store-leveldb'))
      .flatMap((file) =>
        staticImports(readFileSync(file, 'utf8'))
          .filter(({ specifier, typeOnly }) => HEAVY.includes(specifier) && !typeOnly)
          .map(({ specifier }) => `${relative(root, file)} → ${specifier}`),
      );
    // Itself imported lazily, by results-store-open.ts.
    expect(offending.filter((edge) => !edge.startsWith('reports/results/'))).toEqual([]);
  });
});

function isOurs(to: string): boolean {
  return ROOMS.some((room) => to.startsWith(`${room}/`));
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(test|suite|fixture)\.ts$/.test(file) && !file.startsWith('testing/'))
    .map((file) => join(folder, file));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const specifiers = [
    ...staticImports(text).map(({ specifier }) => specifier),
    ...[...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((match) => match[1]!),
  ];
  return specifiers.map((specifier) => ({
    from: relative(root, file),
    to: specifier.startsWith('.') ? relative(root, resolve(dirname(file), specifier)) : specifier,
  }));
}

function staticImports(text: string): Array<{ specifier: string; typeOnly: boolean }> {
  return [
    ...text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm),
  ].map((match) => ({
    specifier: match[2] ?? match[3]!,
    typeOnly: match[1] !== undefined,
  }));
}
