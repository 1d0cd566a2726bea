/**
 * From a population to load: daily active users, messages a day, payload and the hourly curve give connections, messages/s
 * and bytes/s, for the whole and for a slice of it. Pure; the working is spelled out line by line.
 */
import { formatBytes, formatCount, formatNumber } from '../units.ts';
import { HOURLY_CURVES, normalisedCurve } from './hourly-curves.ts';

/** The hourly curve that is taken when none is given: the regional one. */
export const HOURLY_CURVE: readonly number[] = HOURLY_CURVES.regional;

export interface PopulationInput {
  /** Daily active users of the whole service. */
  dau: number;
  messagesPerUserPerDay: number;
  messageBytes: number;
  /** Share of the users who are connected at the same time, above 0 to 1. Default 1: all of them at once. */
  shareOnline?: number;
  /** 24 numbers ≥ 0, local hours; only their proportions count. Default HOURLY_CURVE. */
  hourlyCurve?: readonly number[];
  /** The slice is one node of this many, or `sliceNodes` of them. Default 1: the whole. */
  nodes?: number;
  /** Nodes that make up the slice, whole, 1 to `nodes`. Default 1. */
  sliceNodes?: number;
  /** A slice of so many connections instead of the nodes'. */
  connections?: number;
}

/** One rate in two units. Bytes are payload only, in one direction. */
export interface Rate {
  messagesPerSecond: number;
  bytesPerSecond: number;
}

export interface PopulationRates {
  whole: { connections: number; mean: Rate; peak: Rate };
  /** What the nodes of the slice, or the given number of connections, have of it. */
  slice: { connections: number; mean: Rate; peak: Rate };
  /** Rate of the busiest hour ÷ mean rate. */
  peakFactor: number;
  /** The busiest hour, 0–23. */
  peakHour: number;
  /** How the figures follow from the input, a line each. */
  derivation: string[];
}

const SECONDS_PER_DAY = 86_400;

/**
 * mean messages/s = DAU × messages/user/day ÷ 86,400; connections = DAU × share online; both × slice nodes ÷ nodes for the
 * slice; peak = mean × the busiest hour of the curve. Throws RangeError for a wrong curve or number of slice nodes.
 */
export function populationRates(input: PopulationInput): PopulationRates {
  const { dau, messagesPerUserPerDay, messageBytes, shareOnline = 1, hourlyCurve = HOURLY_CURVE } = input;
  const { nodes = 1, sliceNodes = 1 } = input;
  if (!Number.isSafeInteger(sliceNodes) || sliceNodes < 1 || sliceNodes > nodes)
    throw new RangeError(`a slice has 1 to ${formatCount(nodes)} nodes of ${formatCount(nodes)}, not ${sliceNodes}`);
  const peak = hourlyPeak(hourlyCurve);
  const rate = (messagesPerSecond: number): Rate => ({
    messagesPerSecond,
    bytesPerSecond: messagesPerSecond * messageBytes,
  });

  const online = dau * shareOnline;
  const nodeConnections = Math.round((online * sliceNodes) / nodes);
  const connections = input.connections ?? nodeConnections;
  const isOfNodes = connections === nodeConnections;
  const mean = (dau * messagesPerUserPerDay) / SECONDS_PER_DAY;
  const sliceMean = isOfNodes ? (mean * sliceNodes) / nodes : (mean * connections) / online;
  const slice = isOfNodes ? nodesInWords(sliceNodes, nodes, connections) : connectionsInWords(connections, online);

  const derivation = [
    shareOnline === 1
      ? `${formatCount(dau)} users, all online at once = ${formatCount(online)} connections`
      : `${formatCount(dau)} users × ${formatNumber(shareOnline)} online at once = ${formatCount(online)} connections`,
    ...slice.connections,
    `${formatCount(dau)} DAU × ${formatNumber(messagesPerUserPerDay)} messages ÷ 86,400 s = ${formatNumber(mean)} messages/s for all`,
    ...slice.shares.map((share) => `${share} = ${formatNumber(sliceMean)}/s ${slice.name}`),
    `× ${formatNumber(peak.factor)} at the hourly peak (${peak.hour}–${peak.hour + 1} h) = ${formatNumber(sliceMean * peak.factor)}/s ${slice.name}`,
    `× ${formatCount(messageBytes)} bytes = ${formatBytes(sliceMean * messageBytes)}/s in the mean, ` +
      `${formatBytes(sliceMean * peak.factor * messageBytes)}/s at the peak ${slice.name}`,
  ];

  return {
    whole: { connections: online, mean: rate(mean), peak: rate(mean * peak.factor) },
    slice: { connections, mean: rate(sliceMean), peak: rate(sliceMean * peak.factor) },
    peakFactor: peak.factor,
    peakHour: peak.hour,
    derivation,
  };
}

interface SliceInWords {
  name: string;
  /** How its connections follow from the whole: one line, or none when it is the whole. */
  connections: string[];
  /** The share of the rate that it has, as a factor; likewise. */
  shares: string[];
}

function nodesInWords(sliceNodes: number, nodes: number, connections: number): SliceInWords {
  if (sliceNodes === nodes) return { name: 'for all', connections: [], shares: [] };
  const of = formatCount(nodes);
  const name = sliceNodes === 1 ? 'a node' : `on ${formatCount(sliceNodes)} nodes`;
  const share = sliceNodes === 1 ? `÷ ${of} nodes` : `× ${formatCount(sliceNodes)} of ${of} nodes`;
  return { name, connections: [`${share} = ${formatCount(connections)} connections ${name}`], shares: [share] };
}

function connectionsInWords(connections: number, online: number): SliceInWords {
  return {
    name: 'for the slice',
    connections: [
      `the slice: ${formatCount(connections)} of these connections, 1 of ${formatNumber(online / connections)}`,
    ],
    shares: [`× ${formatCount(connections)} of ${formatCount(online)} connections`],
  };
}

/** Throws RangeError unless the curve has 24 numbers ≥ 0, not all 0. */
function hourlyPeak(curve: readonly number[]): { factor: number; hour: number } {
  const factors = normalisedCurve(curve);
  const factor = Math.max(...factors);
  return { factor, hour: factors.indexOf(factor) };
}
