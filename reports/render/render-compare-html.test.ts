import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import { launchChromium } from '../../tools/chromium.ts';
import { compareRuns } from '../compare/compare-runs.ts';
import { type SimulatedRun, simulateRun } from '../compare/simulated-run.fixture.ts';
import { renderCompareHtml } from './render-compare-html.ts';

const AWKWARD = '<img src=x onerror=alert(1)> "b"';

let browser: Browser;
let page: Page;
let folder: string;
/** Errors in the console, uncaught errors, requests beyond the file itself. */
const complaints: string[] = [];

function pageOf(
  b: Partial<SimulatedRun>,
  metrics: SimulatedRun['metrics'] = ['delivery_latency', 'connect_latency'],
): string {
  const side = (label: string, run: Partial<SimulatedRun>) => ({
    label,
    runs: [1, 2].map((index) =>
      simulateRun(
        `${label}-${index}`,
        { seconds: 30, rate: 60, memory: 0, wobble: 0.02, ...run, metrics: metrics! },
        createRandom(index).fork(label),
      ),
    ),
  });
  const [before, after] = [side('nightly', {}), side(AWKWARD, b)];
  const options = {
    percents: [50, 99, 99.9],
    metrics: metrics!,
    judged: ['delivery_latency:p50'],
    tolerance: { share: 0.05, ms: 0 },
    seed: 1,
    resamples: 200,
  };
  return renderCompareHtml(compareRuns(before, after, options), before, after);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-compare-'));
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => /^(file|data):/.test(request.url()) || complaints.push(request.url()));
  await open(
    pageOf({
      shift: 1.6,
      summary: (summary) => {
        summary.config.rateOffered = 50;
      },
    }),
  );
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(html: string): Promise<void> {
  const file = join(folder, 'compare.html');
  await writeFile(file, html);
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-charts="drawn"]');
}

const text = async (selector: string): Promise<string> =>
  (await page.locator(selector).allTextContents()).join(' ').replace(/\s+/g, ' ').trim();

describe('the page of a comparison', () => {
  it('says the verdict, both sides and what was unlike first, and draws every chart', async () => {
    expect(await text('h1')).toBe('WORSE');
    expect(await text('.claim')).toMatch(/^b is worse than a: p50 of delivery_latency changed by \+/);
    expect(await text('.sides')).toContain(AWKWARD);
    expect(await text('.unlike')).toMatch(/not the same.*offered rate ?34\.7\/s ?50\/s/);
    const drawn = await page.locator('figure[data-chart] canvas').count();
    expect(drawn).toBe(4);
    expect(complaints).toEqual([]);
  });

  it('draws each interval where its numbers are: clear of the middle where a difference is certain', async () => {
    const places = await page.evaluate<Array<{ verdict: string; middle: number; left: number; right: number }>>(`
      [...document.querySelectorAll('.forest tbody tr:not(.group)')].filter((row) => row.querySelector('.interval')).map((row) => {
        const lane = row.querySelector('.lane').getBoundingClientRect();
        const bar = row.querySelector('.interval').getBoundingClientRect();
        return { verdict: row.className, middle: lane.x + lane.width / 2, left: bar.x, right: bar.x + bar.width };
      })`);
    const worse = places.filter(({ verdict }) => verdict.startsWith('worse'));
    expect(worse.length).toBeGreaterThanOrEqual(3);
    expect(worse.every(({ middle, left, right }) => left > middle && right > left)).toBe(true);
    expect(
      places
        .filter(({ verdict }) => verdict.startsWith('same'))
        .every(({ middle, left, right }) => left <= middle + 1 && right >= middle - 1),
    ).toBe(true);
    expect(await text('.forest tbody tr.judged th')).toBe('p50*');
  });

  it('shades intervals of the distribution, in both themes, and reads values by keyboard', async () => {
    const shades = (): Promise<number> =>
      page.evaluate(`(() => {
        const canvas = document.querySelector('[data-chart="distribution"] canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let i = 3; i < data.length; i += 4) if (data[i] > 40 && data[i] < 70) found++;
        return found;
      })()`);
    expect(await shades()).toBeGreaterThan(500);
    await page.locator('button.theme').click();
    expect(await shades()).toBeGreaterThan(500);
    await page.locator('[data-chart="latency"] .plot').focus();
    await page.keyboard.press('Home');
    expect(await text('#reading')).toMatch(/^0:00, b p99 \S+ ms, b p50 \S+ ms, a p99 \S+ ms, a p50 \S+ ms$/);
  });

  it('fits narrow windows, and is readable where only connections were measured', async () => {
    for (const width of [390, 768]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    }
    await open(pageOf({}, ['connect_latency']));
    expect(await text('[data-chart="latency"]')).toContain('Only connections were measured');
    expect(complaints).toEqual([]);
  });
});
