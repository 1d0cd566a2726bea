/** Which charts a report has, and their columns, in the compact form that is inlined into the page. */
import type { ReportModel } from '../report-model.ts';
import { SAMPLES_GONE, samplesGone } from '../samples-gone.ts';
import { distributionAxis } from './chart-distribution.ts';
import { faultMarks } from './chart-faults.ts';
import { heatCharts } from './chart-heat.ts';
import { distributionChart, latencyChart, throughputChart } from './chart-load.ts';
import type { Chart, ChartData } from './chart-model.ts';
import { connectingChart, connectionsChart, cpuChart, delayChart, memoryChart } from './chart-resources.ts';
import { type TimeAxis, timeAxis } from './chart-series.ts';

export function chartData(model: ReportModel): ChartData {
  const axis = modelAxis(model) ?? { startMs: 0, stepSeconds: 1, length: 0 };
  const counts = model.distributions.map((each) => each.count);
  const distribution = distributionAxis(Math.max(1, ...counts));
  const charts = [
    latencyChart(model, axis),
    ...heatCharts(model, axis),
    throughputChart(model, axis),
    connectionsChart(model, axis),
    connectingChart(model, axis),
    memoryChart(model, axis),
    cpuChart(model, axis),
    delayChart(model, axis),
    distributionChart(model, distribution),
  ];
  return {
    time: { step: axis.stepSeconds, length: axis.length },
    distribution,
    phases: (model.summary?.phases ?? []).map(({ phase, startMs, endMs }) => ({
      name: phase,
      from: (startMs - axis.startMs) / 1000,
      to: (endMs - axis.startMs) / 1000,
    })),
    faults: faultMarks(model, axis),
    charts: samplesGone(model) ? charts.map(withoutSamples) : charts,
  };
}

/** What an empty chart says of a run that recorded nothing would not be true. */
function withoutSamples(chart: Chart): Chart {
  const said = { series: [], words: SAMPLES_GONE, empty: SAMPLES_GONE };
  return {
    ...chart,
    variants: chart.variants.map((variant) =>
      variant.empty === undefined ? variant : { label: variant.label, unit: variant.unit, ...said },
    ),
  };
}

/** From the first sample or phase to the last; null when there is neither. */
function modelAxis(model: ReportModel): TimeAxis | null {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  const rows = [
    ...Object.values(model.percentiles),
    ...Object.values(model.counters),
    ...Object.values(model.gauges).flatMap((sources) => Object.values(sources)),
  ];
  for (const points of rows) {
    for (const { atMs } of points) {
      from = Math.min(from, atMs);
      to = Math.max(to, atMs + 1000 * (model.stepSeconds ?? 1));
    }
  }
  for (const { startMs, endMs } of model.summary?.phases ?? []) {
    from = Math.min(from, startMs);
    to = Math.max(to, endMs);
  }
  return timeAxis(from, to, model.stepSeconds);
}
