/**
 * Asks: what does it cost that everybody sees who is online?
 *
 * A town of 40,000 who open the application for three minutes sixty times a day, 5,000 of them online at a time. Each watches 50 contacts,
 * so that a quarter of a million subscriptions stand, and 28 users a second come and go before the eyes of those who watch.
 *
 * A bad sign: delivery that slows down with the coming and going (news of presence stands in the way of messages); server CPU
 * that grows with the subscriptions rather than with the changes.
 */
import { defineScenario } from './scenario.ts';

export default defineScenario({
  name: 'presence-heavy',
  description: 'A town of 40,000, 5,000 of them online for three minutes at a time, each watching 50 contacts',
  question: 'What does it cost that everybody sees who is online?',
  badSign:
    'Messages that slow down with the coming and going, CPU that follows the subscriptions rather than the changes.',
  population: {
    dau: '40k',
    messagesPerUserPerDay: 400,
    sessions: { perUserPerDay: 60, length: '3m' },
    partners: { zipf: 0.8, contacts: 50 },
    presence: { contacts: 50 },
  },
  load: { at: 'mean' },
  phases: { warmUp: '5s', steady: '30s', drain: '30s' },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<100'],
      connect_latency: ['p(99)<500'],
      messages_lost: ['count==0'],
      presence_updates: ['count>0'],
    },
  },
});
