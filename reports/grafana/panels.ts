/** The kinds of panels that the dashboard is made of. */
import { readFileSync } from 'node:fs';
import type { AnyPanel, HeatMapPanel, Query, StatPanel, TablePanel, TimeSeriesPanel } from './grafana-types.ts';

/** As it is provisioned. */
export const DATA_SOURCE = { type: 'grafana-clickhouse-datasource', uid: 'plimsoll-results' };
const PLUGIN_VERSION = '4.20.0';
/** Agents report once a second: a finer interval would leave holes. */
const LEAST_INTERVAL = '1s';

/** Choosing a run does not move the time range: Grafana has no way to. This link does. */
export const SHOW_RUN = 'Show the time of the chosen run';
const OUT_OF_RANGE = `Nothing of this run in this time range. “${SHOW_RUN}”, at the top, goes there.`;

/** A file of `queries/`, without the comment at its beginning. */
export function sql(name: string): string {
  const text = readFileSync(new URL(`queries/${name}.sql`, import.meta.url), 'utf8');
  return text.replaceAll(/^--.*\n/gm, '').trim();
}

export function query(name: string, form: 'timeseries' | 'table'): Query {
  return {
    datasource: DATA_SOURCE,
    editorType: 'sql',
    format: form === 'timeseries' ? 0 : 1,
    pluginVersion: PLUGIN_VERSION,
    queryType: form,
    rawSql: sql(name),
    refId: 'A',
  };
}

export interface TimeSeriesLook {
  title: string;
  description: string;
  unit: 'ms' | 'short' | 'mps' | 'bytes' | 'suffix: cores';
  /** The text column whose values name the series; without it the columns do. */
  label?: string;
  logarithmic?: boolean;
}

/** One line per numeric column, or per value of the column `label`. */
export function timeSeries(name: string, look: TimeSeriesLook): TimeSeriesPanel {
  return {
    type: 'timeseries',
    title: look.title,
    description: look.description,
    datasource: DATA_SOURCE,
    interval: LEAST_INTERVAL,
    fieldConfig: {
      defaults: {
        unit: look.unit,
        noValue: OUT_OF_RANGE,
        ...(look.logarithmic ? {} : { min: 0 }),
        ...(look.label === undefined ? {} : { displayName: `\${__field.labels.${look.label}}` }),
        custom: {
          lineWidth: 1,
          fillOpacity: 0,
          showPoints: 'never',
          spanNulls: false,
          // A silent agent is a gap, not a line across it.
          insertNulls: 5_000,
          scaleDistribution: look.logarithmic ? { type: 'log', log: 10 } : { type: 'linear' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: [query(name, 'timeseries')],
  };
}

/** The columns of the query are the ranges, from low to high, each named by its upper end. */
export function heatMap(name: string, look: { title: string; description: string }): HeatMapPanel {
  return {
    type: 'heatmap',
    ...look,
    datasource: DATA_SOURCE,
    interval: LEAST_INTERVAL,
    fieldConfig: {
      defaults: { noValue: OUT_OF_RANGE, custom: { scaleDistribution: { type: 'linear' } } },
      overrides: [],
    },
    options: {
      calculate: false,
      cellGap: 0,
      color: {
        mode: 'scheme',
        scheme: 'Turbo',
        scale: 'exponential',
        exponent: 0.4,
        fill: 'blue',
        reverse: false,
        steps: 64,
      },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'le', value: 'messages' },
      showValue: 'never',
      tooltip: { mode: 'single', yHistogram: true },
      yAxis: { unit: 'ms' },
    },
    targets: [query(name, 'table')],
  };
}

export function stat(name: string, look: { title: string; colours: Record<string, string> }): StatPanel {
  const entries = Object.entries(look.colours).map(([text, color], index) => [text, { color, index }] as const);
  return {
    type: 'stat',
    title: look.title,
    datasource: DATA_SOURCE,
    fieldConfig: {
      defaults: { noValue: '–', mappings: [{ type: 'value', options: Object.fromEntries(entries) }] },
      overrides: [],
    },
    options: {
      colorMode: 'background',
      graphMode: 'none',
      justifyMode: 'center',
      orientation: 'auto',
      percentChangeColorMode: 'standard',
      reduceOptions: { calcs: ['lastNotNull'], fields: '/.*/', values: false },
      showPercentChange: false,
      textMode: 'value',
      wideLayout: true,
    },
    targets: [query(name, 'table')],
  };
}

export interface TableLook {
  title: string;
  /** Of the columns that are not plain numbers or texts. */
  columns?: Record<
    string,
    { unit?: string; hidden?: true; colours?: Record<string, string>; link?: { title: string; url: string } }
  >;
  noValue: string;
}

export function table(name: string, { title, columns = {}, noValue }: TableLook): TablePanel {
  return {
    type: 'table',
    title,
    datasource: DATA_SOURCE,
    fieldConfig: {
      defaults: { noValue, custom: { wrapText: true, cellOptions: { type: 'auto' } } },
      overrides: Object.entries(columns).map(([column, { unit, hidden, colours, link }]) => ({
        matcher: { id: 'byName', options: column },
        properties: [
          ...(unit ? [{ id: 'unit', value: unit }] : []),
          ...(hidden ? [{ id: 'custom.hideFrom.viz', value: true }] : []),
          ...(link ? [{ id: 'links', value: [link] }] : []),
          ...(colours
            ? [
                { id: 'custom.cellOptions', value: { type: 'color-text' } },
                {
                  id: 'mappings',
                  value: Object.entries(colours).map(([text, color]) => ({
                    type: 'value',
                    options: { [text]: { color } },
                  })),
                },
              ]
            : []),
        ],
      })),
    },
    options: { showHeader: true, cellHeight: 'sm', frameIndex: 0 },
    targets: [query(name, 'table')],
  };
}

/** Grafana's grid has 24 columns: the panels of a row share it by their weights. */
export function layOut(rows: Array<{ height: number; panels: Array<[weight: number, panel: AnyPanel]> }>): AnyPanel[] {
  const placed: AnyPanel[] = [];
  let y = 0;
  for (const { height, panels } of rows) {
    const whole = panels.reduce((sum, [weight]) => sum + weight, 0);
    let x = 0;
    for (const [weight, panel] of panels) {
      const w = Math.round((weight / whole) * 24);
      placed.push({ ...panel, id: placed.length + 1, gridPos: { x, y, w, h: height } });
      x += w;
    }
    y += height;
  }
  return placed;
}
