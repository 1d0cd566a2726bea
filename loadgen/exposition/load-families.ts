/** Families that agents and runs have in common: connections and messages. */
import type { AgentProgress } from '../control/control-channel.ts';
import type { MetricFamily } from './prometheus-text.ts';

export interface Labelled<Value> {
  labels: Record<string, string>;
  value: Value;
}

interface ProgressFamily {
  name: string;
  type: MetricFamily['type'];
  help: string;
  read: (progress: AgentProgress) => number;
}

const PROGRESS: ProgressFamily[] = [
  { name: 'connections', type: 'gauge', help: 'Open connections.', read: (p) => p.connections },
  { name: 'connecting', type: 'gauge', help: 'Connections being opened.', read: (p) => p.connecting },
  {
    name: 'reconnecting',
    type: 'gauge',
    help: 'Connections that were lost and are being opened again.',
    read: (p) => p.reconnecting,
  },
  {
    name: 'connections_lost_total',
    type: 'counter',
    help: 'Connections that ended and could not be resumed.',
    read: (p) => p.lost,
  },
  { name: 'messages_sent_total', type: 'counter', help: 'Messages handed to the socket.', read: (p) => p.sent },
  {
    name: 'messages_acknowledged_total',
    type: 'counter',
    help: 'Messages that the server acknowledged as stored.',
    read: (p) => p.acknowledged,
  },
  {
    name: 'messages_delivered_total',
    type: 'counter',
    help: 'Messages that reached a receiving device, each counted once.',
    read: (p) => p.delivered,
  },
  {
    name: 'messages_duplicated_total',
    type: 'counter',
    help: 'Deliveries of a message that had been delivered before.',
    read: (p) => p.duplicated,
  },
  {
    name: 'messages_reordered_total',
    type: 'counter',
    help: 'Deliveries after a later message of the same sender.',
    read: (p) => p.reordered,
  },
  {
    name: 'messages_dropped_total',
    type: 'counter',
    help: 'Messages that could not be started on time.',
    read: (p) => p.dropped,
  },
  {
    name: 'messages_unacknowledged',
    type: 'gauge',
    help: 'Sends that the server has not answered.',
    read: (p) => p.unacknowledged,
  },
];

/** @param prefix `plimsoll_agent` or `plimsoll_run`. */
export function progressFamilies(prefix: string, of: Array<Labelled<AgentProgress>>): MetricFamily[] {
  const failed: MetricFamily = {
    name: `${prefix}_connections_failed`,
    type: 'gauge',
    help: 'Connections asked for that could not be opened so far, by whose fault it is.',
    samples: of.flatMap(({ labels, value: { failed: causes } }) => [
      { labels: { ...labels, side: 'generator' }, value: causes.generator },
      { labels: { ...labels, side: 'server' }, value: causes.server },
    ]),
  };
  const families = PROGRESS.map(({ name, type, help, read }) => ({
    ...{ name: `${prefix}_${name}`, type, help },
    samples: of.map(({ labels, value }) => ({ labels, value: read(value) })),
  }));
  return [...families, failed];
}

/** 1 for the phase it is in, 0 for the others. */
export function phaseFamily(prefix: string, phases: readonly string[], of: Array<Labelled<string>>): MetricFamily {
  return {
    name: `${prefix}_phase`,
    type: 'gauge',
    help: '1 for the phase that it is in, 0 for the others.',
    samples: of.flatMap(({ labels, value }) =>
      phases.map((phase) => ({ labels: { ...labels, phase }, value: Number(phase === value) })),
    ),
  };
}

/** A gauge of those of which it is known. */
export function gaugeFamily(name: string, help: string, of: Array<Labelled<number | null>>): MetricFamily {
  const known = of.filter((each): each is Labelled<number> => each.value !== null);
  return { name, type: 'gauge', help, samples: known };
}
