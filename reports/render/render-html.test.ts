import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../tools/chromium.ts';
import type { ReportModel } from '../report-model.ts';
import { HEAT_DARK, HEAT_LIGHT } from './heat-colours.ts';
import { renderHtml } from './render-html.ts';
import { sampleModel, sampleModelInterrupted, sampleModelWithoutMessages } from './sample-model.ts';

const TIME_CHARTS = ['latency', 'heat', 'throughput', 'connections', 'connecting', 'memory', 'cpu', 'delay'];
const CHARTS = [...TIME_CHARTS, 'distribution'];
const SIZE_MAX = 1_500_000;

let browser: Browser;
let folder: string;
let files = 0;
/** What a page must not do: errors in the console, uncaught errors, requests beyond the file itself. */
let complaints: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-report-'));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  const seen = complaints;
  complaints = [];
  expect(seen).toEqual([]);
});

async function open(model: ReportModel, options: BrowserContextOptions = {}): Promise<Page> {
  const file = join(folder, `report-${files++}.html`);
  await writeFile(file, renderHtml(model));
  const address = pathToFileURL(file).href;
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    colorScheme: 'light',
    ...options,
  });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith('data:')) complaints.push(`request: ${url}`);
  });
  await page.goto(address);
  if (options.javaScriptEnabled !== false) await page.waitForSelector('html[data-charts="drawn"]');
  return page;
}

/** Runs in the page, as text: the sources know no browser types. Waits until what was changed is painted. */
function inPage<Result>(page: Page, expression: string): Promise<Result> {
  const painted = 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';
  return page.evaluate<Result>(`(async () => { await ${painted}; return (${expression}); })()`);
}

const CHARTS_FIT =
  "[...document.querySelectorAll('.plot')].every((plot) => (plot.querySelector('.uplot')?.clientWidth ?? 0) <= plot.clientWidth)";

/** Pixels of a chart that have the colour of its main line. */
function linePixels(page: Page, chart: string): Promise<number> {
  return inPage(
    page,
    `(() => {
      const hex = getComputedStyle(document.documentElement).getPropertyValue('--c3').trim();
      const line = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
      const canvas = document.querySelector('[data-chart="${chart}"] canvas');
      if (canvas === null) return 0;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        const distance = line.reduce((sum, value, part) => sum + Math.abs(data[i + part] - value), 0);
        if (data[i + 3] === 255 && distance < 24) found++;
      }
      return found;
    })()`,
  );
}

/** Pixels of the heat map that have one of its colours. */
function heatPixels(page: Page, theme: 'light' | 'dark'): Promise<number> {
  return inPage(
    page,
    `(() => {
      const colours = new Set(${JSON.stringify(theme === 'dark' ? HEAT_DARK : HEAT_LIGHT)});
      const canvas = document.querySelector('[data-chart="heat"] canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        const hex = '#' + [data[i], data[i + 1], data[i + 2]].map((value) => value.toString(16).padStart(2, '0')).join('');
        if (colours.has(hex)) found++;
      }
      return found;
    })()`,
  );
}

function picture(page: Page, chart: string): Promise<string> {
  return inPage(page, `document.querySelector('[data-chart="${chart}"] canvas').toDataURL()`);
}

async function text(page: Page, selector: string): Promise<string> {
  return ((await page.locator(selector).textContent()) ?? '').replace(/\s+/g, ' ').trim();
}

async function visibleRange(page: Page, chart: string): Promise<[number, number]> {
  const figure = page.locator(`[data-chart="${chart}"]`);
  return [Number(await figure.getAttribute('data-from')), Number(await figure.getAttribute('data-to'))];
}

async function dragAcross(page: Page, chart: string, from: number, to: number): Promise<void> {
  const area = page.locator(`[data-chart="${chart}"] .u-over`);
  await area.scrollIntoViewIfNeeded();
  const box = (await area.boundingBox())!;
  await page.mouse.move(box.x + box.width * from, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + box.height / 2, { steps: 8 });
  await page.mouse.up();
}

describe('the HTML report of a run that passed', () => {
  it('opens from disk and says verdict, claim and key figures first', async () => {
    const page = await open(sampleModel());
    expect(await text(page, 'h1')).toBe('PASS');
    expect(await text(page, '.claim')).toMatch(/^One node held 50,000 connections/);
    const figures = await text(page, '.figures');
    expect(figures).toMatch(/Connections ?50,000/);
    expect(figures).toMatch(/Delivery, p99 ?16\.4 ms/);
    expect(figures).toMatch(/Messages lost ?0/);
    expect(figures).toMatch(/memory per connection ?2\.42 kB/);
    const order = await page.locator('main > section').evaluateAll((sections) => sections.map((section) => section.id));
    expect(order).toEqual([
      ...['verdict', 'thresholds', 'ledger', 'charts', 'distribution'],
      ...['shards', 'metrics', 'environment', 'load', 'scenario', 'repeat', 'notes'],
    ]);
  });

  it('draws every chart at every width, in light and in dark', async () => {
    const page = await open(sampleModel());
    for (const width of [390, 820, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await expect.poll(() => inPage(page, CHARTS_FIT)).toBe(true);
        for (const chart of CHARTS) {
          const drawn = chart === 'heat' ? await heatPixels(page, colorScheme) : await linePixels(page, chart);
          expect(drawn, `${chart}, ${width} px, ${colorScheme}`).toBeGreaterThan(150);
        }
        expect(await inPage(page, 'document.documentElement.scrollWidth'), `${width} px`).toBe(width);
      }
    }
  });

  it('prints every chart, in light', async () => {
    const page = await open(sampleModel(), { colorScheme: 'dark' });
    const printed = (await page.pdf({ format: 'A4' })).length;
    await page.emulateMedia({ media: 'print' });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    for (const chart of CHARTS) {
      const drawn = chart === 'heat' ? await heatPixels(page, 'light') : await linePixels(page, chart);
      expect(drawn, chart).toBeGreaterThan(150);
      const cut = await inPage(page, `getComputedStyle(document.querySelector('[data-chart="${chart}"]')).breakInside`);
      expect(cut, chart).toBe('avoid');
    }
    await page.addStyleTag({ content: 'canvas { visibility: hidden !important; }' });
    expect(printed - (await page.pdf({ format: 'A4' })).length).toBeGreaterThan(15_000);
  });

  it('tells what is in a cell of the heat map, by mouse and by keyboard', async () => {
    const page = await open(sampleModel());
    const card = page.locator('[data-chart="heat"] .reading');
    await page.locator('[data-chart="heat"] .u-over').hover({ position: { x: 400, y: 200 } });
    expect(await card.textContent()).toMatch(/^0:\d\d[\d.]+ – [\d.]+ ms\d+ of \d+most in.*p99/);
    await page.mouse.move(0, 0);
    const plot = page.locator('[data-chart="heat"] .plot');
    await plot.focus();
    await page.keyboard.press('End');
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowLeft');
    const reading = () => page.locator('#reading').textContent();
    expect(await reading()).toMatch(/^1:19, samples \d+, most in [\d.]+ – [\d.]+ ms, range/);
    await page.keyboard.press('ArrowUp');
    const fullest = Number(/(\d+) of \d+/.exec((await reading())!)![1]);
    expect(fullest).toBeGreaterThan(1);
    for (let i = 0; i < 8; i++) await page.keyboard.press('ArrowUp');
    expect(await reading()).toMatch(/^1:19, [\d.]+ – [\d.]+ ms 0 of \d+/);
  });

  it('zooms all time charts by dragging across one, and shows everything again on a double click', async () => {
    const page = await open(sampleModel());
    const before = new Map<string, string>();
    for (const chart of TIME_CHARTS) before.set(chart, await picture(page, chart));
    const whole = await visibleRange(page, 'latency');
    expect(whole).toEqual([0, 90]);

    await dragAcross(page, 'throughput', 0.3, 0.6);
    const zoomed = await visibleRange(page, 'throughput');
    expect(zoomed[0]).toBeGreaterThan(20);
    expect(zoomed[1]).toBeLessThan(60);
    for (const chart of TIME_CHARTS) {
      expect(await visibleRange(page, chart), chart).toEqual(zoomed);
      expect(await picture(page, chart), chart).not.toBe(before.get(chart));
    }

    await page.locator('[data-chart="cpu"] .u-over').dblclick();
    for (const chart of TIME_CHARTS) expect(await visibleRange(page, chart), chart).toEqual(whole);
    expect(await page.locator('.zoom').isVisible()).toBe(false);
  });

  it('offers a button that ends a zoom', async () => {
    const page = await open(sampleModel());
    await dragAcross(page, 'latency', 0.2, 0.5);
    await page.getByRole('button', { name: 'Show all' }).click();
    expect(await visibleRange(page, 'memory')).toEqual([0, 90]);
  });

  it('is read and zoomed by keyboard', async () => {
    const page = await open(sampleModel());
    await page.locator('[data-chart="latency"] .plot').focus();
    for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowRight');
    expect(await page.locator('#reading').textContent()).toMatch(/^0:29, p50 [\d.]+ ms, .*p99 [\d.]+ ms/);
    expect(await page.locator('[data-chart="latency"] .reading').isVisible()).toBe(true);
    await page.keyboard.press('+');
    const [from, to] = await visibleRange(page, 'cpu');
    expect(to - from).toBeLessThan(50);
    await page.keyboard.press('Escape');
    expect(await visibleRange(page, 'cpu')).toEqual([0, 90]);
  });

  it('keeps the zoom when another metric is chosen', async () => {
    const page = await open(sampleModel());
    await dragAcross(page, 'latency', 0.3, 0.6);
    const zoomed = await visibleRange(page, 'latency');
    const before = await picture(page, 'latency');
    await page.locator('[data-chart="latency"] select').selectOption({ label: 'delivered_latency' });
    expect(await picture(page, 'latency')).not.toBe(before);
    expect(await visibleRange(page, 'latency')).toEqual(zoomed);
  });

  it('hides a line by its key', async () => {
    const page = await open(sampleModel());
    const before = await linePixels(page, 'latency');
    await page.locator('[data-chart="latency"] .key', { hasText: /^p99$/ }).click();
    expect(await linePixels(page, 'latency')).toBeLessThan(before / 4);
  });

  it('follows the system’s theme, switches it and remembers', async () => {
    const page = await open(sampleModel(), { colorScheme: 'dark' });
    const background = () => inPage<string>(page, 'getComputedStyle(document.body).backgroundColor');
    const dark = { background: await background(), chart: await picture(page, 'latency') };
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    expect(await background()).not.toBe(dark.background);
    expect(await picture(page, 'latency')).not.toBe(dark.chart);
    expect(await linePixels(page, 'latency')).toBeGreaterThan(150);
    await page.reload();
    await page.getByRole('button', { name: 'Switch to the dark theme' }).waitFor();
  });

  it('says in words what the charts show where scripts don’t run', async () => {
    const page = await open(sampleModel(), { javaScriptEnabled: false });
    expect(await text(page, 'h1')).toBe('PASS');
    expect(await text(page, '[data-chart="latency"] .plot')).toMatch(/p99: highest [\d.]+ ms at 1:03/);
  });
});

describe('the HTML report’s frame', () => {
  const models: Array<[string, () => ReportModel]> = [
    ['passed', () => sampleModel()],
    ['without messages', sampleModelWithoutMessages],
    ['interrupted', sampleModelInterrupted],
    ['hostile', hostileModel],
  ];
  for (const [name, model] of models) {
    it(`never scrolls sideways (${name})`, async () => {
      const page = await open(model());
      for (const width of [360, 820, 1400, 1600]) {
        await page.setViewportSize({ width, height: 800 });
        await expect.poll(() => inPage(page, CHARTS_FIT)).toBe(true);
        expect(await inPage(page, 'document.documentElement.scrollWidth'), `${width} px`).toBe(width);
      }
    });
  }

  it('stays under 1.5 MB for an hour at a high rate and an overlong scenario', () => {
    const model = { ...sampleModel({ steadySeconds: 3600, rate: 60 }), scenarioText: 'x < 1 && y\n'.repeat(50_000) };
    expect(Buffer.byteLength(renderHtml(model))).toBeLessThan(SIZE_MAX);
  });

  it('joins seconds of a long run into steps and still draws', async () => {
    const page = await open(sampleModel({ steadySeconds: 2400, rate: 10 }));
    expect(await linePixels(page, 'latency')).toBeGreaterThan(150);
    expect(await text(page, '[data-chart="latency"] figcaption')).toMatch(/worst second of 3/);
  });
});

describe('the HTML report of runs that went otherwise', () => {
  it('explains charts that have nothing to show when no message was sent', async () => {
    const page = await open(sampleModelWithoutMessages());
    expect(await text(page, 'h1')).toBe('INCONCLUSIVE');
    expect(await text(page, '[data-chart="latency"] .plot')).toMatch(/No message was delivered/);
    expect(await text(page, '[data-chart="throughput"] .plot')).toMatch(/No message was sent/);
    expect(await text(page, '#ledger')).toMatch(/nothing is known about losses/);
    expect(await linePixels(page, 'connections')).toBeGreaterThan(150);
  });

  it('shows what an interrupted run left behind, without judging', async () => {
    const page = await open(sampleModelInterrupted());
    expect(await text(page, 'h1')).toBe('INTERRUPTED');
    expect(await text(page, '.claim')).toMatch(/cut short before it could be judged/);
    expect(await page.locator('#thresholds').count()).toBe(0);
    expect(await text(page, '#metrics')).toMatch(/delivery_latency/);
    expect(await linePixels(page, 'latency')).toBeGreaterThan(150);
  });

  it('renders a run that left nothing at all', async () => {
    const empty = { percentiles: {}, counters: {}, gauges: {}, distributions: [], heatMaps: [], scenarioText: '' };
    const page = await open({ ...sampleModelInterrupted(), ...empty, status: 'running' });
    expect(await text(page, 'h1')).toBe('RUNNING');
    expect(await page.locator('figure.empty .plot p').count()).toBe(CHARTS.length);
    expect(await text(page, '#metrics')).toMatch(/Nothing was recorded/);
  });

  it('shows runs of older versions, which recorded less', async () => {
    const model = sampleModel({
      summary: ({ config, metadata }) => {
        config.users = undefined as never;
        metadata.tags = {};
      },
    });
    const { deliveries_expected: _, ...counters } = model.counters;
    const { server_messages: __, kernel_slab_bytes: ___, kernel_socket_bytes: ____, ...gauges } = model.gauges;
    const { stepSeconds: _____, ...older } = { ...model, counters, gauges, heatMaps: [] };
    const page = await open(older);
    expect(await page.locator('[data-chart="heat"]').count()).toBe(0);
    expect(await text(page, '[data-chart="memory"] figcaption')).toMatch(/kernel’s share was not reported/);
    expect(await linePixels(page, 'throughput')).toBeGreaterThan(150);
  });

  it('says why a run failed', async () => {
    const model = sampleModel({
      summary: (summary) => {
        summary.verdict = 'fail';
        summary.failures = ['3 acknowledged messages never arrived.'];
        summary.ledger.lost = 3;
        summary.ledger.delivered -= 4;
        summary.results.thresholds[2] = { metric: 'messages_lost', threshold: 'count==0', value: 3, ok: false };
        summary.faults = [{ kind: 'kill-shard', atSeconds: 30, recoverySeconds: 1.4, lost: 3 }];
      },
    });
    const page = await open(model);
    expect(await text(page, 'h1')).toBe('FAIL');
    expect(await text(page, '.reasons')).toMatch(/3 acknowledged messages never arrived\./);
    expect(await text(page, '.reasons')).toMatch(/ledger does not close/);
    expect(await text(page, '#thresholds tr:has-text("messages_lost")')).toMatch(/failed/);
    expect(await text(page, '#faults')).toMatch(/kill-shard/);
    expect(await linePixels(page, 'latency')).toBeGreaterThan(150);
  });

  it('shows faults, thresholds and latencies in full on a narrow screen', async () => {
    const detail = 'shard 1 (process 4711) was killed and the supervisor started it again';
    const model = sampleModel({
      summary: (summary) => {
        summary.faults = [
          { kind: 'kill-shard', atSeconds: 30, recoverySeconds: 1.4, lost: 1_234_567, detail },
          { kind: 'message-store-outage', atSeconds: 31, recoverySeconds: null, lost: 1_234_567, detail },
        ];
      },
    });
    const page = await open(model, { viewport: { width: 390, height: 844 } });
    const table = '#faults .table';
    expect(await inPage(page, `document.querySelector('${table}').scrollWidth`)).toBeLessThanOrEqual(
      await inPage<number>(page, `document.querySelector('${table}').clientWidth`),
    );
    expect(await inPage(page, `getComputedStyle(document.querySelector('${table} .mark')).fontSize`)).not.toBe('0px');
    expect(await inPage(page, `document.querySelector('${table} .what').clientWidth`)).toBeGreaterThan(280);
    for (const each of ['.thresholds .table', '.stacked .table'])
      expect(await inPage(page, `document.querySelector('${each}').scrollWidth`)).toBe(
        await inPage(page, `document.querySelector('${each}').clientWidth`),
      );
    const [p99, avg] = await inPage<number[]>(
      page,
      `['p99', 'avg'].map((name) => document.querySelector('.stacked td[data-name="' + name + '"]').getBoundingClientRect().left)`,
    );
    expect(p99).toBeLessThan(avg!);
  });

  it('shows hostile text and never runs it', async () => {
    const model = hostileModel();
    const page = await open(model);
    expect(await inPage(page, `'hacked' in globalThis`)).toBe(false);
    expect(await page.locator('img, iframe, main script').count()).toBe(0);
    expect(await page.locator('#scenario code').textContent()).toBe(model.scenarioText);
    expect(await page.locator('.claim').textContent()).toBe(model.summary!.claim);
    expect(await linePixels(page, 'latency')).toBeGreaterThan(150);
  });
});

function hostileModel(): ReportModel {
  const text = `</script></style></title><script>hacked = 1</script><img src=x onerror="hacked = 2"><!--<script> '"&amp; \u2028`;
  const model = sampleModel({
    summary: (summary) => {
      const { metadata, config } = summary;
      metadata.name = metadata.runId = metadata.plimsollVersion = metadata.machine.cpu = text;
      metadata.tags = { [text]: text };
      config.description = config.target = config.store = config.durability = text;
      config.derivation = summary.notes = summary.failures = summary.validity.reasons = [text, 'x'.repeat(300)];
      summary.claim = text;
      summary.results.thresholds.push({ metric: text, threshold: text, value: 1, ok: false });
      summary.faults = [{ kind: text, atSeconds: 1, recoverySeconds: 1, lost: 0 }];
      summary.phases[0]!.phase = text;
    },
  });
  model.counters[text] = [];
  return { ...model, runId: text, command: text, scenarioText: `${text}\n${text}\n` };
}
