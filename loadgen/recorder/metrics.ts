/** Every metric name, its kind and its unit. The names are a contract (command line documentation, dashboards, scripts). */

export const TRENDS = [
  'connect_latency',
  'sent_latency',
  'delivery_latency',
  'delivered_latency',
  'fanout_latency',
  'fanout_last_latency',
  'resume_latency',
  'http_req_duration',
  'send_slip',
  'sent_latency_service',
  'delivery_latency_service',
  'delivered_latency_service',
] as const;

export const COUNTERS = [
  'messages_sent',
  'messages_acknowledged',
  'messages_delivered',
  'deliveries_expected',
  'messages_lost',
  'messages_duplicated',
  'messages_reordered',
  'messages_dropped',
  'connect_failed',
  'reconnects',
  'http_reqs',
  'presence_updates',
] as const;

/** Shares of 0 to 1, as in k6. A row of one counts what it names, out of what `RATE_TOTALS` counts. */
export const RATES = ['http_req_failed'] as const;

/** With fewer connections their memory can't be told from what a heap breathes: it is not measured. */
export const MEMORY_CONNECTIONS_LEAST = 500;

export const GAUGES = [
  'connections',
  'server_cpu',
  'server_rss_bytes',
  'server_loop_delay',
  'server_messages',
  'agent_cpu',
  'agent_rss_bytes',
  'agent_loop_delay',
  'machine_cpu',
  'machine_stolen_cpu',
  'kernel_slab_bytes',
  'kernel_socket_bytes',
  'fault_recovery_seconds',
  'server_memory_bytes_per_connection',
  'generator_memory_bytes_per_connection',
  'kernel_memory_bytes_per_connection',
  'server_cpu_microseconds_per_message',
] as const;

export type TrendName = (typeof TRENDS)[number];
export type CounterName = (typeof COUNTERS)[number];
export type RateName = (typeof RATES)[number];
export type GaugeName = (typeof GAUGES)[number];
export type MetricName = TrendName | CounterName | RateName | GaugeName;

/** Metrics whose samples belong to a stream of messages, and so can be told apart by `scenario`. */
export const OF_STREAMS: ReadonlySet<MetricName> = new Set<MetricName>([
  'sent_latency',
  'sent_latency_service',
  'delivery_latency',
  'delivery_latency_service',
  'delivered_latency',
  'delivered_latency_service',
  'fanout_latency',
  'send_slip',
  'messages_sent',
  'messages_acknowledged',
  'messages_delivered',
  'deliveries_expected',
  'messages_duplicated',
  'messages_reordered',
  'messages_dropped',
]);

/** What a rate is a share of. */
export const RATE_TOTALS: Record<RateName, CounterName> = { http_req_failed: 'http_reqs' };

/** What each metric means, for reports and help. Latencies count from the intended send time; `_service` from the actual. */
export const DESCRIPTIONS: Record<MetricName, string> = {
  connect_latency: 'from starting a connection to being welcomed',
  sent_latency: 'from the intended send time to the server’s acknowledgement',
  delivery_latency: 'from the intended send time to the other user’s device',
  delivered_latency: 'from the intended send time to the receipt back at the sender',
  fanout_latency: 'from the intended send time to each receiver of a group message',
  fanout_last_latency: 'from the intended send time to the last receiver of a group message',
  resume_latency: 'from starting a reconnect to having caught up',
  http_req_duration: 'from writing an HTTP request to the end of its answer',
  send_slip: 'from the intended to the actual send time, of messages whose user was connected',
  sent_latency_service: 'from the actual send to the server’s acknowledgement',
  delivery_latency_service: 'from the actual send to the other user’s device',
  delivered_latency_service: 'from the actual send to the receipt back at the sender',
  messages_sent: 'messages handed to the socket',
  messages_acknowledged: 'messages that the server acknowledged as stored',
  messages_delivered: 'messages that reached a receiving device, each counted once',
  deliveries_expected: 'deliveries that the started messages should lead to, one for each receiving device',
  messages_lost: 'acknowledged messages that never reached their recipient',
  messages_duplicated: 'deliveries of a message that had been delivered before',
  messages_reordered: 'deliveries after a later message of the same sender',
  messages_dropped: 'messages that could not be started on time',
  connect_failed: 'connections that could not be opened',
  reconnects: 'connections opened again after a loss',
  http_reqs: 'HTTP calls, answered or not',
  http_req_failed: 'share of HTTP calls with a status of 400 or more, a timeout or a broken connection',
  presence_updates: 'news of watched users who came or went',
  fault_recovery_seconds: 'from the beginning of a fault until the service was normal again, s; of several the longest',
  connections: 'open connections',
  server_cpu: 'cores used by server processes',
  server_rss_bytes: 'resident memory of server processes',
  server_loop_delay: 'event-loop delay p99 of server processes, ms',
  server_messages: 'messages a second that server processes took from their users',
  agent_cpu: 'cores used by agent processes',
  agent_rss_bytes: 'resident memory of agent processes',
  agent_loop_delay: 'event-loop delay p99 of agent processes, ms',
  machine_cpu: 'cores used by all processes of the machine that the run is started on',
  machine_stolen_cpu: 'cores that other virtual machines kept from that machine',
  kernel_slab_bytes: 'kernel slab memory of the machine',
  kernel_socket_bytes: 'socket buffer memory of the machine',
  server_memory_bytes_per_connection: 'resident memory of the server that a connection costs',
  generator_memory_bytes_per_connection: 'resident memory of the agents that a connection costs',
  kernel_memory_bytes_per_connection: 'kernel memory that a connection costs, both ends',
  server_cpu_microseconds_per_message: 'CPU of the server in the steady phase, over the messages sent in it',
};
