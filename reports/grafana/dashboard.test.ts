/** The provisioned dashboard: the file is what its source says, and every query in it runs and gives what its panel shows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from '../results/clickhouse-server.suite.ts';
import { emptyHistogram, START_MS } from '../results/results-fixtures.suite.ts';
import type { ResultsStore } from '../results/results-store.ts';
import { openResultsStore } from '../results/results-store-open.ts';
import { buildDashboard } from './dashboard.ts';
import { AGENTS, SECONDS, samplesOf, storeRuns } from './dashboard-fixture.suite.ts';
import type { Query } from './grafana-types.ts';
import { expandQuery, type QueryContext } from './macros.fixture.ts';
import { sql } from './panels.ts';

const dashboard = buildDashboard();
const panels = dashboard.panels.map((panel) => [panel.title, panel] as const);

const CONTEXT: QueryContext = {
  variables: { run: 'finished', metric: 'delivery_latency', agent: null },
  fromMs: START_MS,
  toMs: START_MS + SECONDS * 1_000,
  intervalSeconds: 1,
};

interface Answer {
  meta: Array<{ name: string; type: string }>;
  data: Array<Record<string, unknown>>;
}

describe('the Grafana dashboard', () => {
  const password = 'reads only';
  let server: ClickHouseServer;
  let store: ResultsStore;

  beforeAll(async () => {
    server = await startClickHouse({
      users: [
        { name: 'plimsoll', password: 'writes' },
        { name: 'grafana', password, readOnly: true, grants: ['GRANT SELECT ON plimsoll.*'] },
      ],
    });
    store = await openResultsStore(`${server.url.replace('//', '//plimsoll:writes@')}/plimsoll`);
    await storeRuns(store);
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  /** As the data source asks: as Grafana's user, in the database that is provisioned. */
  async function ask(text: string, changes: Partial<QueryContext> = {}): Promise<Answer> {
    const body = `${expandQuery(text, { ...CONTEXT, ...changes })} FORMAT JSON`;
    const headers = { 'X-ClickHouse-User': 'grafana', 'X-ClickHouse-Key': password };
    const response = await fetch(`${server.url}/?database=plimsoll`, { method: 'POST', body, headers });
    const answer = await response.text();
    expect(response.status, answer).toBe(200);
    return JSON.parse(answer) as Answer;
  }

  it('is the file that is provisioned', async () => {
    await expect(`${JSON.stringify(dashboard, null, 2)}\n`).toMatchFileSnapshot('dashboards/plimsoll.json');
  });

  it('has panels that do not overlap and fill their rows', () => {
    const cells = dashboard.panels.flatMap(({ gridPos }) => {
      const { x, y, w, h } = gridPos!;
      return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.length % 24).toBe(0);
  });

  it.each(panels)('%s: its query gives the columns that it draws', async (_, panel) => {
    const [{ rawSql, format }] = panel.targets as [Query];
    const { meta, data } = await ask(rawSql);
    expect(data.length).toBeGreaterThan(0);
    const columns = meta.map(({ name }) => name);
    if (panel.type === 'timeseries' || panel.type === 'heatmap') {
      expect(meta[0]).toMatchObject({ name: 'time', type: expect.stringMatching(/^DateTime/) });
      expect(data.map(({ time }) => time)).toEqual(data.map(({ time }) => time).sort());
      const values = meta.slice(1).filter(({ type }) => /^U?Int|^Float/.test(type));
      const labels = meta.slice(1).filter(({ type }) => /^(LowCardinality\()?String/.test(type));
      expect(values.length).toBeGreaterThan(0);
      expect(values.length + labels.length).toBe(columns.length - 1);
      // Series are named by a column only where the plugin makes one series per value of it.
      const named = /labels\.(\w+)/.exec(panel.fieldConfig.defaults.displayName ?? '')?.[1];
      expect(labels.map(({ name }) => name)).toEqual(named === undefined ? [] : [named]);
      if (named !== undefined) expect([values.length, format]).toEqual([1, 0]);
    }
    for (const { matcher } of panel.fieldConfig.overrides) expect(columns).toContain(matcher.options);
    for (const [, field] of JSON.stringify(panel.fieldConfig).matchAll(/__data\.fields\.(\w+)/g))
      expect(columns).toContain(field);
    // Panels bear being asked about a run of which nothing is stored yet, and about one agent.
    await ask(rawSql, { variables: { ...CONTEXT.variables, run: 'going', agent: ['agent-1'] } });
  });

  it('shows exact percentiles, for any width of interval and any choice of agents', async () => {
    for (const [seconds, agents] of [
      [1, null],
      [20, null],
      [1, ['agent-1']],
      [60, AGENTS],
    ] as const) {
      const { data } = await ask(sql('latency'), {
        intervalSeconds: seconds,
        variables: { ...CONTEXT.variables, agent: agents as string[] | null },
      });
      expect(data).toHaveLength(SECONDS / seconds);
      const histogram = emptyHistogram();
      for (const agent of agents ?? AGENTS)
        for (let second = 0; second < seconds; second++)
          for (const sample of samplesOf(agent, second)) histogram.recordValue(sample);
      expect([data[0]!.p50, data[0]!.p90, data[0]!.p99, data[0]!['p99.9']]).toEqual(
        [50, 90, 99, 99.9].map((level) => histogram.getValueAtPercentile(level) / 1_000),
      );
    }
  });

  it('counts every sample in the heat map once', async () => {
    const { meta, data } = await ask(sql('heat-map'), { intervalSeconds: 60 });
    const ranges = meta.slice(1).map(({ name }) => Number(name));
    expect(ranges).toEqual([...ranges].sort((a, b) => a - b));
    const counted = ranges.reduce((sum, range) => sum + Number(data[0]![range]), 0);
    expect(counted).toBe(AGENTS.length * SECONDS * samplesOf('agent-0', 0).length);
  });

  it('offers the runs, the chosen run’s latencies with the most telling first, and its agents', async () => {
    const [run, metric, agent] = dashboard.templating.list;
    expect(await rowsOf(run!.query)).toEqual([
      { run_id: 'going', label: '2024-11-21 13:00 name of going' },
      { run_id: 'finished', label: '2024-11-21 12:00 name of finished' },
    ]);
    expect((await rowsOf(metric!.query))[0]).toEqual({ metric: 'delivery_latency' });
    expect(await rowsOf(agent!.query)).toEqual(AGENTS.map((source) => ({ source })));
  });

  it('goes to the time of the chosen run by a link, since choosing it does not', async () => {
    const [, , , from, to] = dashboard.templating.list;
    expect(dashboard.links![0]!.url).toBe(`/d/plimsoll?var-run=\${run}&from=\${${from!.name}}&to=\${${to!.name}}`);
    const [{ run_from }, { run_to }] = [(await rowsOf(from!.query))[0]!, (await rowsOf(to!.query))[0]!];
    expect(Number(run_from)).toBe(START_MS);
    expect(Number(run_to)).toBeGreaterThanOrEqual(START_MS + SECONDS * 1_000);
  });

  it('says of a run what became of it', async () => {
    const verdict = async (run: string) =>
      (await ask(sql('verdict'), { variables: { ...CONTEXT.variables, run } })).data[0]!.verdict;
    expect(await Promise.all(['finished', 'going', 'unknown'].map(verdict))).toEqual([
      'fail',
      'running',
      'interrupted',
    ]);
  });

  it('marks faults where they were, and as long as they were felt', async () => {
    const [faults, phases] = dashboard.annotations.list;
    expect(await rowsOf(faults!.target.rawSql)).toEqual([
      {
        time: '2024-11-21 12:00:20.000',
        timeEnd: '2024-11-21 12:00:21.250',
        text: 'kill-shard: recovered after 1.25 s',
        tags: 'kill-shard',
      },
    ]);
    expect((await rowsOf(phases!.target.rawSql)).map(({ text }) => text)).toEqual(['steady']);
  });

  it('asks as a user who can change nothing', async () => {
    const headers = { 'X-ClickHouse-User': 'grafana', 'X-ClickHouse-Key': password };
    const body = 'DROP TABLE plimsoll.runs';
    const response = await fetch(`${server.url}/`, { method: 'POST', body, headers });
    expect(await response.text()).toMatch(/ACCESS_DENIED|READONLY/);
  });

  const rowsOf = async (text: unknown) => (await ask(text as string)).data;
});
