/**
 * Asks: when some clients read nothing for a while, does anybody else feel it, and do they themselves miss anything?
 *
 * A thousand users write 1,000 messages of 4 KB a second. For twelve seconds a tenth of them stops reading, as a phone in a tunnel
 * does. A server that keeps everything for them runs out of memory; one that skips loses messages; one that waits for them stops
 * for all.
 *
 * A bad sign: a higher p99 for the others; server memory that grows for as long as it lasts; a message that the slow ones miss
 * after they are back.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'slow-consumers',
  description: 'A tenth of a thousand clients reads nothing for twelve seconds, at 1,000 messages of 4 KB a second',
  question: 'Does anybody else feel it when some clients read nothing, and do these miss anything?',
  badSign:
    'A higher p99 for everybody, memory that grows for as long as it lasts, a message missing when they are back.',
  connections: 1000,
  population: { messageBytes: 4096, partners: 'uniform' },
  load: { rate: 1000 },
  phases: { warmUp: '5s', steady: '40s', drain: '20s' },
  faults: [{ kind: 'slow-consumers', at: '8s', for: '12s', share: 0.1 }],
  options: {
    thresholds: {
      'delivery_latency{phase:steady}': ['med<50', 'p(85)<250'],
      fault_recovery_seconds: ['value<30'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
