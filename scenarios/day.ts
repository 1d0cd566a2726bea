/**
 * Asks: does a node live through a day of its users, the night's quiet, the evening's peak and all the coming and going between?
 *
 * One node of 10,000 for 500 million daily users who write 40 messages a day each. Everybody opens the application twelve times
 * a day for a quarter of an hour. The 24 hours pass in four minutes: the curve is compressed, the rate is not, so every moment
 * has the messages and the users online of its hour, while the way from hour to hour is 360 times as steep.
 *
 * A bad sign: latency that follows the curve (a node that feels 42 messages/s has no room at all); connect latency that grows
 * with the coming and going; memory that does not come back at night; any message lost, above all of those that waited for
 * somebody offline.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'day',
  description: 'A day of one node of 10,000 for 500 million users, its 24 hours in four minutes',
  question: 'Does a node live through a day of its users, with all their coming and going?',
  badSign:
    'Latency that follows the curve, connects that slow down at the peak, any message lost on its way to somebody offline.',
  population: {
    dau: '500M',
    messagesPerUserPerDay: 40,
    nodes: '10k',
    sessions: { perUserPerDay: 12, length: '15m' },
    hourlyCurve: 'regional',
    messageBytes: { median: 80, sigma: 0.6, max: 4096 },
    partners: { zipf: 1, contacts: 20 },
    groups: { share: 0.2, count: 500, members: { median: 8, sigma: 0.8, max: 100 } },
    presence: { contacts: 10 },
  },
  load: { executor: 'daily-curve', day: '4m' },
  phases: { warmUp: '10s', drain: '30s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<100', 'p(99)<250 over 10s'],
      fanout_latency: ['p(99)<100'],
      connect_latency: ['p(99)<500'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
