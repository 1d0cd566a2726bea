/** Charts of what the load cost: connections, memory, CPU, delays. */
import { type CounterName, type GaugeName, MEMORY_CONNECTIONS_LEAST } from '../../loadgen/recorder/metrics.ts';
import type { ReportModel } from '../report-model.ts';
import { bytesVariant, highest, type Points, sourcesOf, timeVariant } from './chart-build.ts';
import type { Chart, ChartColour, ChartSeries } from './chart-model.ts';
import { type Column, maxColumn, percentileColumn, rateColumn, sumColumn, type TimeAxis } from './chart-series.ts';
import { formatCount } from './format.ts';

/** Below that many, memory per connection is noisy. */
const FEW_CONNECTIONS = 5_000;

export function connectionsChart(model: ReportModel, axis: TimeAxis): Chart {
  const agents = sourcesOf(model, 'connections', (source) => source.startsWith('agent'));
  const servers = sourcesOf(model, 'connections', (source) => !source.startsWith('agent'));
  const series: ChartSeries[] = [];
  if (agents.length > 0)
    series.push({ label: 'open at the agents', colour: 'c3', width: 2, values: sumColumn(axis, agents, 'lowest') });
  if (servers.length > 0)
    series.push({
      label: 'open at the server',
      colour: 'c1',
      dashed: true,
      values: sumColumn(axis, servers, 'lowest'),
    });
  const empty = 'No process reported its open connections.';
  return {
    id: 'connections',
    title: 'Connections',
    about: 'Open connections, all processes together.',
    kind: 'time',
    variants: [timeVariant(axis, { label: 'connections', unit: '', series, empty })],
  };
}

/** Of connections opened again after a loss as well: `connect_latency` has a sample of each that was welcomed. */
export function connectingChart(model: ReportModel, axis: TimeAxis): Chart {
  const welcomed = (model.percentiles.connect_latency ?? []).map(({ atMs, count }) => ({ atMs, value: count }));
  const counted = (name: CounterName, label: string, colour: ChartColour): ChartSeries[] => {
    const points = model.counters[name] ?? [];
    return points.some(({ value }) => value > 0) ? [{ label, colour, values: rateColumn(axis, points) }] : [];
  };
  const series: ChartSeries[] = [
    ...(welcomed.length > 0
      ? [{ label: 'opened', colour: 'c3', width: 2, values: rateColumn(axis, welcomed) } as const]
      : []),
    ...counted('reconnects', 'opened again after a loss', 'c2'),
    ...counted('connect_failed', 'failed', 'c4'),
  ];
  const empty = 'No connection was opened or refused while samples were taken.';
  return {
    id: 'connecting',
    title: 'Connect rate',
    about: 'Connections that the server welcomed in a second, and attempts that failed.',
    kind: 'time',
    variants: [timeVariant(axis, { label: 'connect rate', unit: 'connections/s', series, empty })],
  };
}

export function memoryChart(model: ReportModel, axis: TimeAxis): Chart {
  const server = sourcesOf(model, 'server_rss_bytes');
  const agents = sourcesOf(model, 'agent_rss_bytes');
  const kernel = [...sourcesOf(model, 'kernel_slab_bytes'), ...sourcesOf(model, 'kernel_socket_bytes')];
  const connections = connectionColumn(model, axis);
  const most = highest(connections).value;
  const few = most > 0 && most < MEMORY_CONNECTIONS_LEAST;
  const all = (sources: Points[]) => sumColumn(axis, sources);
  const each = (label: string, colour: ChartColour, sources: Points[], measured: GaugeName): ChartSeries => {
    if (few) return { label, colour, values: [] };
    const values = perConnection(axis, sources, connections);
    if (values.some((value) => value !== null)) return { label, colour, values };
    return { label: `${label}, measured once`, colour, dashed: true, values: measuredColumn(model, axis, measured) };
  };
  const totals = bytesVariant(axis, 'memory in all', 'No process reported its memory.', [
    { label: 'server', colour: 'c3', width: 2, values: all(server) },
    { label: 'generator', colour: 'c2', values: all(agents) },
    { label: 'kernel', colour: 'c5', values: all(kernel) },
  ]);
  const shares = bytesVariant(
    axis,
    'memory per connection',
    few
      ? `Too few connections: of ${formatCount(most)}, the share can’t be told from what the processes grow by anyway. It takes ${formatCount(MEMORY_CONNECTIONS_LEAST)}.`
      : 'Memory per connection needs both the memory and the open connections of the run, from before the first connection on.',
    [
      { ...each('server', 'c3', server, 'server_memory_bytes_per_connection'), width: 2 },
      each('generator', 'c2', agents, 'generator_memory_bytes_per_connection'),
      each('kernel (both ends)', 'c5', kernel, 'kernel_memory_bytes_per_connection'),
    ],
  );
  return {
    id: 'memory',
    title: 'Memory',
    about: few
      ? `Per connection it is not shown: it takes ${formatCount(MEMORY_CONNECTIONS_LEAST)} of them.`
      : `Per connection: growth since the first sample ÷ open connections, drawn while at least half of them are open and the growth is above zero.${most < FEW_CONNECTIONS ? ` With ${formatCount(most)} connections, what the processes grow and shrink by anyway is a good part of it.` : ''}${kernel.length === 0 ? ' The kernel’s share was not reported.' : ''}`,
    kind: 'time',
    variants: few ? [totals, shares] : [shares, totals],
  };
}

export function cpuChart(model: ReportModel, axis: TimeAxis): Chart {
  const server = sourcesOf(model, 'server_cpu');
  const agents = sourcesOf(model, 'agent_cpu');
  const series: ChartSeries[] = [];
  if (server.length > 0) series.push({ label: 'server', colour: 'c3', width: 2, values: sumColumn(axis, server) });
  if (server.length > 1)
    series.push({ label: 'busiest server process', colour: 'c4', values: maxColumn(axis, server) });
  if (agents.length > 0) series.push({ label: 'agents', colour: 'c2', values: sumColumn(axis, agents) });
  if (agents.length > 1) series.push({ label: 'busiest agent', colour: 'c1', values: maxColumn(axis, agents) });
  const machine = sourcesOf(model, 'machine_cpu');
  if (machine.length > 0)
    series.push({ label: 'whole machine', colour: 'c5', dashed: true, values: sumColumn(axis, machine) });
  const cores = model.summary?.metadata.machine.cores;
  const empty = 'No process reported its CPU use.';
  const limit =
    cores === undefined
      ? {}
      : { limit: { label: `the machine’s ${cores} cores`, value: cores, neutral: true as const } };
  return {
    id: 'cpu',
    title: 'CPU',
    about:
      'Cores in use. An agent near one whole core would make the run inconclusive, and so may other work on its machine.',
    kind: 'time',
    variants: [timeVariant(axis, { label: 'cores', unit: 'cores', series, empty, ...limit })],
  };
}

export function delayChart(model: ReportModel, axis: TimeAxis): Chart {
  const server = sourcesOf(model, 'server_loop_delay');
  const agents = sourcesOf(model, 'agent_loop_delay');
  const slip = model.percentiles.send_slip ?? [];
  const series: ChartSeries[] = [];
  if (server.length > 0)
    series.push({ label: 'server loop delay', colour: 'c3', width: 2, values: maxColumn(axis, server) });
  if (agents.length > 0) series.push({ label: 'agent loop delay', colour: 'c2', values: maxColumn(axis, agents) });
  if (slip.length > 0)
    series.push({ label: 'send slip p99', colour: 'c5', values: percentileColumn(axis, slip, 'p99') });
  const empty = 'No process reported its event-loop delay, and nothing was sent that could slip.';
  return {
    id: 'delay',
    title: 'Loop delay and send slip',
    about:
      'How late the event loop of the worst process of each kind ran (p99 of each second), and how late messages left the generator.',
    kind: 'time',
    variants: [timeVariant(axis, { label: 'delay', unit: 'ms', series, empty })],
  };
}

/** Connections as the agents count them; as the server does where no agent reported. */
function connectionColumn(model: ReportModel, axis: TimeAxis): Column {
  const agents = sourcesOf(model, 'connections', (source) => source.startsWith('agent'));
  return sumColumn(axis, agents.length > 0 ? agents : sourcesOf(model, 'connections'));
}

/** What the run measured of all connections at once, over its steady phase: for processes that were first seen with connections open. */
function measuredColumn({ gauges, summary }: ReportModel, axis: TimeAxis, gauge: GaugeName): Column {
  const value = Object.values(gauges[gauge] ?? {})[0]?.at(-1)?.value ?? null;
  const steady = summary?.phases.find(({ phase }) => phase === 'steady');
  return Array.from({ length: axis.length }, (_, index) => {
    const atMs = axis.startMs + index * axis.stepSeconds * 1000;
    return steady && atMs >= steady.startMs && atMs <= steady.endMs ? value : null;
  });
}

/** Growth over each process's first sample ÷ open connections; null where too few are open to divide by. */
function perConnection(axis: TimeAxis, sources: Points[], connections: Column): Column {
  const most = highest(connections).value;
  const bytes = sumColumn(axis, sources);
  const first = bytes.findIndex((value) => value !== null);
  // A first sample with many connections open already is no empty state to subtract.
  if (most === 0 || first < 0 || (connections[first] ?? 0) > most * 0.1) return bytes.map(() => null);
  const empty = sources.reduce((sum, points) => sum + (points[0]?.value ?? 0), 0);
  return bytes.map((value, index) => {
    const open = connections[index] ?? 0;
    // Less than at first is noise, which no connection costs.
    return value === null || open < most * 0.5 || value < empty ? null : (value - empty) / open;
  });
}
