import { describe, expect, it } from 'vitest';
import type { ReportModel } from '../report-model.ts';
import { chartData } from './chart-data.ts';
import { compactColumn, maxColumn, rateColumn, sumColumn, timeAxis } from './chart-series.ts';
import { sampleModel } from './sample-model.ts';

const at = (second: number, value: number) => ({ atMs: 5000 + second * 1000, value });
const axis = timeAxis(5000, 11_000)!;

describe('series on one axis', () => {
  it('sums processes, holding a late one for up to three seconds', () => {
    const steady = [0, 1, 2, 3, 4, 5].map((second) => at(second, 10));
    expect(sumColumn(axis, [steady, [at(0, 5)]])).toEqual([15, 15, 15, 15, 10, 10]);
    expect(maxColumn(axis, [steady, [at(0, 50), at(5, 20)]])).toEqual([50, 50, 50, 50, 10, 20]);
  });

  it('counts a second without a row as none, and leaves gauges without any row open', () => {
    expect(rateColumn(axis, [at(1, 7)])).toEqual([0, 7, 0, 0, 0, 0]);
    expect(sumColumn(axis, [])).toEqual([null, null, null, null, null, null]);
  });

  it('joins seconds of a long run: rates are averaged', () => {
    const long = timeAxis(0, 1_800_000)!;
    expect(long).toEqual({ startMs: 0, stepSeconds: 2, length: 900 });
    expect(
      rateColumn(long, [
        { atMs: 0, value: 10 },
        { atMs: 1000, value: 20 },
      ])[0],
    ).toBe(15);
  });

  it('takes whole steps of what was joined before', () => {
    expect(timeAxis(0, 1_300_000, 2)).toMatchObject({ stepSeconds: 2, length: 650 });
    expect(timeAxis(0, 1_900_000, 2)).toMatchObject({ stepSeconds: 4, length: 475 });
  });

  it('rounds to four digits as toPrecision does', () => {
    const values = [0, 0.1 + 0.2, 1 / 3, 12.345678, 99_999.4, 123_456_789, -2.5, 1e-7 / 3, 1e30 / 7];
    expect(compactColumn([...values, null, Number.NaN])).toEqual([
      ...values.map((value) => Number(value.toPrecision(4))),
      null,
      null,
    ]);
  });

  it('has no axis where there is no time', () => {
    expect(timeAxis(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toBeNull();
  });
});

describe('charts of a run', () => {
  const charts = chartData(sampleModel()).charts;
  const variant = (id: string, label: string) =>
    charts.find((chart) => chart.id === id)!.variants.find((each) => each.label === label)!;

  it('puts delivery first and carries its threshold', () => {
    const first = charts.find((chart) => chart.id === 'latency')!.variants[0]!;
    expect(first.label).toBe('delivery_latency');
    expect(first.limit).toEqual({ label: 'limit of p99: 100 ms', value: 100 });
  });

  it('divides the growth of memory by the connections', () => {
    const server = variant('memory', 'memory per connection').series.find(({ label }) => label === 'server')!;
    expect(server.values[0]).toBeNull();
    expect(server.values.at(-1)).toBeCloseTo(2.41, 1);
  });

  const line = (of: ReportModel, label: string) =>
    chartData(of)
      .charts.find(({ id }) => id === 'throughput')!
      .variants.flatMap(({ series }) => series)
      .find((each) => each.label.startsWith(label));

  it('shows the planned rate in the steady phase only', () => {
    const planned = line(sampleModel(), 'planned mean')!;
    expect([planned.values[20], planned.values[40], planned.values[88]]).toEqual([null, 38.58, null]);
  });

  it('shows as offered what fell due, started or dropped; runs of older versions did not count it', () => {
    const model = sampleModel();
    const atMs = model.counters.messages_sent![30]!.atMs;
    expect(line({ ...model, counters: { messages_sent: model.counters.messages_sent! } }, 'offered')).toBeUndefined();
    model.counters.deliveries_expected = [{ atMs, value: 40 }];
    model.counters.messages_dropped = [{ atMs, value: 2 }];
    expect(line(model, 'offered')!.values[30]).toBe(42);
    expect(line(model, 'dropped')!.values[30]).toBe(2);
    model.summary!.config.fanOut = 9;
    expect(line(model, 'deliveries due')!.values[30]).toBe(58);
  });

  it('counts every sample in the heat map, and names the slowest', () => {
    const { heat, words } = variant('heat', 'delivery_latency');
    const samples = heat!.columns.flatMap(([, ...counts]) => counts).reduce((sum, count) => sum + count, 0);
    const sent = sampleModel().counters.messages_sent!.reduce((sum, { value }) => sum + value, 0);
    expect(samples).toBe(sent);
    expect(words).toMatch(
      /^2,662 samples of delivery_latency; most often, 527 times, it was 6\.89 ms to 8\.19 ms; the slowest took .* at 1:03$/,
    );
  });

  it('marks the faults from their beginning to recovery, or to the end', () => {
    const model = sampleModel({
      summary: (summary) => {
        summary.faults = [
          { kind: 'freeze-shard', atSeconds: 40, recoverySeconds: null, lost: 0 },
          { kind: 'kill-shard', atSeconds: 20.9, recoverySeconds: 3.5, lost: 0 },
          { kind: 'half-open', atSeconds: 10, recoverySeconds: 0, lost: 0, forSeconds: 2 },
          { kind: 'cut-network', atSeconds: 12, recoverySeconds: null, lost: 0, problem: 'no right' },
        ];
      },
    });
    const { faults, phases } = chartData(model);
    const steady = phases.find(({ name }) => name === 'steady')!.from;
    expect(faults).toEqual([
      { name: 'half-open', from: steady + 10, to: steady + 12 },
      { name: 'kill-shard', from: steady + 20, to: expect.closeTo(steady + 24.4) },
      { name: 'freeze-shard', from: steady + 40, to: phases.at(-1)!.to },
    ]);
  });

  it('draws no memory per connection of too few, and no growth below zero', () => {
    const memory = (model: ReportModel) => chartData(model).charts.find(({ id }) => id === 'memory')!;
    const few = memory(sampleModel({ connections: 60 }));
    expect(few.variants.map(({ label }) => label)).toEqual(['memory in all', 'memory per connection']);
    expect(few.variants[1]!.empty).toMatch(/Too few connections: of 60, .* It takes 500\./);
    expect(few.about).not.toMatch(/growth/);
    const noisy = sampleModel({ connections: 600 });
    const points = Object.values(noisy.gauges.server_rss_bytes!);
    for (const source of points) source[40]!.value = source[0]!.value - 1;
    const { about, variants } = memory(noisy);
    expect(about).toMatch(/With 600 connections, .* a good part of it/);
    const server = variants[0]!.series.find(({ label }) => label === 'server')!.values;
    expect(server[40]).toBeNull();
    expect(server[41]).toBeGreaterThan(0);
    expect(memory(sampleModel()).about).not.toMatch(/good part/);
  });

  it('says in words what the lines show', () => {
    expect(variant('connections', 'connections').words).toBe(
      'open at the agents: highest 50,000 at 0:16; open at the server: highest 50,000 at 0:16',
    );
  });
});
