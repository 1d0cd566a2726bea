/**
 * Asks: does a node hold midnight of the year, when everybody writes to everybody at once?
 *
 * One node of 10,000 for 500 million users. Before midnight 70% of its 50,000 users are online at the mean rate. Within ten
 * seconds all the others come, and five times the mean is written, a third of it to groups; after half a minute it ebbs away.
 *
 * A bad sign: connects that fail or wait while messages are being written; latency that stays high after the burst (the node
 * works off a queue it should not have); losses among those who came in the middle of it.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'new-year',
  description:
    'Midnight on one node of 10,000: 15,000 users come within ten seconds, and five times the mean is written',
  question: 'Does a node hold the burst at midnight, when everybody comes and writes at once?',
  badSign:
    'Connects that fail in the rush, latency that stays high after it, messages lost by those who came in the middle.',
  population: {
    dau: '500M',
    messagesPerUserPerDay: 40,
    nodes: '10k',
    messageBytes: { median: 60, sigma: 0.6, max: 4096 },
    partners: { zipf: 1, contacts: 20 },
    groups: { share: 0.33, count: 1000, members: { median: 12, sigma: 0.8, max: 200 } },
  },
  online: {
    start: 0.7,
    stages: [
      { target: 0.7, duration: '15s' },
      { target: 1, duration: '10s' },
    ],
  },
  load: {
    executor: 'ramping-arrival-rate',
    of: 'mean',
    startRate: 1,
    stages: [
      { target: 1, duration: '15s' },
      { target: 5, duration: '1s' },
      { target: 5, duration: '29s' },
      { target: 1, duration: '5s' },
      { target: 1, duration: '10s' },
    ],
  },
  phases: { warmUp: '5s', drain: '20s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<250'],
      fanout_latency: ['p(99)<250'],
      connect_latency: ['p(99)<1000'],
      connect_failed: ['count==0'],
      messages_lost: ['count==0'],
    },
  },
});
