/** The live page in a real browser and to bare requests, followed from its first seconds to the verdict. */
import { get, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from '../../tools/chromium.ts';
import { sampleModel } from '../render/sample-model.ts';
import { batchOf, counterRow, gaugeRow, histogramRow, START_MS } from '../results/results-fixtures.suite.ts';
import { LiveModel } from './live-model.ts';
import { LivePage } from './live-page.ts';
import type { LiveRun, LiveStatus } from './live-status.ts';

const RUN: LiveRun = {
  ...{ runId: 'run-1', name: 'a <b>run</b>', scenario: 'smoke', description: 'A few messages' },
  ...{ startedAtMs: START_MS, connections: 50, rateOffered: 3, steadySeconds: 60, agents: 1, shards: 1, cores: 2 },
  thresholds: [{ metric: 'delivery_latency', threshold: 'p(99)<100' }],
};

let model: LiveModel;
let status: LiveStatus;
let live: LivePage;
let seconds: number;

beforeEach(async () => {
  seconds = 0;
  model = new LiveModel({ runId: RUN.runId, scenarioText: '', command: '' });
  status = {
    ...{ phase: 'steady', phaseElapsedMs: 12_000, phaseLengthMs: 60_000, faults: [], notices: [] },
    phases: [{ phase: 'steady', startMs: START_MS, endMs: START_MS + 60_000 }],
    ...{ connections: 50, connectionsRequested: 50, sentPerSecond: 3, deliveredPerSecond: 3 },
    ...{ deliveryP50Ms: 2, deliveryP99Ms: 3, serverCpu: 0.4, agentCpu: 0.1 },
    troubles: ['1 message arrived <i>twice</i>'],
  };
  live = await LivePage.start({ address: { host: '127.0.0.1', port: 0 }, run: RUN, model, status: () => status });
});

afterEach(() => live.end(null, 'over'));

/** What an agent and the node report of so many seconds more. */
function pass(more: number): void {
  for (let i = 0; i < more; i++) {
    const atMs = START_MS + seconds++ * 1_000;
    model.add(
      batchOf({
        histograms: (['delivery_latency', 'sent_latency'] as const).map((metric) => histogramRow({ atMs, metric })),
        counters: [counterRow({ atMs }), counterRow({ atMs, metric: 'messages_delivered' })],
        gauges: [gaugeRow({ atMs }), gaugeRow({ atMs, source: 'agent-0', metric: 'agent_cpu', value: 0.1 })],
      }),
    );
  }
  status = { ...status, phases: [{ phase: 'steady', startMs: START_MS, endMs: START_MS + seconds * 1_000 }] };
}

/** A way to a port that can be cut as the end of a process cuts it, without a word. */
async function wayTo(target: number): Promise<{ url: string; cut(): Promise<void>; restore(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const restore = async () => {
    server = createServer((socket) => {
      const onward = connect(target, '127.0.0.1');
      for (const each of [socket, onward]) sockets.add(each.on('error', () => {}));
      socket.pipe(onward).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const cut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await restore();
  return { url: `http://127.0.0.1:${port}/`, cut, restore };
}

describe('the live page in a browser', () => {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  async function open(url = live.url): Promise<Page> {
    const page = await browser.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) complaints.push(request.url());
    });
    await page.goto(url);
    await page.waitForSelector('html[data-live="on"][data-charts="drawn"]');
    return page;
  }

  const shows = (page: Page, second: number) => page.waitForSelector(`[data-chart="cpu"][data-to="${second}"]`);

  it('grows, keeps what was chosen, survives a reload and shows the verdict in the end', {
    timeout: 60_000,
  }, async () => {
    pass(5);
    const page = await open();
    await shows(page, 5);
    expect(await page.locator('#verdict').textContent()).toMatch(
      /RUNNING[\s\S]*12 s of 1 min[\s\S]*arrived <i>twice<\/i>/,
    );
    expect(await page.locator('.run strong').textContent()).toBe('a <b>run</b>');

    const latency = page.locator('[data-chart="latency"]');
    await latency.locator('select').selectOption({ label: 'sent_latency' });
    await latency.locator('.key', { hasText: /^p50$/ }).click();
    pass(15);
    await shows(page, 20);
    expect(await latency.locator('select option:checked').textContent()).toBe('sent_latency');
    expect(await latency.locator('.key', { hasText: /^p50$/ }).getAttribute('aria-pressed')).toBe('false');

    await latency.locator('.plot').focus();
    for (const key of ['ArrowRight', '+']) await page.keyboard.press(key);
    const zoomed = await latency.getAttribute('data-to');
    expect(Number(zoomed)).toBeLessThan(19);
    pass(1);
    status = { ...status, troubles: ['agent lost: agent-1'] };
    await page.getByText('agent lost: agent-1').waitFor();
    expect(await latency.getAttribute('data-to')).toBe(zoomed);
    await page.keyboard.press('Escape');
    await shows(page, 21);

    await page.reload();
    await shows(page, 21);
    const other = await open();

    await page.evaluate("Object.defineProperty(document, 'hidden', { get: () => !globalThis.back })");
    pass(3);
    await shows(other, 24);
    expect(await latency.getAttribute('data-to'), 'in a background tab nothing is drawn').toBe('21');
    await page.evaluate("globalThis.back = true; document.dispatchEvent(new Event('visibilitychange'))");
    expect(await latency.getAttribute('data-to')).toBe('24');

    await live.end(sampleModel(), 'The run has ended. Its report is in /tmp/a.html.');
    for (const each of [page, other]) {
      await each.waitForSelector('html[data-live="ended"]');
      expect(await each.locator('#live-banner').textContent()).toContain('/tmp/a.html');
      expect(await each.locator('h1').textContent()).toContain('PASS');
      expect(await each.locator('#ledger').count()).toBe(1);
      await shows(each, 90);
    }
    await other.locator('[data-chart="latency"] select').selectOption({ label: 'delivered_latency' });
    expect(await other.locator('nav a').allTextContents()).toContain('Ledger');
    expect(complaints).toEqual([]);
  });

  it('says when the run can’t be reached', async () => {
    const page = await open();
    const { url } = live;
    await live.end(null, 'The run has ended without a result: no agents');
    await page.getByText('The run has ended without a result: no agents').waitFor();
    await expect(page.goto(url)).rejects.toThrow('ERR_CONNECTION_REFUSED');
    complaints.length = 0;
  });

  it('does not go on saying that a run that was killed is running', { timeout: 30_000 }, async () => {
    const way = await wayTo(Number(new URL(live.url).port));
    status = { ...status, troubles: [] };
    const page = await open(way.url);
    const top = page.locator('#verdict');
    expect(await top.textContent()).toMatch(/RUNNING[\s\S]*Nothing is wrong/);
    await way.cut();
    await page.waitForSelector('html[data-live="gone"]');
    expect(await top.textContent()).toMatch(/RUN GONE[\s\S]*can’t be reached any more/);
    expect(await top.textContent()).not.toMatch(/RUNNING|Nothing is wrong/);
    expect(await page.title()).toMatch(/^run gone: /);
    await way.restore();
    await page.waitForSelector('html[data-live="on"]');
    expect(await top.textContent()).toMatch(/RUNNING[\s\S]*Nothing is wrong/);
    await way.cut();
    complaints.length = 0;
  });
});

describe('the server of the live page', () => {
  function ask(options: { path?: string; method?: string; host?: string }): Promise<{ status: number; text: string }> {
    const { port } = new URL(live.url);
    const { path = '/', method = 'GET', host = `127.0.0.1:${port}` } = options;
    return new Promise((resolve, reject) => {
      const request = httpRequest({ port, path, method, headers: { host } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
      });
      request.on('error', reject).end();
    });
  }

  it('answers to its own names only, and only to who looks', async () => {
    expect((await ask({})).status).toBe(200);
    expect((await ask({ host: 'localhost:1' })).status).toBe(200);
    expect((await ask({ host: '[::1]:1' })).status).toBe(200);
    expect(await ask({ host: 'rebound.example' })).toMatchObject({ status: 421 });
    expect((await ask({ host: 'rebound.example', path: '/events' })).status).toBe(421);
    expect((await ask({ method: 'POST' })).status).toBe(405);
    expect(await ask({ method: 'HEAD' })).toEqual({ status: 200, text: '' });
    expect(await ask({ method: 'HEAD', path: '/events' })).toEqual({ status: 200, text: '' });
    expect((await ask({ path: '/../../etc/passwd' })).status).toBe(404);
    expect((await ask({ path: '/events/' })).status).toBe(404);
  });

  it('served at every address says one that a browser can open', async () => {
    const everywhere = { address: { host: '0.0.0.0', port: 0 }, run: RUN, model, status: () => status };
    const page = await LivePage.start(everywhere);
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect((await fetch(page.url)).status).toBe(200);
    await page.end(null, '');
  });

  it('turns away more than twenty', async () => {
    const opened = Array.from(
      { length: 20 },
      () =>
        new Promise<void>((resolve) => get(`${live.url}events`, (response) => response.once('data', () => resolve()))),
    );
    await Promise.all(opened);
    expect(await ask({ path: '/events' })).toMatchObject({ status: 503 });
    expect((await ask({})).status).toBe(200);
  });

  it('says so when it can’t be drawn any more, and leaves the run alone', async () => {
    const before = status;
    const heard = new Promise<string>((resolve) =>
      get(`${live.url}events`, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('data', () => {
          status = null as unknown as LiveStatus;
        });
        response.on('end', () => resolve(text));
      }),
    );
    expect(await heard).toMatch(/event: end\ndata: \{"report":null,"note":"The page can’t go on: [^"]+"\}/);
    status = before;
    expect((await ask({})).status).toBe(200);
  });

  it('says that a port is taken', async () => {
    const port = Number(new URL(live.url).port);
    const again = LivePage.start({ address: { host: '127.0.0.1', port }, run: RUN, model, status: () => status });
    await expect(again).rejects.toThrow(
      `the live page can't be served at 127.0.0.1:${port}: something else listens there, perhaps another run; --live 0 takes any free port`,
    );
  });
});
