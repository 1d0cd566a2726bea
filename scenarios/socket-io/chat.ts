/**
 * Asks: does a Socket.IO chat get 200 people's messages to each other?
 *
 * A bad sign: a loss. The server acknowledges what it has passed on, and keeps nothing: whoever is away at that moment, be it for a
 * second, never gets it, and nobody is told.
 */
import { defineScenario } from 'plimsoll/scenario';

export default defineScenario({
  name: 'socket-io-chat',
  description: '200 people in a Socket.IO chat, 100 messages/s between them',
  question: 'Does a Socket.IO chat get everybody’s messages across, in time and without losing one?',
  badSign: 'A loss: the sender has been told that all is well.',
  driver: './driver.ts',
  connections: 200,
  load: { rate: 100, arrivals: 'poisson' },
  phases: { warmUp: '2s', steady: '10s', drain: '3s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<200'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      connect_failed: ['count==0'],
    },
  },
});
