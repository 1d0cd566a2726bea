import { expect, it } from 'vitest';
import { chartData } from './render/chart-data.ts';
import { textOf } from './render/interval-fixtures.suite.ts';
import { renderHlog } from './render/render-hlog.ts';
import { sampleModel, sampleModelInterrupted, sampleModelWithoutMessages } from './render/sample-model.ts';
import { SAMPLES_GONE, samplesGone } from './samples-gone.ts';

const NO_SAMPLES = { percentiles: {}, counters: {}, gauges: {}, distributions: [], heatMaps: [] };

it('a run that outlived its samples says so, in each chart and in its log; others do not', async () => {
  const outlived = { ...sampleModel(), ...NO_SAMPLES };
  const said = chartData(outlived).charts.flatMap(({ variants }) => variants.map(({ words, empty }) => [words, empty]));
  expect(said.length).toBeGreaterThan(8);
  for (const each of said) expect(each).toEqual([SAMPLES_GONE, SAMPLES_GONE]);
  const none = async (): Promise<never[]> => [];
  expect(await textOf(renderHlog(outlived, { histograms: none, sources: none }))).toContain(SAMPLES_GONE);
  const rolledUp = { ...sampleModel(), counters: {}, gauges: {} };
  const charts = chartData(rolledUp).charts.map(({ id, variants }) => [
    id,
    variants.every(({ empty }) => empty === undefined),
  ]);
  const drawn = charts.filter(([, isDrawn]) => isDrawn).map(([id]) => id);
  expect(drawn).toEqual(['latency', 'heat', 'connecting', 'delay', 'distribution']);
  expect(await textOf(renderHlog(rolledUp, { histograms: none, sources: none }))).toContain(SAMPLES_GONE);
  const others = [sampleModel(), sampleModelWithoutMessages(), { ...sampleModelInterrupted(), ...NO_SAMPLES }];
  expect(others.map(samplesGone)).toEqual([false, false, false]);
});
