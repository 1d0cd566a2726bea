import { describe, expect, it } from 'vitest';
import { loadOf, missClaim, passClaim } from './run-claim.ts';

it.each([
  [{ closed: false, rate: 20 }, '4,000 connections and 20 messages/s'],
  [{ closed: true, rate: 0 }, '4,000 connections that sent 1,250 messages/s'],
  [{ closed: true, rate: 20 }, '4,000 connections that sent 1,250 messages/s'],
  [{ closed: true, rate: 0, sent: 0, seconds: 0 }, '4,000 connections that sent 0 messages/s'],
])('of %j: %s', (held, words) => {
  expect(loadOf({ connections: 4_000, sent: 12_500, seconds: 10, ...held })).toBe(words);
});

describe('the claim', () => {
  const held = { connections: 60, closed: false, rate: 20, sent: 200, seconds: 10 };
  const none = { sent: 0, acknowledged: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, pending: 0 };
  const asked = '60 connections and 20 messages/s';

  it('of a pass gives latency and losses', () => {
    const ledger = { ...none, sent: 200, acknowledged: 200, delivered: 200 };
    expect(passClaim(held, { p99Ms: 12.34, ledger, fanOut: 1 })).toBe(
      'The server held 60 connections and 20 messages/s for 10 s: 99% of messages reached the other user within 12.3 ms, and none of 200 acknowledged messages was lost.',
    );
  });

  it('of a pass without messages says so, and nothing of latency or losses', () => {
    expect(passClaim({ ...held, rate: 0, sent: 0 }, { p99Ms: null, ledger: none, fanOut: 1 })).toBe(
      'The server held 60 connections for 10 s; no message was sent, so that nothing is known of latency and losses.',
    );
  });

  it('of anything else gives the first reason alone', () => {
    const failures = ['delivery_latency should meet p(99)<100, but was 241.9 ms', '1 message(s) were delivered twice'];
    expect(missClaim({ verdict: 'fail', failures, reasons: [] }, asked)).toBe(
      'The server did not hold 60 connections and 20 messages/s: delivery_latency should meet p(99)<100, but was 241.9 ms.',
    );
    const reasons = ['agent-0 was busy; use more agents or machines', 'sends started late'];
    expect(missClaim({ verdict: 'inconclusive', failures, reasons }, asked)).toBe(
      'This run does not tell whether the server holds 60 connections and 20 messages/s: agent-0 was busy; use more agents or machines.',
    );
  });
});
