#!/usr/bin/env node
/**
 * Pictures of an HTML report, for a README: `node tools/report-screenshots.mjs report.html folder [width…]`.
 * Makes `top-<width>-<theme>.png` (the first screen), `page-…` (all of it) and one picture of each chart and section, at 1440 px or
 * the widths given. Those over 300 KB are named on standard error.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const SIZE_MAX = 300_000;
const [report, folder, ...widths] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: node tools/report-screenshots.mjs report.html folder [width…]\n');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
try {
  for (const width of widths.length > 0 ? widths.map(Number) : [1440]) {
    for (const colorScheme of ['light', 'dark']) await picture(width, colorScheme);
  }
} finally {
  await browser.close();
}

async function picture(width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: width < 500 ? 844 : 900 }, colorScheme });
  await page.goto(pathToFileURL(resolve(report)).href);
  await page.waitForSelector('html[data-charts="drawn"]');
  const save = async (name, what, options = {}) => {
    const path = join(folder, `${name}-${width}-${colorScheme}.png`);
    await what.screenshot({ path, ...options });
    const { size } = statSync(path);
    if (size > SIZE_MAX) process.stderr.write(`${path}: ${size} bytes\n`);
  };
  await save('top', page);
  await save('page', page, { fullPage: true });
  for (const chart of await page.locator('figure[data-chart]').all()) {
    await save(`chart-${await chart.getAttribute('data-chart')}`, chart);
  }
  for (const section of await page.locator('main > section:not(#charts)').all()) {
    await save(`section-${await section.getAttribute('id')}`, section);
  }
  await page.close();
}
