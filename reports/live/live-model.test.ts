import { describe, expect, it } from 'vitest';
import { chartData } from '../render/chart-data.ts';
import { percentilesSuite } from '../results/percentiles.suite.ts';
import { batchOf, counterRow, gaugeRow, histogramRow, START_MS } from '../results/results-fixtures.suite.ts';
import type { ResultsStore } from '../results/results-store.ts';
import { LiveModel } from './live-model.ts';

const newModel = () => new LiveModel({ runId: 'a', scenarioText: 'export default {};', command: 'plimsoll run a' });
const at = (second: number) => START_MS + second * 1_000;

describe('a model gathered in memory', () => {
  const models = new Map<string, LiveModel>();
  const asStore: Pick<ResultsStore, 'startRun' | 'write' | 'loadRun'> = {
    startRun: async ({ runId }) => void models.set(runId, newModel()),
    write: async (runId, batch) => models.get(runId)!.add(batch),
    loadRun: async (runId) => models.get(runId)!.model(),
  };
  percentilesSuite(() => asStore as ResultsStore);

  it('sums counters of all agents, and keeps gauges of each source apart', () => {
    const live = newModel();
    live.add(batchOf({ counters: [counterRow({ value: 3 }), counterRow({ source: 'agent-1', value: 4 })] }));
    live.add(
      batchOf({
        counters: [counterRow({ atMs: at(2), value: 5 }), counterRow({ atMs: at(1), value: 6 })],
        gauges: [gaugeRow({ value: 1 }), gaugeRow({ source: 'shard-1', value: 2 })],
      }),
    );
    const { counters, gauges, status, summary, stepSeconds } = live.model();
    expect(counters.messages_sent).toEqual([
      { atMs: at(0), value: 7 },
      { atMs: at(1), value: 6 },
      { atMs: at(2), value: 5 },
    ]);
    expect(gauges.server_cpu).toEqual({
      node: [{ atMs: at(0), value: 1 }],
      'shard-1': [{ atMs: at(0), value: 2 }],
    });
    expect([status, summary, stepSeconds]).toEqual(['running', null, 1]);
  });

  it('says nothing of a run that recorded nothing', () => {
    expect(newModel().model()).toMatchObject({
      percentiles: {},
      counters: {},
      gauges: {},
      distributions: [],
      heatMaps: [],
    });
  });

  it('takes rows that come late, exactly for 20 seconds and as the worst of them after that', () => {
    const live = newModel();
    const late = histogramRow({ source: 'agent-1', values: [8_007], counts: [3], minUs: 8_000, maxUs: 8_000 });
    live.add(batchOf({ histograms: [histogramRow(), histogramRow({ atMs: at(19) })] }));
    live.add(batchOf({ histograms: [late] }));
    expect(live.model().percentiles.delivery_latency![0]).toMatchObject({ count: 6, p50: 3.001, p99: 8.007, max: 8 });
    live.add(batchOf({ histograms: [histogramRow({ atMs: at(40) })] }));
    live.add(batchOf({ histograms: [late] }));
    const points = live.model().percentiles.delivery_latency!;
    expect(points.map(({ atMs }) => atMs)).toEqual([at(0), at(19), at(40)]);
    expect(points[0]).toMatchObject({ count: 9, p50: 8.007, max: 8 });
    expect(live.model().distributions.find(({ phase }) => phase === 'all')!.count).toBe(15);
  });

  it('leaves out seconds that an agent has not reported yet, but waits for none that fell silent', () => {
    const live = newModel();
    const heard = (source: string, second: number) => gaugeRow({ source, metric: 'agent_cpu', atMs: at(second) });
    const sent = (second: number) => counterRow({ atMs: at(second) });
    live.add(batchOf({ gauges: [heard('agent-0', 0), heard('agent-1', 0)], counters: [sent(0), sent(1)] }));
    live.add(batchOf({ gauges: [heard('agent-0', 1)] }));
    expect(live.wholeLines().counters.messages_sent!.map(({ atMs }) => atMs)).toEqual([at(0)]);
    expect(live.lines().counters.messages_sent).toHaveLength(2);
    live.add(batchOf({ gauges: [heard('agent-0', 12)], counters: [sent(12)] }));
    expect(live.wholeLines().counters.messages_sent).toHaveLength(3);
  });

  it('joins the seconds of a long run, of all series alike, and keeps one point for each point of a chart', () => {
    const live = newModel();
    const seconds = 3 * 3_600;
    for (let second = 0; second < seconds; second++) {
      live.add(
        batchOf({
          histograms: [histogramRow({ atMs: at(second), maxUs: second === 2_000 ? 50_000 : 3_000 })],
          counters: [counterRow({ atMs: at(second), value: 10 })],
          gauges: [gaugeRow({ atMs: at(second), value: second === 3_000 ? 9 : 1 })],
        }),
      );
    }
    const model = live.model();
    expect(model.stepSeconds).toBe(16);
    const latency = model.percentiles.delivery_latency!;
    expect(latency.length).toBeLessThan(760);
    expect(latency[59]!.atMs - latency[58]!.atMs, 'the first minute stays by the second').toBe(1_000);
    expect(latency.reduce((sum, { count }) => sum + count, 0)).toBe(3 * seconds);
    expect(latency.filter(({ max }) => max === 50)).toHaveLength(1);
    expect(model.gauges.server_cpu!.node!.filter(({ value }) => value === 9)).toHaveLength(1);
    const { time, charts } = chartData(model);
    expect(time).toEqual({ step: 16, length: seconds / 16 });
    const [heat] = model.heatMaps;
    expect(heat!.columns.flatMap(({ counts }) => counts).reduce((a, b) => a + b)).toBe(3 * seconds);
    const sent = charts
      .find(({ id }) => id === 'throughput')!
      .variants[0]!.series.find(({ label }) => label === 'sent')!;
    expect(new Set(sent.values)).toEqual(new Set([10]));
  });
});
