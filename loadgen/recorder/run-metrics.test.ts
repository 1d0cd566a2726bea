import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalRecorder } from './interval-recorder.ts';
import { RunMetrics } from './run-metrics.ts';
import type { CounterRow, GaugeRow, HistogramRow, Phase } from './samples.ts';
import { parseThreshold, parseThresholds } from './thresholds.ts';
import { evaluateThresholds, thresholdsToAbort } from './thresholds-evaluation.ts';

const STREAMS = ['direct', 'groups'];
const SECOND = 1_000;

function batch(rows: { histograms?: HistogramRow[]; counters?: CounterRow[]; gauges?: GaugeRow[] }) {
  return { histograms: [], counters: [], gauges: [], ...rows };
}

function counter(
  second: number,
  metric: CounterRow['metric'],
  value: number,
  more: Partial<CounterRow> = {},
): CounterRow {
  return { atMs: second * SECOND, source: 'agent-0', metric, phase: 'steady', value, ...more };
}

function gauge(second: number, source: string, metric: GaugeRow['metric'], value: number): GaugeRow {
  return { atMs: second * SECOND, source, metric, value };
}

/** A steady phase of seconds 10 up to 20. */
const windowOf = (phase: Phase) =>
  phase === 'steady'
    ? { startMs: 10 * SECOND, endMs: 20 * SECOND }
    : phase === 'drain'
      ? { startMs: 20 * SECOND, endMs: 22 * SECOND }
      : { startMs: 0, endMs: 10 * SECOND };

function judge(metrics: RunMetrics, metric: string, threshold: string) {
  return evaluateThresholds([parseThreshold(metric, threshold)], metrics.view({ windowOf }))[0]!;
}

describe('streams of messages', () => {
  it('add up exactly to the whole, whoever recorded them in whichever stream', () => {
    const sample = fc.record({
      agent: fc.integer({ min: 0, max: 2 }),
      stream: fc.integer({ min: -1, max: 1 }),
      ms: fc.double({ min: 0.001, max: 5_000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
        const agents = [0, 1, 2].map((index) => new IntervalRecorder(`agent-${index}`, STREAMS));
        const one = new IntervalRecorder('one');
        for (const { agent, stream, ms } of samples) {
          agents[agent]!.record('delivery_latency', 'steady', ms, stream);
          one.record('delivery_latency', 'steady', ms);
        }
        const metrics = new RunMetrics([]);
        metrics.add(batch({ histograms: agents.flatMap((agent) => agent.swap(0)) }));
        const whole = new RunMetrics([]);
        whole.add(batch({ histograms: one.swap(0) }));
        for (const recorder of [...agents, one]) recorder.close();
        expect(metrics.histogram('delivery_latency', 'steady')).toEqual(whole.histogram('delivery_latency', 'steady'));

        const of = (stream: number) => samples.filter((each) => each.stream === stream).length;
        STREAMS.forEach((scenario, stream) => {
          expect(metrics.histogram('delivery_latency', 'steady', { scenario })?.count ?? 0).toBe(of(stream));
        });
        const both = samples.filter(({ agent, stream }) => agent === 1 && stream === 0).length;
        const selected = { scenario: 'direct', source: 'agent-1' };
        expect(metrics.histogram('delivery_latency', null, selected)?.count ?? 0).toBe(both);
      }),
      { numRuns: 30 },
    );
  });

  it('are what a threshold with their tag looks at, in the whole and in windows', () => {
    const metrics = new RunMetrics(parseThresholds({ 'messages_sent{scenario:groups}': ['rate>0 over 2s'] }));
    for (let second = 10; second < 20; second++)
      metrics.add(
        batch({
          counters: [
            counter(second, 'messages_sent', 5, { scenario: 'direct' }),
            counter(second, 'messages_sent', second - 9, { scenario: 'groups' }),
          ],
        }),
      );
    expect(metrics.scenarios).toEqual(['direct', 'groups']);
    expect(judge(metrics, 'messages_sent', 'count<1').value).toBe(105);
    expect(judge(metrics, 'messages_sent{scenario:groups}', 'count<1').value).toBe(55);
    expect(judge(metrics, 'messages_sent{scenario:groups,source:agent-1}', 'count<1').value).toBe(0);
    expect(judge(metrics, 'messages_sent{scenario:groups}', 'rate<1 over 2s').value).toBe(9.5);
    expect(judge(metrics, 'messages_sent{scenario:direct}', 'rate<1 over 2s').value).toBe(5);
  });
});

describe('server figures', () => {
  const metrics = new RunMetrics([]);
  for (let second = 8; second < 22; second++)
    metrics.add(
      batch({
        counters: [counter(second, 'messages_sent', 1_000)],
        gauges: [
          gauge(second, 'shard-0', 'server_cpu', 0.25),
          gauge(second, 'shard-1', 'server_cpu', second < 10 ? 9 : second / 100),
          gauge(second, 'agent-0', 'connections', 50),
          gauge(second, 'shard-0', 'connections', 30),
        ],
      }),
    );
  metrics.add(batch({ gauges: [gauge(10, 'run', 'server_memory_bytes_per_connection', 7_500)] }));

  it.each<[string, string, number, boolean]>([
    ['server_cpu', 'value<1', 0.46, true],
    ['server_cpu', 'max<0.44', 0.44, false],
    ['server_cpu', 'min>0', 0.35, true],
    ['server_cpu', 'avg<1', 0.395, true],
    ['server_cpu', 'max<1 over 2s', 0.44, true],
    ['server_cpu{source:shard-1}', 'value<1', 0.21, true],
    ['server_cpu{phase:warm-up}', 'max<9', 9.25, false],
    ['connections', 'value==50', 50, true],
    ['connections{source:shard-0}', 'value==30', 30, true],
    ['server_memory_bytes_per_connection', '<8000', 7_500, true],
    ['server_cpu_microseconds_per_message', '<400', 395, true],
  ])('%s %s: %d', (metric, threshold, value, ok) => {
    const result = judge(metrics, metric, threshold);
    expect(result.value).toBeCloseTo(value, 9);
    expect(result.ok).toBe(ok);
  });

  it('cost nothing that can be said where no message was sent', () => {
    const silent = new RunMetrics([]);
    silent.add(batch({ gauges: [gauge(12, 'shard-0', 'server_cpu', 0.1)] }));
    expect(judge(silent, 'server_cpu_microseconds_per_message', '<400')).toMatchObject({ value: null, ok: false });
  });
});

it('windows over connecting reach from the first connection to the end', () => {
  const recorder = new IntervalRecorder('agent-0');
  const metrics = new RunMetrics(parseThresholds({ connect_latency: ['max<5 over 2s'] }), new Set(['connect_latency']));
  for (const [second, phase, ms] of [
    [1, 'connect', 3],
    [6, 'connect', 9],
    [12, 'steady', 4],
  ] as const) {
    recorder.record('connect_latency', phase, ms);
    metrics.add(batch({ histograms: recorder.swap(second * SECOND) }));
  }
  recorder.close();
  expect(judge(metrics, 'connect_latency', 'max<5 over 2s')).toMatchObject({ value: 9, ok: false });
  expect(judge(metrics, 'connect_latency{phase:steady}', 'max<5 over 2s')).toMatchObject({ value: 4, ok: true });
});

it('a rate is the failed of the calls made', () => {
  const metrics = new RunMetrics([], new Set(['http_req_failed']));
  expect(judge(metrics, 'http_req_failed', 'rate<0.01')).toMatchObject({ value: null, ok: false });
  metrics.add(
    batch({
      counters: [
        counter(11, 'http_reqs', 200, { source: 'http-load' }),
        counter(11, 'http_req_failed', 1, { source: 'http-load' }),
        counter(9, 'http_req_failed', 50, { source: 'http-load', phase: 'warm-up' }),
      ],
    }),
  );
  expect(judge(metrics, 'http_req_failed', 'rate<0.01')).toMatchObject({ value: 0.005, ok: true });
});

it('a window ends the run once all agents have reported its last second', () => {
  const thresholds = parseThresholds({ messages_sent: [{ threshold: 'rate>15 over 2s', abortOnFail: true }] });
  const metrics = new RunMetrics(thresholds);
  const report = (second: number, source: string, value: number) =>
    metrics.add(
      batch({
        counters: [counter(second, 'messages_sent', value, { source })],
        gauges: [gauge(second, source, 'agent_cpu', 0)],
      }),
    );
  const failing = () =>
    thresholdsToAbort(thresholds, metrics.view({ windowOf, live: true }), 60_000).map(({ value }) => value);
  for (const second of [10, 11]) for (const source of ['agent-0', 'agent-1']) report(second, source, 10);
  report(12, 'agent-0', 10);
  report(13, 'agent-0', 10);
  expect(failing()).toEqual([]);
  report(12, 'agent-1', 0);
  expect(failing()).toEqual([15]);
});

it('looking once a second at the newest windows finds the worst that the whole run has', () => {
  const second = fc.record({ sent: fc.nat(50), ms: fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 3 }) });
  const specs = ['avg<0 over 3s', 'p(90)<0 over 3s', 'max<0 over 3s'];
  const of = (threshold: string) => ({ threshold, abortOnFail: true });
  fc.assert(
    fc.property(fc.array(second, { minLength: 3, maxLength: 40 }), (seconds) => {
      const thresholds = parseThresholds({ sent_latency: specs.map(of), messages_sent: [of('rate<0 over 3s')] });
      const metrics = new RunMetrics(thresholds);
      const recorder = new IntervalRecorder('agent-0');
      const worst = new Map<string, number>();
      const span = (phase: Phase, length: number) => ({ startMs: 0, endMs: phase === 'steady' ? length : 0 });
      seconds.forEach(({ sent, ms }, at) => {
        for (const value of ms) recorder.record('sent_latency', 'steady', value);
        metrics.add(
          batch({
            histograms: recorder.swap(at * SECOND),
            counters: [counter(at, 'messages_sent', sent)],
            gauges: [gauge(at, 'agent-0', 'agent_cpu', 0)],
          }),
        );
        const view = metrics.view({ windowOf: (phase) => span(phase, (at + 1) * SECOND), live: true });
        for (const { threshold, value } of thresholdsToAbort(thresholds, view, 1)) {
          worst.set(threshold.source, Math.max(worst.get(threshold.source) ?? 0, value));
        }
      });
      recorder.close();
      const final = evaluateThresholds(
        thresholds,
        metrics.view({ windowOf: (phase) => span(phase, seconds.length * SECOND) }),
      );
      const nothing = seconds.every(({ sent }) => sent === 0);
      for (const { threshold, value } of final) {
        if (value !== null && !(nothing && threshold.startsWith('rate')))
          expect(worst.get(threshold)).toBeCloseTo(value, 9);
      }
    }),
    { numRuns: 50 },
  );
});
