/**
 * Asks: when one writes and many read, how long until the last of them has it?
 *
 * Five thousand users in 200 groups of very different sizes, 40 group messages a second: each is stored once and comes out
 * dozens of times. `fanout_latency` is each receiver's, `fanout_last_latency` that of the last one of each message.
 *
 * A bad sign: the last receiver far behind the others (fan-out goes piece by piece and something stands between the pieces);
 * direct messages that wait behind group messages.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'group-fanout',
  description:
    'Five thousand users in 200 groups of up to 500 members, 40 group messages a second and as many direct ones',
  question: 'How long until the last member of a group has a message?',
  badSign:
    'A last receiver far behind the others, direct messages that wait behind those to groups, a member left out.',
  connections: 5000,
  population: {
    partners: 'uniform',
    groups: { share: 0.5, count: 200, members: { median: 30, sigma: 1, max: 500 } },
  },
  load: { rate: 80 },
  phases: { warmUp: '5s', steady: '30s' },
  options: {
    thresholds: {
      fanout_latency: ['p(99)<150'],
      fanout_last_latency: ['p(99)<250'],
      'delivery_latency{scenario:direct}': ['p(99)<150'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
