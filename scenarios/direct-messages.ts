/**
 * Asks: how does a node take messages rather than connections? Two thousand users write as fast as 50,000 would on a busy day.
 *
 * At the rate of a plan for 500 million users a node has 23 messages/s and its connections are the burden. Here it is the
 * other way round: few connections, 2,000 messages/s, between people who know each other, on one or two devices each.
 *
 * A bad sign: a p99 far above the median (something stops the node now and then: a commit, a collection); `sent` as slow as
 * the delivery (the store is the limit); send slip (then it is the generator).
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'direct-messages',
  description: 'Two thousand users write 2,000 messages/s to each other, on 1.3 devices each',
  question: 'How does a node take many messages on few connections?',
  badSign: 'A p99 far above the median, an acknowledgement as slow as the delivery, any device that misses a message.',
  connections: 2000,
  population: {
    messageBytes: { median: 80, sigma: 0.8, max: 4096 },
    partners: { zipf: 1, contacts: 20 },
    devices: 1.3,
  },
  load: { rate: 2000, arrivals: 'lognormal' },
  phases: { warmUp: '5s', steady: '30s' },
  options: {
    thresholds: {
      sent_latency: ['p(99)<100'],
      delivery_latency: ['p(99)<100'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
