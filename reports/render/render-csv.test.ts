import { describe, expect, it } from 'vitest';
import { loaderOf, modelOf, START_MS, sourceSecond, textOf } from './interval-fixtures.suite.ts';
import { CSV_COLUMNS, renderCsv } from './render-csv.ts';
import { sampleModel } from './sample-model.ts';

/** The rows of RFC 4180, by their columns. */
function read(csv: string): Array<Record<string, string>> {
  const records: string[][] = [[]];
  const cells = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (const [, cell, end] of csv.matchAll(cells)) {
    records.at(-1)!.push(cell!.startsWith('"') ? cell!.slice(1, -1).replaceAll('""', '"') : cell!);
    if (end === '\r\n') records.push([]);
  }
  expect(records.pop()).toEqual([]);
  const [header, ...rows] = records;
  for (const row of rows) expect(row).toHaveLength(header!.length);
  return rows.map((row) => Object.fromEntries(row.map((cell, index) => [header![index]!, cell])));
}

describe('the CSV', () => {
  it('has a row a second and metric: of all agents, and of each where there are several', async () => {
    const stored = loaderOf({
      sources: {
        sent_latency: [
          sourceSecond(1, null, [1_000, 1_000, 2_000, 8_000]),
          sourceSecond(1, 'agent-0', [1_000, 1_000, 2_000]),
          sourceSecond(1, 'agent-1', [8_000]),
          sourceSecond(2, null, [500]),
          sourceSecond(2, 'agent-0', [500]),
        ],
        send_slip: [sourceSecond(1, null, [10]), sourceSecond(1, 'agent-0', [10])],
      },
    });
    const rows = read(await textOf(renderCsv(modelOf(['sent_latency', 'send_slip']), stored)));
    const keys = rows.map(({ seconds, metric, source, count }) => [metric, seconds, source, count].join(' '));
    expect(keys).toEqual([
      'sent_latency 1 all 4',
      'sent_latency 1 agent-0 3',
      'sent_latency 1 agent-1 1',
      'sent_latency 2 all 1',
      'sent_latency 2 agent-0 1',
      'send_slip 1 all 1',
    ]);
    expect(rows[0]).toEqual({
      ...{ time: '2026-03-14T09:27:01.000Z', seconds: '1', phase: '', kind: 'trend', metric: 'sent_latency' },
      ...{ source: 'all', count: '4', mean_ms: '3', value: '' },
      ...{ p50_ms: '1', p90_ms: '8', p95_ms: '8', p99_ms: '8', p99_9_ms: '8', max_ms: '8' },
    });
  });

  it('has counters and gauges with their phase, counted from the start of the run', async () => {
    const model = sampleModel();
    const rows = read(await textOf(renderCsv({ ...model, percentiles: {} }, loaderOf({}))));
    const sent = rows.filter(({ metric }) => metric === 'messages_sent');
    expect(sent.reduce((sum, { value }) => sum + Number(value), 0)).toBe(model.summary!.ledger.sent);
    expect(sent.find(({ seconds }) => seconds === '30')).toMatchObject({
      ...{ time: '2026-03-14T09:27:23.000Z', phase: 'steady', kind: 'counter', source: 'all', p50_ms: '' },
    });
    expect(rows.find(({ metric }) => metric === 'server_cpu')).toMatchObject({
      ...{ seconds: '0', phase: 'connect', kind: 'gauge', source: 'shard-0' },
    });
  });

  it('quotes what needs it, and lets no text be a formula', async () => {
    const at = [{ atMs: START_MS, value: 1 }];
    const gauges = { connections: { 'a "b", c': at, '=1+1': at, 'two\r\nlines': at } };
    const rows = read(await textOf(renderCsv(modelOf([], { gauges }), loaderOf({}))));
    expect(rows.map(({ source }) => source)).toEqual(['a "b", c', "'=1+1", 'two\r\nlines']);
  });

  it('of a run without anything is its header', async () => {
    expect(await textOf(renderCsv(modelOf([]), loaderOf({})))).toBe(`${CSV_COLUMNS.join(',')}\r\n`);
  });
});
