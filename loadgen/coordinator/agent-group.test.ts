import { expect, it } from 'vitest';
import type { AgentLink, AgentProgress, FromAgent, ToAgent } from '../control/control-channel.ts';
import { AgentGroup } from './agent-group.ts';

const PROGRESS = { connections: 1, failed: { generator: 0, server: 0 }, sent: 5 } as unknown as AgentProgress;

class FakeAgent implements AgentLink {
  readonly name: string;
  readonly host?: string;
  readonly told: ToAgent[] = [];
  #says: (message: FromAgent) => void = () => {};
  #goes: (how: string) => void = () => {};

  constructor(name: string, host?: string) {
    this.name = name;
    if (host !== undefined) this.host = host;
  }

  send(message: ToAgent): void {
    this.told.push(message);
  }
  onMessage(handler: (message: FromAgent) => void): void {
    this.#says = handler;
  }
  onGone(handler: (how: string) => void): void {
    this.#goes = handler;
  }
  kill(): void {
    this.go('ended by SIGKILL');
  }

  ready(version: string): void {
    this.#says({ type: 'ready', version, pid: 1, host: this.host ?? 'here', clockId: null });
  }
  tick(tickMs: number, startMs = 0): void {
    const lag = { tickMs, startMs };
    const usage = { cpuSeconds: 1, rssBytes: 1 };
    this.#says({ type: 'tick', progress: PROGRESS, usage, samples: null, fanOut: [], lag });
  }
  go(how: string): void {
    this.#goes(how);
  }
}

async function startGroup() {
  const agents = [new FakeAgent('agent-0', 'alpha'), new FakeAgent('agent-1', 'beta')];
  const group = new AgentGroup(agents);
  const said: string[] = [];
  group.onNotice = (text) => said.push(text);
  group.onGone = (name, how) => said.push(`${name} ${how}`);
  const ready = group.ready('1.0.0');
  for (const agent of agents) agent.ready('1.0.0');
  await ready;
  return { group, agents, said };
}

it('an agent of another version is named with its host and both versions', async () => {
  const agents = [new FakeAgent('agent-0', 'alpha'), new FakeAgent('agent-1', 'beta')];
  const ready = new AgentGroup(agents).ready('1.0.0');
  agents[0]!.ready('1.0.0');
  agents[1]!.ready('0.9.0');
  await expect(ready).rejects.toMatchObject({
    side: 'configuration',
    message: 'agent-1 on beta runs Plimsoll 0.9.0, the coordinator 1.0.0; use one version',
  });
});

it('an agent that falls behind is named, once; a little late is not late', async () => {
  const { group, agents, said } = await startGroup();
  agents[0]!.tick(900);
  expect(group.lagging).toEqual([]);
  agents[1]!.tick(1_234);
  agents[1]!.tick(4_000);
  expect(group.lagging).toEqual([
    { name: 'agent-1 on beta', how: 'fell behind: its reports came up to 4.0 s late', agent: 'agent-1' },
  ]);
  expect(said).toEqual(['agent-1 on beta fell behind: its reports came up to 1.2 s late']);
});

it('an agent that heard of the common start too late is named', async () => {
  const { group, agents } = await startGroup();
  agents[0]!.tick(0, 2_500);
  expect(group.lagging).toEqual([{ name: 'agent-0 on alpha', how: 'started its load 2.5 s late', agent: 'agent-0' }]);
});

it('an agent that is gone is named with its host; what it had reported still counts', async () => {
  const { group, agents, said } = await startGroup();
  for (const agent of agents) agent.tick(0);
  agents[1]!.go('was not heard of for 15s');
  expect(group.dead).toEqual([{ name: 'agent-1 on beta', how: 'was not heard of for 15s' }]);
  expect(said).toEqual(['agent-1 on beta was not heard of for 15s']);
  expect(group.progress()).toMatchObject({ connections: 1, sent: 10 });
});
