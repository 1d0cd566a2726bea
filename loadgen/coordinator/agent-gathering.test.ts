import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentHost } from '../agent/agent-host.ts';
import { AGENTS_SUBJECT, callSubject, encodeCall } from '../control/agent-calls.ts';
import { type NatsLine, openNatsLine } from '../control/nats-line.ts';
import { eventually } from '../testing/command-line.ts';
import { TestNatsServer } from '../testing/nats-server.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { AgentError } from './agent-error.ts';
import { type GatherOptions, gatherAgents } from './agent-gathering.ts';

let server: TestNatsServer;
let line: NatsLine;
let hosts: AgentHost[];
let taken: Array<{ close(): void }>;

beforeEach(async () => {
  server = await TestNatsServer.start();
  line = await openNatsLine(server.url, 'test');
  hosts = [];
  taken = [];
});
afterEach(async () => {
  for (const link of taken) link.close();
  await Promise.all(hosts.map((host) => host.close('')));
  await line.close();
  await server.stop();
});

/** An agent whose runs do nothing but last. */
function startHost(): void {
  const startProcess = () =>
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  hosts.push(new AgentHost({ line, url: server.url, onNotice: () => {}, startProcess }));
}

/** An agent that only presents itself. */
function presentOffer(offer: {
  id?: string;
  host: string;
  version?: string;
  busy?: string;
  descriptorLimit?: number;
}): void {
  const whole = {
    id: `id-${offer.host}`,
    pid: 1,
    cores: 1,
    descriptorLimit: 1_024,
    busy: null,
    version: PLIMSOLL_VERSION,
  };
  line.subscribe(AGENTS_SUBJECT, (_, answer) => answer(encodeCall({ ...whole, ...offer })));
}

async function gather(options: Partial<GatherOptions> = {}) {
  const links = await gatherAgents({
    line,
    count: 1,
    most: 100,
    connections: 10,
    runId: 'run',
    waitMs: 20_000,
    silenceMs: 15_000,
    onNotice: () => {},
    signal: new AbortController().signal,
    ...options,
  });
  taken.push(...links);
  return links;
}

it('takes as many as are wanted, names them by segment, and leaves the others free', async () => {
  for (let i = 0; i < 3; i++) startHost();
  const links = await gather({ count: 2 });
  expect(links.map(({ name, host }) => [name, host])).toEqual([
    ['agent-0', hostname()],
    ['agent-1', hostname()],
  ]);
  expect(hosts.filter((host) => host.busy)).toHaveLength(2);
  await expect(gather({ count: 2, waitMs: 500 })).rejects.toThrow(
    `too few agents on ${server.url} after 500ms: 1 of 2 is there (${hostname()}: 1), 2 are busy with run run; start one with plimsoll agent --control ${server.url}`,
  );
});

it('takes all that are free when nobody says how many, but not more than there is work for', async () => {
  for (let i = 0; i < 3; i++) startHost();
  expect(await gather({ count: null, most: 2 })).toHaveLength(2);
  expect(await gather({ count: null })).toHaveLength(1);
});

it('waits for those that come later, and says how many are there', async () => {
  const notices: string[] = [];
  startHost();
  const links = gather({ count: 2, onNotice: (text) => notices.push(text) });
  await eventually(() => notices.length > 0, 'a notice');
  startHost();
  expect(await links).toHaveLength(2);
  expect(notices).toEqual([`waiting for agents: 1 of 2 is there (${hostname()}: 1)`]);
});

it('coordinators that want the same agents do not hold half each: one has all, then the other', async () => {
  for (let i = 0; i < 3; i++) startHost();
  const runs = ['a', 'b'].map(async (runId) => {
    const links = await gather({ count: 2, runId, waitMs: 30_000 });
    // Its run is over: its agents are told to leave and are free again.
    for (const link of links) link.kill();
    return links.length;
  });
  expect(await Promise.all(runs)).toEqual([2, 2]);
});

it('takes agents of many machines before two of one', async () => {
  for (const [id, host] of [
    ['1', 'alpha'],
    ['2', 'alpha'],
    ['3', 'beta'],
  ] as const) {
    presentOffer({ id, host });
    line.subscribe(callSubject(id), (_, answer) => answer(encodeCall({ ok: true })));
  }
  const links = await gather({ count: 2 });
  expect(links.map(({ host }) => host)).toEqual(['alpha', 'beta']);
});

it('tells the machines and the runs of those that are there', async () => {
  for (const host of ['beta', 'alpha']) presentOffer({ host });
  presentOffer({ host: 'gamma', busy: 'other-run' });
  await expect(gather({ count: 3, waitMs: 500 })).rejects.toThrow(
    '2 of 3 are there (alpha: 1, beta: 1), 1 is busy with run other-run',
  );
});

it('an agent of another version that is needed is named at once, with both versions', async () => {
  startHost();
  presentOffer({ host: 'old', version: '0.0.1' });
  expect(await gather({ count: 1 })).toHaveLength(1);
  const error: AgentError = await gather({ count: 1, waitMs: 60_000 }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(AgentError);
  expect(error.side).toBe('configuration');
  expect(error.message).toBe(
    `the agent on old (process 1) runs Plimsoll 0.0.1, the coordinator ${PLIMSOLL_VERSION}; use one version`,
  );
});

it('an agent at something that never returns is given up, and ended by its host', async () => {
  startHost();
  const [link] = await gather({ silenceMs: 1_000, startMs: 1_000 });
  const gone: string[] = [];
  link!.onGone((how) => gone.push(how));
  await eventually(() => gone.length > 0 && !hosts[0]!.busy, 'the host to be free');
  expect(gone).toEqual(['was not heard of for 1s']);
});

it('and so it is when its coordinator is gone', async () => {
  startHost();
  const [link] = await gather({ silenceMs: 1_000 });
  link!.close();
  await eventually(() => !hosts[0]!.busy, 'the host to be free');
});

it('an agent that may not open enough files is named before anything starts', async () => {
  presentOffer({ host: 'alpha', descriptorLimit: 100_000 });
  presentOffer({ host: 'beta' });
  await expect(gather({ count: 2, connections: 4_000 })).rejects.toThrow(
    'the agent on beta (process 1) may open 1,024 files, too few for its 2,000 connections; raise ulimit -n there, or use more agents',
  );
});

it('noise on the subjects is left aside', async () => {
  line.subscribe(AGENTS_SUBJECT, (_, answer) => answer(Uint8Array.of(1, 2, 3)));
  line.subscribe(AGENTS_SUBJECT, (_, answer) => answer(encodeCall(null)));
  startHost();
  expect(await gather()).toHaveLength(1);
});

it('a signal ends the waiting', async () => {
  const stop = new AbortController();
  const links = gather({ count: 5, waitMs: 60_000, signal: stop.signal });
  stop.abort();
  await expect(links).rejects.toBe(stop.signal.reason);
});
