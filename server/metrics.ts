/** The node's figures in Prometheus' text format. */
import type { ShardStats } from './stats.ts';
import { circuitNumber } from './store-health.ts';
import type { NodeStats } from './supervisor.ts';

interface Family {
  name: string;
  type: 'gauge' | 'counter';
  help: string;
  read: (stats: ShardStats) => number;
}

const FAMILIES: Family[] = [
  { name: 'connections', type: 'gauge', help: 'Open connections.', read: (s) => s.connections },
  { name: 'polling_devices', type: 'gauge', help: 'Devices that poll.', read: (s) => s.polling },
  { name: 'connections_opened_total', type: 'counter', help: 'Connections opened.', read: (s) => s.connectionsOpened },
  { name: 'connections_closed_total', type: 'counter', help: 'Connections closed.', read: (s) => s.connectionsClosed },
  {
    name: 'slow_consumers_total',
    type: 'counter',
    help: 'Connections closed because they did not read.',
    read: (s) => s.slowConsumers,
  },
  {
    name: 'malformed_total',
    type: 'counter',
    help: 'Connections closed for a malformed frame.',
    read: (s) => s.malformed,
  },
  {
    name: 'unauthorised_total',
    type: 'counter',
    help: 'Connections refused for their token.',
    read: (s) => s.unauthorised,
  },
  {
    name: 'redirected_total',
    type: 'counter',
    help: 'Connections sent to another process.',
    read: (s) => s.redirected,
  },
  { name: 'users_in_memory', type: 'gauge', help: 'Users whose state is in memory.', read: (s) => s.users },
  {
    name: 'messages_sent_total',
    type: 'counter',
    help: 'Messages stored and acknowledged.',
    read: (s) => s.messages.sent,
  },
  {
    name: 'messages_repeated_total',
    type: 'counter',
    help: 'Sends recognised as repeats.',
    read: (s) => s.messages.repeated,
  },
  {
    name: 'messages_received_total',
    type: 'counter',
    help: 'Entries appended to recipients’ timelines.',
    read: (s) => s.messages.received,
  },
  {
    name: 'messages_stored_offline_total',
    type: 'counter',
    help: 'Entries for users without a device.',
    read: (s) => s.messages.storedOffline,
  },
  {
    name: 'messages_delivered_total',
    type: 'counter',
    help: 'Entries acknowledged by a device.',
    read: (s) => s.messages.delivered,
  },
  {
    name: 'messages_forwarded_total',
    type: 'counter',
    help: 'Messages sent to another volume.',
    read: (s) => s.messages.forwarded,
  },
  {
    name: 'messages_rate_limited_total',
    type: 'counter',
    help: 'Sends refused for the rate of their user.',
    read: (s) => s.messages.rateLimited,
  },
  {
    name: 'address_rate_limited_total',
    type: 'counter',
    help: 'Requests and upgrades refused for the rate of their address.',
    read: (s) => s.addressLimited,
  },
  {
    name: 'group_messages_total',
    type: 'counter',
    help: 'Messages that groups have ordered.',
    read: (s) => s.messages.groupMessages,
  },
  {
    name: 'notifications_sent_total',
    type: 'counter',
    help: 'Notifications that a provider accepted.',
    read: (s) => s.notifications.sent,
  },
  {
    name: 'notifications_retried_total',
    type: 'counter',
    help: 'Attempts to notify that were put off to be repeated.',
    read: (s) => s.notifications.retried,
  },
  {
    name: 'notifications_given_up_total',
    type: 'counter',
    help: 'Notifications given up.',
    read: (s) => s.notifications.givenUp,
  },
  {
    name: 'notifications_registrations_removed_total',
    type: 'counter',
    help: 'Registrations removed because their provider called them void.',
    read: (s) => s.notifications.removed,
  },
  {
    name: 'notifications_queued',
    type: 'gauge',
    help: 'Users about to be notified and notifications under way.',
    read: (s) => s.notifications.queued,
  },
  {
    name: 'presence_subscriptions',
    type: 'gauge',
    help: 'Users watched by devices, counted for each device.',
    read: (s) => s.presenceSubscriptions,
  },
  {
    name: 'presence_told_total',
    type: 'counter',
    help: 'Changes of presence told to those who watch.',
    read: (s) => s.messages.presenceTold,
  },
  { name: 'outbox_unconfirmed', type: 'gauge', help: 'Outbox records not yet confirmed.', read: (s) => s.unconfirmed },
  { name: 'commits_total', type: 'counter', help: 'Group commits.', read: (s) => s.commits },
  {
    name: 'commit_failures_total',
    type: 'counter',
    help: 'Group commits that failed and were tried again.',
    read: (s) => s.commitFailures,
  },
  { name: 'store_healthy', type: 'gauge', help: '1 while the store takes writes.', read: (s) => Number(s.healthy) },
  {
    name: 'store_circuit',
    type: 'gauge',
    help: '0 closed: the store takes messages; 1 half-open: it is being tried again; 2 open.',
    read: (s) => circuitNumber(s.store.circuit),
  },
  {
    name: 'store_trouble_seconds',
    type: 'gauge',
    help: 'How long the store has not taken messages.',
    read: (s) => s.store.troubleSeconds,
  },
  {
    name: 'store_waiting_bytes',
    type: 'gauge',
    help: 'Bytes that wait for the store.',
    read: (s) => s.store.waitingBytes,
  },
  {
    name: 'dead_letters_open',
    type: 'gauge',
    help: 'Messages in the dead-letter log that neither the store nor a replay has taken.',
    read: (s) => s.store.deadLettersOpen,
  },
  {
    name: 'dead_letters_written_total',
    type: 'counter',
    help: 'Messages written to the dead-letter log.',
    read: (s) => s.store.deadLettersWritten,
  },
  { name: 'cpu_seconds_total', type: 'counter', help: 'CPU time of the process.', read: (s) => s.cpuSeconds },
  { name: 'resident_memory_bytes', type: 'gauge', help: 'Resident memory.', read: (s) => s.rssBytes },
  { name: 'heap_used_bytes', type: 'gauge', help: 'JavaScript heap in use.', read: (s) => s.heapUsedBytes },
  {
    name: 'loop_delay_p99_seconds',
    type: 'gauge',
    help: 'Event-loop delay p99 of the last second.',
    read: (s) => s.loopDelayP99Ms / 1_000,
  },
  {
    name: 'loop_delay_max_seconds',
    type: 'gauge',
    help: 'Longest event-loop delay of the last second.',
    read: (s) => s.loopDelayMaxMs / 1_000,
  },
];

export function prometheusText(node: NodeStats): string {
  const lines = [
    '# HELP plimsoll_shard_up 1 while the shard process serves.',
    '# TYPE plimsoll_shard_up gauge',
    ...node.shards.map(({ index, up }) => `plimsoll_shard_up{shard="${index}"} ${Number(up)}`),
    '# HELP plimsoll_shard_given_up 1 once the process could not be started and others serve its volumes.',
    '# TYPE plimsoll_shard_given_up gauge',
    ...node.shards.map(({ index, givenUp }) => `plimsoll_shard_given_up{shard="${index}"} ${Number(givenUp)}`),
    '# HELP plimsoll_restarts_total Times the process was started again.',
    '# TYPE plimsoll_restarts_total counter',
    ...node.shards.map(({ index, restarts }) => `plimsoll_restarts_total{shard="${index}"} ${restarts}`),
    '# HELP plimsoll_volumes Volumes that the process serves.',
    '# TYPE plimsoll_volumes gauge',
    ...node.shards.map(({ index, volumes }) => `plimsoll_volumes{shard="${index}"} ${volumes.length}`),
    '# HELP plimsoll_volumes_without_owner Volumes that no process serves.',
    '# TYPE plimsoll_volumes_without_owner gauge',
    `plimsoll_volumes_without_owner ${node.volumesWithoutOwner.length}`,
    '# HELP plimsoll_takeovers_total Volumes given to another process because their own could not be started.',
    '# TYPE plimsoll_takeovers_total counter',
    `plimsoll_takeovers_total ${node.takeovers}`,
    '# HELP plimsoll_uptime_seconds Since the node was started.',
    '# TYPE plimsoll_uptime_seconds gauge',
    `plimsoll_uptime_seconds ${node.uptimeSeconds}`,
    '# HELP plimsoll_supervisor_cpu_seconds_total CPU time of the process that answers here and starts the others.',
    '# TYPE plimsoll_supervisor_cpu_seconds_total counter',
    `plimsoll_supervisor_cpu_seconds_total ${node.supervisor.cpuSeconds}`,
    '# HELP plimsoll_supervisor_resident_memory_bytes Resident memory of that process.',
    '# TYPE plimsoll_supervisor_resident_memory_bytes gauge',
    `plimsoll_supervisor_resident_memory_bytes ${node.supervisor.rssBytes}`,
  ];
  for (const { name, type, help, read } of FAMILIES) {
    lines.push(`# HELP plimsoll_${name} ${help}`, `# TYPE plimsoll_${name} ${type}`);
    for (const shard of node.shards) {
      if (shard.stats) lines.push(`plimsoll_${name}{shard="${shard.index}"} ${read(shard.stats)}`);
    }
  }
  lines.push('# HELP plimsoll_closes_total Connections closed by the server, by reason.');
  lines.push('# TYPE plimsoll_closes_total counter');
  for (const { index, stats } of node.shards) {
    for (const [reason, count] of Object.entries(stats?.closes ?? {}))
      lines.push(`plimsoll_closes_total{shard="${index}",reason="${reason}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
