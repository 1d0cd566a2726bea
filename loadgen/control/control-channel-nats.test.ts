/** What only a channel over a NATS server can suffer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../testing/command-line.ts';
import { TestNatsServer } from '../testing/nats-server.ts';
import type { FromAgent, ToAgent } from './control-channel.ts';
import { NatsAgentLink, natsCoordinator } from './control-channel-nats.ts';
import { type NatsLine, openNatsLine, readAddress, withoutSecrets } from './nats-line.ts';

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

async function startServer(arguments_: string[] = []): Promise<TestNatsServer> {
  const server = await TestNatsServer.start(arguments_);
  cleanups.push(() => server.stop());
  return server;
}

/** Both ends of a channel in this process, each with a connection of its own. */
async function openChannel(url: string, channel: string, silenceMs = 15_000) {
  const line: NatsLine = await openNatsLine(url, 'coordinator');
  const link = new NatsAgentLink({ name: 'agent-0', host: 'here', line, channel, silenceMs, killIt: () => {} });
  const agent = await natsCoordinator({ url, channel, silenceMs });
  const heard = { byCoordinator: [] as FromAgent[], byAgent: [] as ToAgent[] };
  const gone: string[] = [];
  link.onMessage((message) => heard.byCoordinator.push(message));
  agent.onMessage((message) => heard.byAgent.push(message));
  link.onGone((how) => gone.push(`agent ${how}`));
  agent.onGone(() => gone.push('coordinator gone'));
  cleanups.push(async () => {
    link.close();
    await line.close();
    await agent.leave('');
  });
  return { line, link, agent, heard, gone };
}

const notice = (text: string): FromAgent => ({ type: 'notice', text });

it('a server that is away for a while costs no message and doubles none, of either direction', async () => {
  const server = await startServer();
  const { link, agent, heard, gone } = await openChannel(server.url, 'test.away');
  let sent = 0;
  const sending = setInterval(() => {
    agent.send(notice(`${sent}`));
    link.send({ type: 'load', startMs: sent++ });
  }, 5);
  cleanups.push(() => clearInterval(sending));
  await eventually(() => heard.byAgent.length > 20, 'messages');
  await server.stop();
  const before = sent;
  await eventually(() => sent > before + 100, 'messages that can’t be sent yet');
  expect(heard.byAgent.length).toBeLessThan(sent);
  await server.restart();
  clearInterval(sending);
  await eventually(() => heard.byAgent.length >= sent && heard.byCoordinator.length >= sent, 'all messages');
  expect(heard.byCoordinator).toEqual(Array.from({ length: sent }, (_, i) => notice(`${i}`)));
  expect(heard.byAgent).toEqual(Array.from({ length: sent }, (_, i) => ({ type: 'load', startMs: i })));
  expect(gone).toEqual([]);
});

it('a server that stays away: both sides are told once, and nobody waits for ever', async () => {
  const server = await startServer();
  const { agent, gone } = await openChannel(server.url, 'test.gone', 3_000);
  await server.stop();
  agent.send(notice('never'));
  await agent.close();
  await eventually(() => gone.length === 2, 'both sides to be told');
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(gone.sort()).toEqual(['agent could not be reached for 3s: the control server was away', 'coordinator gone']);
});

it('a coordinator that vanishes without a word is gone for its agent when it was silent for too long', async () => {
  const server = await startServer();
  const { line, gone } = await openChannel(server.url, 'test.silent', 3_000);
  await line.close();
  await eventually(() => gone.includes('coordinator gone'), 'the agent to be told');
});

it('reads the clock of the other side', async () => {
  const server = await startServer();
  const { link } = await openChannel(server.url, 'test.clock');
  // The agent's end may not have told the server yet that it listens: a question is then lost, and asked again.
  const trip = await eventually(() => link.probe(), 'an answer');
  expect(trip.theirMs).toBeGreaterThanOrEqual(trip.sentMs);
  expect(trip.theirMs).toBeLessThanOrEqual(trip.receivedMs);
});

it('messages beyond what the server takes at once arrive whole, and runs on one server do not mix', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-nats-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'nats.conf'), 'max_payload: 2048\n');
  const server = await startServer(['-c', join(folder, 'nats.conf')]);
  const [one, other] = [await openChannel(server.url, 'run.1'), await openChannel(server.url, 'run.2')];
  one.agent.send(notice('x'.repeat(100_000)));
  other.agent.send(notice('other'));
  await eventually(() => one.heard.byCoordinator.length > 0 && other.heard.byCoordinator.length > 0, 'messages');
  expect(one.heard.byCoordinator).toEqual([notice('x'.repeat(100_000))]);
  expect(other.heard.byCoordinator).toEqual([notice('other')]);
});

it('user and password go with the address, and never into an error', async () => {
  const server = await startServer(['--user', 'load', '--pass', 's3cr:t']);
  const address = server.url.replace('nats://', '');
  const line = await openNatsLine(`nats://load:s3cr%3At@${address}`, 'test');
  expect(line.address).toBe(server.url);
  await line.close();
  await expect(openNatsLine(`nats://load:wrong@${address}`, 'test')).rejects.toThrow(
    `the NATS server ${server.url} does not let this user in; write --control nats://user:password@host:4222, or set PLIMSOLL_CONTROL`,
  );
  await server.stop();
  await expect(openNatsLine(`nats://load:s3cr%3At@${address}`, 'test')).rejects.toThrow(
    `the NATS server ${server.url} can't be reached (connection refused); start one there with nats-server`,
  );
});

it.each([
  ['http://load:secret@host:4222', 'not "http://…@host:4222"'],
  ['nats://', 'not "nats://"'],
  ['host:4222', 'not "host:4222"'],
  ['', 'not ""'],
])('%s is no address of a NATS server', (written, part) => {
  expect(() => readAddress(written)).toThrow(part);
  expect(() => readAddress(written)).not.toThrow(/secret/);
});

it('an address may leave out the port, name a token, and ask for encryption', () => {
  expect(readAddress('nats://alpha')).toEqual({ address: 'nats://alpha:4222', options: { servers: 'alpha:4222' } });
  expect(readAddress('tls://t0ken@alpha:5222')).toEqual({
    address: 'tls://alpha:5222',
    options: { servers: 'alpha:5222', token: 't0ken', tls: {} },
  });
  expect(withoutSecrets('--control=nats://a:b@c:1 x')).toBe('--control=nats://…@c:1 x');
});
