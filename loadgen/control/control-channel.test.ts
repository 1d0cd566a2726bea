/** The contract suite over both implementations, with real processes and a real nats-server. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { typescriptLoader } from '../../reports/results/fork-module.ts';
import { AgentHost } from '../agent/agent-host.ts';
import { gatherAgents } from '../coordinator/agent-gathering.ts';
import { TestNatsServer } from '../testing/nats-server.ts';
import { describeControlChannel } from './control-channel.suite.ts';
import { ipcAgentLink } from './control-channel-ipc.ts';
import { openNatsLine } from './nats-line.ts';

const FIXTURE = join(import.meta.dirname, 'control-channel.fixture.ts');

function startFixture(mode: 'ipc' | 'nats') {
  const child = fork(FIXTURE, [mode], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: ['--import', typescriptLoader()],
  });
  let printed = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return { child, printed: () => printed };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

describeControlChannel('over IPC', async () => {
  const { child, printed } = startFixture('ipc');
  return {
    link: ipcAgentLink('agent-0', child),
    pid: child.pid!,
    printed,
    leave: () => child.disconnect(),
    remove: () => ended(child),
  };
});

let server: TestNatsServer;
beforeAll(async () => {
  server = await TestNatsServer.start();
});
afterAll(() => server.stop());

describeControlChannel('over NATS', async () => {
  const [waiting, line] = await Promise.all([
    openNatsLine(server.url, 'agent'),
    openNatsLine(server.url, 'coordinator'),
  ]);
  let fixture: ReturnType<typeof startFixture> | undefined;
  const host = new AgentHost({
    line: waiting,
    url: server.url,
    onNotice: () => {},
    startProcess: () => {
      fixture = startFixture('nats');
      return fixture.child;
    },
  });
  const [link] = await gatherAgents({
    line,
    count: 1,
    most: 10,
    connections: 10,
    runId: 'suite',
    waitMs: 10_000,
    silenceMs: 15_000,
    onNotice: () => {},
    signal: new AbortController().signal,
  });
  return {
    link: link!,
    pid: fixture!.child.pid!,
    printed: fixture!.printed,
    leave: () => link!.close(),
    remove: async () => {
      await host.close('');
      await Promise.all([line.close(), waiting.close()]);
    },
  };
});
