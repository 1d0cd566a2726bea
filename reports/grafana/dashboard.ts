/**
 * The Grafana dashboard of the results store. `dashboards/plimsoll.json` is made of it: change this or `queries/`, then
 * `npx vitest run reports/grafana --update`.
 */
import type { DashboardFile, Variable } from './grafana-types.ts';
import { DATA_SOURCE, heatMap, layOut, query, SHOW_RUN, sql, stat, table, timeSeries } from './panels.ts';

const VERDICTS = { pass: 'green', fail: 'red', inconclusive: 'orange', running: 'blue', interrupted: 'purple' };
const UID = 'plimsoll';

export function buildDashboard(): DashboardFile {
  return {
    uid: UID,
    title: 'Plimsoll',
    description: 'Runs of Plimsoll: what was asked of the server, and what came of it.',
    tags: ['plimsoll'],
    schemaVersion: 42,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-6h', to: 'now' },
    links: [
      {
        type: 'link',
        title: SHOW_RUN,
        tooltip: 'From its beginning to its end',
        icon: 'bolt',
        url: `/d/${UID}?var-run=\${run}&from=\${run_from}&to=\${run_to}`,
        tags: [],
        asDropdown: false,
        includeVars: false,
        keepTime: false,
        targetBlank: false,
      },
    ],
    timezone: 'browser',
    templating: {
      list: [
        variable('run', 'Run', {}),
        variable('metric', 'Latency', {}),
        variable('agent', 'Agent', { multi: true, includeAll: true, current: { text: 'All', value: '$__all' } }),
        variable('run_from', 'From', { hide: 2 }),
        variable('run_to', 'To', { hide: 2 }),
      ],
    },
    annotations: {
      list: [
        {
          name: 'Faults',
          datasource: DATA_SOURCE,
          enable: true,
          iconColor: 'red',
          target: query('annotation-faults', 'table'),
        },
        {
          name: 'Phases',
          datasource: DATA_SOURCE,
          enable: false,
          iconColor: 'blue',
          target: query('annotation-phases', 'table'),
        },
      ],
    },
    panels: layOut([
      {
        height: 6,
        panels: [
          [3, stat('verdict', { title: 'Verdict', colours: VERDICTS })],
          [10, table('claim', { title: 'Claim', noValue: 'The run has not ended: there is no claim yet.' })],
          [11, table('thresholds', { title: 'Thresholds', columns: RESULTS, noValue: 'No thresholds were judged.' })],
        ],
      },
      {
        height: 10,
        panels: [
          [
            16,
            timeSeries('latency', {
              title: '$metric: percentiles',
              description: 'Exact in every interval, from merged histograms; measured from the intended send.',
              unit: 'ms',
              logarithmic: true,
            }),
          ],
          [
            8,
            timeSeries('latency-service', {
              title: '$metric: p99, from the intended and from the actual send',
              description: 'Where the two part, something kept sends from starting on time.',
              unit: 'ms',
              label: 'counted',
              logarithmic: true,
            }),
          ],
        ],
      },
      {
        height: 9,
        panels: [
          [12, heatMap('heat-map', { title: '$metric: heat map', description: 'Samples by interval and range, ms.' })],
          [
            12,
            timeSeries('latency-by-agent', {
              title: '$metric: p99 by agent',
              description: 'An agent that stands out was slow itself, or its way to the server was.',
              unit: 'ms',
              label: 'source',
              logarithmic: true,
            }),
          ],
        ],
      },
      {
        height: 8,
        panels: [
          [
            8,
            timeSeries('throughput', {
              title: 'Messages a second',
              description: 'Offered is what was due, whether it could be started on time or had to be dropped.',
              unit: 'mps',
            }),
          ],
          [
            8,
            timeSeries('connections', {
              title: 'Connections',
              description: 'Open, as the agents and as the server count them.',
              unit: 'short',
            }),
          ],
          [
            8,
            timeSeries('send-slip', {
              title: 'Send slip',
              description: 'From the intended to the actual send: the generator’s share of the latency.',
              unit: 'ms',
            }),
          ],
        ],
      },
      {
        height: 8,
        panels: [
          [
            8,
            timeSeries('cpu', {
              title: 'CPU',
              description:
                'Used by each process; “machine” is all that runs on the machine that the run was started on.',
              unit: 'suffix: cores',
              label: 'source',
            }),
          ],
          [
            8,
            timeSeries('memory', {
              title: 'Memory',
              description: 'Resident memory of each process; the kernel’s is that of the whole machine.',
              unit: 'bytes',
              label: 'holder',
            }),
          ],
          [
            8,
            timeSeries('loop-delay', {
              title: 'Event-loop delay, p99',
              description: 'The worst second of an interval.',
              unit: 'ms',
              label: 'source',
            }),
          ],
        ],
      },
      {
        height: 6,
        panels: [
          [10, table('ledger', { title: 'Ledger', noValue: 'It is closed when the run ends.' })],
          [
            9,
            table('faults', {
              title: 'Faults and recovery',
              columns: { at: { unit: 's' }, recovery: { unit: 's' } },
              noValue: 'No fault was carried out.',
            }),
          ],
          [
            5,
            table('memory-per-connection', {
              title: 'Memory per connection',
              columns: { bytes: { unit: 'bytes' } },
              noValue: 'Too few connections to tell.',
            }),
          ],
        ],
      },
      {
        height: 12,
        panels: [
          [
            24,
            table('runs', {
              title: 'Runs, $metric of the steady phase',
              columns: RUNS,
              noValue: 'No run is stored yet.',
            }),
          ],
        ],
      },
    ]),
  };
}

const RESULTS = { result: { colours: { kept: 'green', missed: 'red' } } };

/** A click on a run chooses it, and the time in which it was. */
const RUNS = {
  verdict: { colours: VERDICTS },
  p50: { unit: 'ms' },
  p99: { unit: 'ms' },
  'p99.9': { unit: 'ms' },
  from_ms: { hidden: true as const },
  to_ms: { hidden: true as const },
  run_id: {
    link: {
      title: 'show this run',
      url: `/d/${UID}?var-run=\${__data.fields.run_id}&from=\${__data.fields.from_ms}&to=\${__data.fields.to_ms}`,
    },
  },
};

function variable(name: string, label: string, more: Partial<Variable>): Variable {
  return {
    type: 'query',
    name,
    label,
    datasource: DATA_SOURCE,
    query: sql(`variable-${name}`),
    // With every change of the time range: runs come while the page is open.
    refresh: 2,
    sort: 0,
    ...more,
  };
}
