import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { realClock } from '../clock.ts';
import { type CallerOptions, HttpCaller } from './http-caller.ts';

interface Outcome {
  startedMs: number;
  tookMs: number | null;
  /** Status, or why there was no answer. */
  result: number | string;
}

const open: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(handler: RequestListener, port = 0): Promise<{ server: Server; origin: string; port: number }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  open.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const bound = (server.address() as AddressInfo).port;
  return { server, origin: `http://127.0.0.1:${bound}`, port: bound };
}

function call(origin: string, more: Partial<CallerOptions> = {}): { caller: HttpCaller; outcomes: Outcome[] } {
  const outcomes: Outcome[] = [];
  let number = 0;
  const caller = new HttpCaller({
    clock: realClock,
    origin: async () => origin,
    rate: 5,
    next: () => ({ method: 'POST', path: `/${number++}`, headers: { 'x-from': 'u1' }, body: 'hello' }),
    answered: (startedMs, tookMs, status) => outcomes.push({ startedMs, tookMs, result: status }),
    failed: (startedMs, tookMs, why) => outcomes.push({ startedMs, tookMs, result: why }),
    ...more,
  });
  open.push(() => caller.stop(0));
  void caller.start();
  return { caller, outcomes };
}

const until = (what: () => void) => vi.waitFor(what, { timeout: 8_000, interval: 20 });

it('calls so often a second, each request drawn anew, and reports what the answer took', async () => {
  const seen: string[] = [];
  const { origin } = await serve((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${request.headers['x-from']} ${body}`);
      setTimeout(() => response.writeHead(request.url === '/3' ? 500 : 200).end('so'), request.url === '/2' ? 150 : 0);
    });
  });
  const { outcomes, caller } = call(origin);
  await until(() => expect(outcomes.length).toBeGreaterThanOrEqual(12));
  await caller.stop(1_000);
  const count = outcomes.length;
  expect(outcomes.map(({ result }) => result).slice(0, 5)).toEqual([200, 200, 200, 500, 200]);
  expect(outcomes[2]!.tookMs).toBeGreaterThan(145);
  expect(outcomes[4]!.tookMs).toBeLessThan(145);
  const spanMs = outcomes[10]!.startedMs - outcomes[0]!.startedMs;
  expect(Math.abs(spanMs - 2_000)).toBeLessThan(300);
  expect(seen.slice(0, 2)).toEqual(['POST /0 u1 hello', 'POST /1 u1 hello']);
  expect(seen).toHaveLength(count);
});

it('counts one failure for each call that a broken connection took with it, and comes back', async () => {
  let broken = 0;
  const { origin } = await serve((request, response) => {
    if (broken < 2) {
      broken++;
      request.socket.destroy();
    } else response.end('fine');
  });
  const { outcomes } = call(origin);
  await until(() => expect(outcomes.filter(({ result }) => result === 200).length).toBeGreaterThanOrEqual(3));
  const failed = outcomes.filter(({ result }) => typeof result === 'string');
  expect(failed).toHaveLength(2);
  for (const { tookMs } of failed) expect(tookMs).toBeNull();
  for (const { tookMs } of outcomes.slice(2)) expect(tookMs).toBeLessThan(500);
});

it('does not storm a port that nobody listens on, and finds where the place has moved', async () => {
  const { server, origin } = await serve(() => {});
  server.close();
  const { origin: second } = await serve((_, response) => response.end());
  let asked = 0;
  const { outcomes } = call(origin, { origin: async () => (asked++ < 2 ? origin : second) });
  await until(() => expect(outcomes.at(-1)?.result).toBe(200));
  expect(outcomes.filter(({ result }) => result === 'ECONNREFUSED')).toHaveLength(2);
});

it('counts the calls that were due while nobody listened as failed', async () => {
  const { server, origin, port } = await serve((_, response) => response.end());
  const { outcomes, caller } = call(origin, { rate: 40 });
  await until(() => expect(outcomes.length).toBeGreaterThan(0));
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await until(() => expect(outcomes.filter(({ result }) => result === 'ECONNREFUSED').length).toBeGreaterThan(20));
  await serve((_, response) => response.end(), port);
  await until(() => expect(outcomes.at(-1)?.result).toBe(200));
  const count = outcomes.length;
  const first = outcomes.find(({ result }) => typeof result === 'string')!;
  const last = outcomes.findLast(({ result }) => typeof result === 'string')!;
  const failed = outcomes.filter(({ result }) => typeof result === 'string').length;
  expect(failed / ((last.startedMs - first.startedMs) / 1_000)).toBeGreaterThan(30);
  expect(failed / ((last.startedMs - first.startedMs) / 1_000)).toBeLessThan(60);
  await caller.stop(1_000);
  expect(outcomes.length).toBeGreaterThanOrEqual(count);
});

it('gives up a call that gets no answer, with the time that it took', async () => {
  const { origin } = await serve((request, response) => {
    if (request.url !== '/1') response.end();
  });
  const { outcomes } = call(origin, { timeoutSeconds: 1 });
  await until(() => expect(outcomes.length).toBeGreaterThanOrEqual(4));
  expect(outcomes[1]).toMatchObject({ result: 'no answer in 1 s' });
  expect(outcomes[1]!.tookMs).toBeGreaterThanOrEqual(999);
  expect(outcomes[2]).toMatchObject({ result: 200 });
  expect(outcomes[2]!.tookMs).toBeLessThan(500);
});

it('at the end waits for the call under way, but not for ever', async () => {
  const answers: Array<() => void> = [];
  const { origin } = await serve((_, response) => answers.push(() => response.end()));
  const one = call(origin);
  await until(() => expect(answers).toHaveLength(1));
  const stopped = one.caller.stop(5_000);
  answers[0]!();
  await stopped;
  expect(one.outcomes).toMatchObject([{ result: 200 }]);

  const other = call(origin);
  await until(() => expect(answers).toHaveLength(2));
  await other.caller.stop(50);
  expect(other.outcomes).toMatchObject([{ result: 'no answer by the end', tookMs: null }]);
});
