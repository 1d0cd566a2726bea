import { expect, it } from 'vitest';
import { renderHtml } from './render-html.ts';
import { sampleModel, sampleModelInterrupted } from './sample-model.ts';

it('gives a chart that would leave half a row empty all of it', () => {
  const html = renderHtml(sampleModel());
  expect(html).toContain('<figure class="chart alone" data-chart="delay"');
  expect(html).toContain('<figure class="chart" data-chart="cpu"');
});

it('names the latency of a chart that shows one only', () => {
  const model = sampleModel();
  model.heatMaps = model.heatMaps.filter(({ metric }) => metric === 'connect_latency');
  expect(renderHtml(model)).toMatch(
    /Latency, every sample .*<\/h3>\n<div class="chart-tools"><code>connect_latency<\/code>/,
  );
});

it('says beside the scenario what the command line changed', () => {
  const changed = sampleModel({
    summary: ({ config }) => {
      config.description += ' (changed: --connections 60, --duration 10s)';
    },
  });
  expect(renderHtml(changed)).toContain(
    'The command line changed it for this run: <code>--connections 60, --duration 10s</code>.',
  );
  expect(renderHtml(sampleModel())).toContain('As it was run.');
});

it('calls a run that was cut short by its name', () => {
  const model = { ...sampleModelInterrupted(), name: 'nightly' };
  expect(renderHtml(model)).toContain('<title>INTERRUPTED: nightly – Plimsoll</title>');
});
