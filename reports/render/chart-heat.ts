/** The heat map of latency over time: where samples were many, and the few far above them that percentiles of a second hide. */
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { HeatMap, ReportModel } from '../report-model.ts';
import { LATENCIES_FIRST, latencyEmpty } from './chart-load.ts';
import type { Chart, ChartHeat, ChartVariant } from './chart-model.ts';
import { compactColumn, percentileColumn, type TimeAxis } from './chart-series.ts';
import { formatClock, formatCount, formatMs, formatPlural } from './format.ts';

/** None where percentiles were gathered and maps were not, as in a run that is under way. */
export function heatCharts(model: ReportModel, axis: TimeAxis): Chart[] {
  const recorded = Object.values(model.percentiles).some((points) => points.length > 0);
  return model.heatMaps.length === 0 && recorded ? [] : [heatChart(model, axis)];
}

function heatChart(model: ReportModel, axis: TimeAxis): Chart {
  const wanted = [...new Set([...LATENCIES_FIRST, ...TRENDS])];
  const maps = wanted.flatMap((metric) => model.heatMaps.find((each) => each.metric === metric && isDrawn(each)) ?? []);
  const step = Math.max(1, ...maps.map(({ stepSeconds }) => stepSeconds));
  const columns = step === 1 ? 'A column is one second' : `A column is up to ${formatPlural(step, 'second')}`;
  return {
    id: 'heat',
    title: 'Latency, every sample',
    about: `${columns}, a row one step of latency on a logarithmic axis; the stronger the colour, the more samples. A single slow message shows.`,
    kind: 'time',
    variants: maps.length > 0 ? maps.map((map) => heatVariant(model, axis, map)) : [emptyVariant()],
  };
}

function isDrawn({ columns }: HeatMap): boolean {
  return columns.some(({ counts }) => counts.length > 0);
}

function emptyVariant(): ChartVariant {
  const empty = latencyEmpty('delivery_latency');
  return { label: 'delivery_latency', unit: 'ms', series: [], words: empty, empty };
}

function heatVariant(model: ReportModel, axis: TimeAxis, map: HeatMap): ChartVariant {
  const points = model.percentiles[map.metric] ?? [];
  const line = (pick: 'p50' | 'p99') => compactColumn(percentileColumn(axis, points, pick));
  return {
    label: map.metric,
    unit: 'ms',
    series: [
      { label: 'p99', colour: 'heat-line', values: line('p99') },
      { label: 'p50', colour: 'heat-line', dashed: true, values: line('p50') },
    ],
    words: heatWords(map, axis),
    logarithmic: true,
    heat: chartHeat(map, axis),
  };
}

function chartHeat({ startMs, stepSeconds, rowsPerOctave, columns }: HeatMap, axis: TimeAxis): ChartHeat {
  return {
    from: (startMs - axis.startMs) / 1000,
    step: stepSeconds,
    rowsPerOctave,
    columns: columns.map(({ row, counts }) => (counts.length === 0 ? [] : [row, ...counts])),
  };
}

function heatWords(map: HeatMap, axis: TimeAxis): string {
  const sums = new Map<number, number>();
  let slowest = { row: -1, column: 0 };
  map.columns.forEach(({ row, counts }, column) => {
    for (const [index, count] of counts.entries()) sums.set(row + index, (sums.get(row + index) ?? 0) + count);
    if (counts.length > 0 && row + counts.length - 1 > slowest.row) slowest = { row: row + counts.length - 1, column };
  });
  const [most = [0, 0] as [number, number]] = [...sums].sort((a, b) => b[1] - a[1]);
  const total = [...sums.values()].reduce((sum, count) => sum + count, 0);
  const at = formatClock((map.startMs - axis.startMs) / 1000 + slowest.column * map.stepSeconds);
  return (
    `${formatCount(total)} samples of ${map.metric}; most often, ${formatCount(most[1])} times, it was ${rowText(map, most[0])}; ` +
    `the slowest took ${rowText(map, slowest.row)}, at ${at}`
  );
}

function rowText({ rowsPerOctave }: HeatMap, row: number): string {
  const edge = (of: number) => formatMs(2 ** (of / rowsPerOctave) / 1000);
  return `${edge(row)} to ${edge(row + 1)}`;
}
