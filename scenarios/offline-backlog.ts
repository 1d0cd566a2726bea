/**
 * Asks: messages wait for people who are offline; when these come all together, how long until each has caught up?
 *
 * Half of 5,000 users are offline while 1,000 messages a second are written to everybody. After twenty seconds they all come within
 * two, each with a backlog of some five messages, and later the writing goes on as if nothing had been.
 *
 * A bad sign: `resume_latency` that grows with the number of those who come at once; deliveries to those who were online all
 * the time that slow down meanwhile; a message that waited and is gone.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'offline-backlog',
  description:
    'Half of 5,000 users are offline for twenty seconds, then come within two and fetch what waited for them',
  question: 'How long until people who were offline have caught up, when they come all together?',
  badSign:
    'Catching up that takes longer the more come at once, others who feel it, a message that waited and is gone.',
  connections: 5000,
  population: { partners: 'uniform' },
  online: {
    start: 0.5,
    stages: [
      { target: 0.5, duration: '20s' },
      { target: 1, duration: '2s' },
    ],
  },
  load: { rate: 1000 },
  phases: { warmUp: '5s', steady: '40s' },
  options: {
    thresholds: {
      connect_latency: ['p(99)<1000'],
      delivery_latency: ['p(99)<250'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
