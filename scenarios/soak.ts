/**
 * Asks: is the node after half an hour what it was after a minute?
 *
 * Ten thousand users at 200 messages a second, a few groups, people reading their history over HTTP. Nothing of it is much; the
 * time is the load.
 *
 * A bad sign: memory that grows all the time; a p99 of any minute far from that of the first (compaction, garbage, a table that
 * is searched and not forgotten); connections that get lost one by one.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'soak',
  description: 'Ten thousand users at 200 messages a second for half an hour, with groups and history calls',
  question: 'Is the node after half an hour what it was after a minute?',
  badSign: 'Memory that grows all the time, a minute with a p99 unlike the others, connections lost one by one.',
  connections: '10k',
  population: {
    partners: { zipf: 1, contacts: 20 },
    messageBytes: { median: 80, sigma: 0.6, max: 4096 },
    groups: { share: 0.1, count: 200, members: { median: 8, sigma: 0.8, max: 100 } },
  },
  load: { rate: 200 },
  http: {
    rate: 20,
    requests: [
      { path: '/v1/timeline?user={user}&limit=20', weight: 3 },
      { path: '/v1/conversation?user={user}&peer={peer}&limit=20' },
      { path: '/v1/route?user={user}' },
    ],
  },
  phases: { warmUp: '30s', steady: '30m', drain: '30s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<100', 'p(99)<250 over 60s'],
      http_req_duration: ['p(95)<200'],
      http_req_failed: ['rate<0.001'],
      reconnects: ['count==0'],
      messages_lost: ['count==0'],
    },
  },
});
