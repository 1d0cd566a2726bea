/**
 * Asks: when all clients lose their connection at once, how long until everybody is back and has what he missed?
 *
 * Five thousand users write 200 messages a second. Fifteen seconds into it every connection breaks. The clients come back as the
 * protocol asks, after a random pause, and resume where they were.
 *
 * A bad sign: a recovery that takes longer than the pauses do; `resume_latency` far above `connect_latency` (catching up is the
 * bottleneck); anything lost or seen twice on the way back.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'reconnect-storm',
  description: 'Five thousand users lose their connections at once, while 200 messages a second go on',
  question: 'How long until everybody is back and has what he missed?',
  badSign: 'A recovery longer than the clients’ own pauses, slow catching up, anything lost or seen twice.',
  connections: 5000,
  population: { partners: 'uniform' },
  load: { rate: 200 },
  phases: { warmUp: '5s', steady: '45s' },
  faults: [{ kind: 'reconnect-storm', at: '15s', share: 1 }],
  options: {
    thresholds: {
      fault_recovery_seconds: ['value<15'],
      resume_latency: ['p(99)<3000'],
      'delivery_latency{phase:steady}': ['med<50'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
