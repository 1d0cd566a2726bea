/**
 * Asks: what do clients get that can't hold a WebSocket, and what do they cost?
 *
 * Five hundred users behind long polls write 100 messages a second. A poll is held until something arrives and asked again.
 *
 * A bad sign: a delivery that takes as long as a poll is held (the answer does not come with the message); a server CPU per
 * message many times that of WebSockets; anything lost between two polls.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'long-polling',
  description: 'Five hundred users behind long polls write 100 messages a second',
  question: 'What do clients get that can’t hold a WebSocket, and what do they cost?',
  badSign: 'A delivery as long as a poll is held, anything lost between two polls.',
  driver: 'long-poll',
  connections: 500,
  load: { rate: 100 },
  phases: { warmUp: '5s', steady: '20s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<150'],
      messages_lost: ['count==0'],
      messages_duplicated: ['count==0'],
      messages_reordered: ['count==0'],
    },
  },
});
