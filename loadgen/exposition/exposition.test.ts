import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { readPrometheusText } from '../../tools/prometheus-text.ts';
import type { AgentProgress, FromAgent, ToAgent } from '../control/control-channel.ts';
import { runSnapshot } from '../coordinator/run-snapshot.fixture.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { agentFamilies } from './agent-exposition.ts';
import { type AgentFigures, tellingFigures } from './agent-figures.ts';
import { LATENCY_BOUNDS } from './latency-buckets.ts';
import { type MetricsServer, parseMetricsPlace, serveMetrics } from './metrics-server.ts';
import { type MetricFamily, prometheusText } from './prometheus-text.ts';
import { RunExposition } from './run-exposition.ts';

const PROGRESS: AgentProgress = {
  ...{ connections: 40, failed: { generator: 1, server: 2 }, lost: 3, connecting: 4, reconnecting: 5, sent: 60 },
  ...{ acknowledged: 59, expected: 60, delivered: 58, duplicated: 1, reordered: 2, dropped: 7, droppedAway: 0 },
  ...{ unacknowledged: 1, awaitingReceipt: 2, loopDelayP99Ms: 3, slow: 0, catchingUp: 0, loadDone: false },
};

const SECOND: SampleBatch = {
  histograms: [
    {
      ...{ atMs: 0, source: 'agent-0', metric: 'send_slip', phase: 'steady', count: 2, sumUs: 3_000 },
      ...{ minUs: 1_000, maxUs: 2_000, values: [1_000, 2_000], counts: [1, 1] },
    },
    {
      ...{ atMs: 0, source: 'agent-0', metric: 'delivery_latency', phase: 'steady', count: 6, sumUs: 12_015_000 },
      ...{ minUs: 900, maxUs: 12_000_000, values: [900, 2_500, 2_600, 12_000_000], counts: [2, 1, 2, 1] },
    },
  ],
  counters: [],
  gauges: [
    { atMs: 0, source: 'agent-0', metric: 'agent_cpu', value: 0.25 },
    { atMs: 0, source: 'agent-0', metric: 'agent_loop_delay', value: 1.5 },
  ],
};

const TICK: FromAgent = {
  ...{ type: 'tick', progress: PROGRESS, usage: { cpuSeconds: 2.5, rssBytes: 64e6 }, samples: SECOND, fanOut: [] },
  lag: { tickMs: 0, startMs: 0 },
};

function read(families: MetricFamily[]) {
  const found = readPrometheusText(prometheusText(families));
  return (name: string) => Object.fromEntries(found.get(name)?.samples ?? []);
}

describe('Prometheus’ text', () => {
  it('keeps any help, label and number', () => {
    const samples = [
      { labels: { run: 'a "b" \\ c\nd' }, value: Number.POSITIVE_INFINITY },
      { labels: { run: 'é 🚢', of: '' }, value: 1e-7 },
      { value: Number.NaN },
      { labels: { of: 'ms' }, value: 2.981 * 1e-3 },
      { labels: { of: 'bytes' }, value: 9007199254740991 },
    ];
    const text = prometheusText([
      { name: 'x_bytes', type: 'gauge', help: 'two\nlines \\', samples },
      { name: 'y_bytes', type: 'gauge', help: 'nothing is known of it', samples: [] },
    ]);
    expect(text).toBe(
      '# HELP x_bytes two\\nlines \\\\\n# TYPE x_bytes gauge\n' +
        'x_bytes{run="a \\"b\\" \\\\ c\\nd"} +Inf\nx_bytes{run="é 🚢",of=""} 1e-7\nx_bytes NaN\n' +
        'x_bytes{of="ms"} 0.002981\nx_bytes{of="bytes"} 9007199254740991\n',
    );
    expect(readPrometheusText(text).get('x_bytes')!.samples.size).toBe(5);
  });
});

describe('an agent', () => {
  it('tells of each second with the phase that it is in, and of nothing between', () => {
    const told: AgentFigures[] = [];
    const sent: FromAgent[] = [];
    let receive: (message: ToAgent) => void = () => {};
    const link = tellingFigures(
      {
        send: (message) => void sent.push(message),
        onMessage: (handler) => {
          receive = handler;
        },
        onGone: () => {},
        close: async () => {},
      },
      (figures) => told.push(figures),
    );
    const received: ToAgent[] = [];
    link.onMessage((message) => received.push(message));
    receive({ type: 'connect' });
    link.send({ type: 'prepared' });
    link.send({ ...TICK, samples: null });
    receive({ type: 'load', startMs: 0 });
    receive({ type: 'fetch' });
    link.send(TICK);
    expect([sent.length, received.length]).toEqual([3, 3]);
    expect(told).toEqual([
      {
        ...{ phase: 'load', progress: PROGRESS, usage: { cpuSeconds: 2.5, rssBytes: 64e6 } },
        second: { sendSlipP99Ms: 2, cpu: 0.25, loopDelayP99Ms: 1.5 },
        delivery: { counts: [2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], sumSeconds: 12.015 },
      },
    ]);
  });

  it('that waits has no figures, one in a run has all', () => {
    const second = { sendSlipP99Ms: null, cpu: 0.25, loopDelayP99Ms: 1.5 };
    const figures: AgentFigures = {
      phase: 'load',
      progress: PROGRESS,
      usage: { cpuSeconds: 3, rssBytes: 6e7 },
      second,
      delivery: { counts: LATENCY_BOUNDS.map(() => 1).concat(4), sumSeconds: 1.5 },
    };
    const samples = read(
      agentFamilies([
        { runId: null, figures: null },
        { runId: 'run "1"', figures },
      ]),
    );
    expect(samples('plimsoll_agent_busy')).toEqual({ 'agent="0"': 0, 'agent="1"': 1 });
    expect(samples('plimsoll_agent_run_info')).toEqual({ 'agent="1",run="run \\"1\\""': 1 });
    expect(samples('plimsoll_agent_phase')['agent="1",phase="load"']).toBe(1);
    expect(samples('plimsoll_agent_messages_dropped_total')).toEqual({ 'agent="1"': 7 });
    expect(samples('plimsoll_agent_loop_delay_p99_seconds')).toEqual({ 'agent="1"': 0.0015 });
    expect(samples('plimsoll_agent_send_slip_p99_seconds')).toEqual({});
    expect(samples('plimsoll_agent_delivery_latency_seconds')).toMatchObject({
      '_bucket agent="1",le="0.001"': 1,
      '_bucket agent="1",le="10"': 13,
      '_bucket agent="1",le="+Inf"': 17,
      '_sum agent="1"': 1.5,
      '_count agent="1"': 17,
    });
  });
});

describe('a run', () => {
  it('has its identity from the start, then its progress and what its processes tell', () => {
    const run = new RunExposition({ runId: 'r', scenario: 'smoke' });
    expect(read(run.families())('plimsoll_run_info')).toEqual({ 'run="r",scenario="smoke"': 1 });
    const recent = { sentPerSecond: 1, deliveredPerSecond: 1, deliveryP50Ms: 2, deliveryP99Ms: null };
    const snapshot = runSnapshot({
      connectionsRequested: 50,
      progress: PROGRESS,
      rateOffered: 10,
      recent,
      serverCpu: null,
    });
    run.show(snapshot);
    run.add(SECOND);
    run.add({ ...SECOND, gauges: [{ atMs: 0, source: 'shard-1', metric: 'server_cpu', value: 0.5 }] });
    const samples = read(run.families());
    expect(samples('plimsoll_run_phase')['phase="steady"']).toBe(1);
    expect(samples('plimsoll_run_connections_failed')).toEqual({ 'side="generator"': 1, 'side="server"': 2 });
    expect(samples('plimsoll_run_messages_sent_total')).toEqual({ '': 60 });
    expect(samples('plimsoll_run_delivery_latency_p50_seconds')).toEqual({ '': 0.002 });
    expect(samples('plimsoll_run_delivery_latency_p99_seconds')).toEqual({});
    expect(samples('plimsoll_run_delivery_latency_seconds')).toMatchObject({
      '_bucket le="0.001"': 4,
      '_bucket le="0.0025"': 6,
      '_bucket le="0.005"': 10,
      '_bucket le="+Inf"': 12,
      '_sum ': 24.03,
      '_count ': 12,
    });
    expect(samples('plimsoll_run_agent_loop_delay_p99_seconds')).toEqual({ 'source="agent-0"': 0.0015 });
    expect(samples('plimsoll_run_agent_send_slip_p99_seconds')).toEqual({ 'source="agent-0"': 0.002 });
    expect(samples('plimsoll_run_server_cpu_cores')).toEqual({ 'source="shard-1"': 0.5 });
  });
});

describe('the place of metrics', () => {
  let server: MetricsServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });

  it.each([
    ['9464', '127.0.0.1', 9464],
    [':9464', '127.0.0.1', 9464],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['box.lan:9464', 'box.lan', 9464],
    ['[::1]:9464', '::1', 9464],
  ])('%s is read', (written, host, port) => {
    expect(parseMetricsPlace(written)).toEqual({ host, port });
  });

  it.each(['', 'box', 'box:', '::1:9464', '70000', 'http://box:9464', '-1'])('"%s" is refused', (written) => {
    expect(() => parseMetricsPlace(written)).toThrow(/must be a port or host:port, for example 9464/);
  });

  it('answers at /metrics, with what is known when it is asked', async () => {
    let value = 1;
    server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => [
      { name: 'x', type: 'gauge', help: 'h', samples: [{ value: value++ }] },
    ]);
    const response = await fetch(server.url);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('\nx 1\n');
    expect(await (await fetch(server.url)).text()).toContain('\nx 2\n');
    expect((await fetch(new URL('/', server.url))).status).toBe(404);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405);
  });

  it('that is taken is said, and one that keeps its connection does not hold up the end', async () => {
    server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => []);
    const port = Number(new URL(server.url).port);
    await expect(serveMetrics({ host: '127.0.0.1', port }, () => [])).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken`,
    );
    const request = get(server.url, { headers: { connection: 'keep-alive' } });
    await new Promise((resolve) => request.once('response', resolve));
    request.on('error', () => {});
    await server.close();
  });
});
