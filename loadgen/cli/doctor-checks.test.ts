import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCgroups } from './doctor-cgroups.ts';
import { checkMachine } from './doctor-checks.ts';
import { type MachineFacts, readMachineFacts } from './doctor-facts.ts';
import { connectionLimits, connectionsPerProcess, planProcesses } from './doctor-plan.ts';
import { renderMachineReport } from './doctor-text.ts';

const GOOD: MachineFacts = {
  cores: 2,
  memoryBytes: 25e9,
  memoryAvailableBytes: 24e9,
  cgroupMemoryBytes: null,
  cgroupCores: null,
  descriptorsSoft: 20_000,
  descriptorsHard: 20_000,
  systemDescriptors: { used: 500, max: 2_466_177 },
  ephemeralPorts: { first: 32_768, last: 60_999 },
  listenBacklog: 4096,
  tcpMemoryBytes: 2.3e9,
  conntrack: null,
  kernel: '6.1.0',
  node: '20.19.0',
  glibc: '2.36',
  webSockets: { ok: true },
  sync: { directory: '/data', medianMs: 0.5, maxMs: 2 },
};

describe('processes', () => {
  it.each([
    [50_000, {}, 3],
    [1000, {}, 1],
    [1, { cores: 64 }, 1],
    [10_000, { cores: 16 }, 8],
    [10_000, { cores: 16, cgroupCores: 4 }, 2],
    [50_000, { descriptorsHard: 4096 }, 17],
    [50_000, { descriptorsHard: 1_048_576 }, 1],
    [50_000, { descriptorsHard: Number.POSITIVE_INFINITY }, 1],
    [1000, { descriptorsHard: 1024 }, 2],
  ])('%d connections on %j take %d each', (connections, facts, expected) => {
    expect(planProcesses(connections, { ...GOOD, ...facts })).toEqual({ shards: expected, agents: expected });
  });

  it('always have room for the connections, with descriptors to spare', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2e6 }),
        fc.integer({ min: 256, max: 2e6 }),
        (connections, descriptorsHard) => {
          const { shards } = planProcesses(connections, { ...GOOD, descriptorsHard });
          expect(shards * connectionsPerProcess({ descriptorsHard })).toBeGreaterThanOrEqual(connections);
          expect(connectionsPerProcess({ descriptorsHard })).toBeLessThanOrEqual(descriptorsHard * 0.9);
        },
      ),
    );
  });
});

describe('the largest number of connections', () => {
  it.each([
    ['memory', {}],
    ['memory', { cgroupMemoryBytes: 2e9 }],
    ['descriptors per process', { descriptorsHard: 1024 }],
    ['descriptors of the machine', { systemDescriptors: { used: 0, max: 50_000 } }],
    ['ports', { ephemeralPorts: { first: 60_000, last: 60_099 } }],
    ['connection tracking', { conntrack: { used: 100, max: 65_536 } }],
  ])('is bound by %s given %j', (name, facts) => {
    const [first, second] = connectionLimits({ ...GOOD, ...facts });
    expect(first!.name).toBe(name);
    expect(first!.connections).toBeLessThanOrEqual(second!.connections);
    expect(checkMachine({ ...GOOD, ...facts }).largest).toEqual(first);
  });

  it('is not bound by a tracking table that tracks nothing', () => {
    expect(connectionLimits({ ...GOOD, conntrack: { used: 0, max: 10 } })[0]!.name).toBe('memory');
  });

  it('is never negative', () => {
    expect(connectionLimits({ ...GOOD, memoryAvailableBytes: 1e6 })[0]).toEqual({ name: 'memory', connections: 0 });
  });
});

describe('checks', () => {
  const stateOf = (facts: Partial<MachineFacts>, connections?: number) =>
    Object.fromEntries(
      checkMachine({ ...GOOD, ...facts }, connections)
        .checks.filter(({ state }) => state !== 'ok')
        .map(({ name, state }) => [name, state]),
    );

  it('are all ok on a good machine', () => {
    expect(stateOf({})).toEqual({});
  });

  it.each<[Partial<MachineFacts>, Record<string, string>]>([
    [{ node: '18.20.0' }, { 'Node.js': 'fail' }],
    [{ node: '20.18.1' }, { 'Node.js': 'fail' }],
    [{ node: '21.1.0' }, { 'Node.js': 'fail' }],
    [{ webSockets: { ok: false, reason: 'no binary' } }, { 'uWebSockets.js': 'fail' }],
    [{ cgroupCores: 0.5 }, { cores: 'warn' }],
    [{ memoryAvailableBytes: 1e9 }, { memory: 'fail' }],
    // So many processes also take more memory than there is.
    [{ descriptorsHard: 256 }, { descriptors: 'fail', memory: 'fail' }],
    [{ descriptorsHard: 2048 }, { descriptors: 'warn' }],
    [{ systemDescriptors: { used: 0, max: 100_000 } }, { 'open files of the machine': 'fail' }],
    [{ ephemeralPorts: { first: 50_000, last: 60_000 } }, { 'ephemeral ports': 'warn' }],
    [{ listenBacklog: 128 }, { 'listen backlog': 'warn' }],
    [{ tcpMemoryBytes: 1e6 }, { 'TCP memory': 'warn' }],
    [{ conntrack: { used: 60_000, max: 65_536 } }, { 'connection tracking': 'fail' }],
    [{ sync: { directory: '/data', medianMs: 20, maxMs: 30 } }, { 'disk sync': 'warn' }],
    [{ sync: { directory: '/data', error: 'EACCES' } }, { 'disk sync': 'fail' }],
    [
      { systemDescriptors: null, ephemeralPorts: null },
      { 'open files of the machine': 'warn', 'ephemeral ports': 'warn' },
    ],
  ])('%j', (facts, expected) => {
    expect(stateOf(facts)).toEqual(expected);
  });

  it('have a remedy exactly where something is wrong', () => {
    const bad: Partial<MachineFacts> = {
      node: '18.0.0',
      memoryAvailableBytes: 1e6,
      descriptorsHard: 100,
      listenBacklog: 1,
    };
    for (const { state, remedy } of checkMachine({ ...GOOD, ...bad }).checks)
      expect(remedy === null).toBe(state === 'ok');
  });

  it('depend on the connections asked for', () => {
    expect(stateOf({}, 10_000_000)).toMatchObject({ memory: 'fail', descriptors: 'fail' });
    expect(stateOf({ memoryAvailableBytes: 1.2e9 }, 1000)).toEqual({});
  });
});

it('renders aligned lines, remedies and the limit', () => {
  const text = renderMachineReport(checkMachine({ ...GOOD, listenBacklog: 128, node: '18.0.0' }), { colour: false });
  const lines = text.split('\n');
  expect(lines[0]).toMatch(/^✗ Node\.js +18\.0\.0 +not supported$/);
  expect(lines[1]).toMatch(/^ +→ install Node 20/);
  expect(text).toMatch(/^! listen backlog +128 /m);
  expect(text).toMatch(/^✓ memory /m);
  const columns = lines.filter((line) => /^[✓!✗]/.test(line)).map((line) => line.slice(0, 29));
  expect(columns.every((line) => line.endsWith('  ') || /^. open files/.test(line))).toBe(true);
  expect(text).toContain('connections with both ends here, bound by memory.');
  expect(text).toContain('50,000 connections fit: 3 shard and 3 agent processes.');
  expect(renderMachineReport(checkMachine(GOOD), { colour: true })).toContain('\u001b[32m✓\u001b[0m Node.js');
});

describe('control groups', () => {
  const reader = (files: Record<string, string>) => (path: string) => files[path];

  it('version 2: the tightest along the path', () => {
    const files = {
      '/sys/fs/cgroup/a/memory.max': '2000000\n',
      '/sys/fs/cgroup/a/b/memory.max': 'max\n',
      '/sys/fs/cgroup/a/b/cpu.max': '150000 100000\n',
    };
    expect(parseCgroups('0::/a/b\n', reader(files))).toEqual({ memoryBytes: 2_000_000, cores: 1.5 });
  });

  it('version 1, mounted as seen from inside a container', () => {
    const files = {
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '3000000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    };
    expect(parseCgroups('4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n', reader(files))).toEqual({
      memoryBytes: 3_000_000,
      cores: 2,
    });
  });

  it('none', () => {
    const files = {
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    };
    expect(parseCgroups('4:memory:/\n1:cpu:/\n0::/\n', reader(files))).toEqual({ memoryBytes: null, cores: null });
    expect(parseCgroups('', reader({}))).toEqual({ memoryBytes: null, cores: null });
  });
});

describe('reading this machine', () => {
  it('finds plausible facts and leaves nothing behind', () => {
    const folder = mkdtempSync(join(tmpdir(), 'plimsoll-doctor-test-'));
    try {
      const facts = readMachineFacts(join(folder, 'not', 'there'));
      expect(facts.cores).toBeGreaterThan(0);
      expect(facts.memoryAvailableBytes).toBeLessThanOrEqual(facts.memoryBytes);
      expect(facts.descriptorsHard).toBeGreaterThanOrEqual(facts.descriptorsSoft);
      expect(facts.webSockets).toEqual({ ok: true });
      expect(facts.sync).toMatchObject({ directory: join(folder, 'not', 'there'), medianMs: expect.any(Number) });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reports a directory that cannot be written', () => {
    expect(existsSync('/proc/self')).toBe(true);
    expect(readMachineFacts('/proc/self').sync).toMatchObject({ error: expect.stringMatching(/E\w+/) });
  });
});
