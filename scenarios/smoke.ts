/**
 * Asks: does everything work from end to end, in less than half a minute?
 *
 * A bad sign: anything but a pass. The load is far below what any machine can do, so a slow or lost message here is a defect,
 * not a limit.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'smoke',
  description: 'A thousand connections and 100 messages/s for ten seconds',
  question: 'Does everything work from end to end?',
  badSign: 'Anything but a pass: at this load a slow or lost message is a defect, not a limit.',
  connections: 1000,
  load: { rate: 100, arrivals: 'poisson' },
  phases: { warmUp: '2s', steady: '10s', drain: '3s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<100'],
      messages_lost: ['count==0'],
      connect_failed: ['count==0'],
    },
  },
});
