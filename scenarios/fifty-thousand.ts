/**
 * Asks: does one node hold 50,000 connections and the messages that come with them?
 *
 * The plan for 500 million users counts on it: 10,000 nodes of 50,000 connections, 40 messages a user and day. The run drives
 * one such node at the busiest hour of its day for a minute.
 *
 * A bad sign: connections that fail to open; a p99 of delivery over 100 ms, though 42 messages/s are next to nothing (look at
 * memory, garbage collection and heartbeats then, not at throughput); memory that still grows in the steady phase; any message
 * lost, duplicated or out of order.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'fifty-thousand',
  description: 'One node of 10,000 for 500 million users at the hourly peak: 50,000 connections for a minute',
  question: 'Does one node hold 50,000 connections and the messages that come with them?',
  badSign:
    'Connections that fail, a delivery p99 over 100 ms at so few messages, growing memory, any message lost or out of order.',
  population: {
    dau: '500M',
    messagesPerUserPerDay: 40,
    messageBytes: 100,
    shareOnline: 1,
    nodes: '10k',
  },
  load: { at: 'peak', arrivals: 'poisson' },
  phases: { warmUp: '10s', steady: '60s', drain: '10s' },
  server: { durability: 'fsync' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<100'],
      sent_latency: ['p(99)<100'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
      connect_failed: ['count==0'],
    },
  },
});
