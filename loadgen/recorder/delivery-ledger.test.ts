import { deserialize, serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LedgerException, ReceiverLedger, reconcile, SenderLedger } from './delivery-ledger.ts';

/** As over a process channel with advanced serialization. */
const overIpc = <T>(value: T): T => deserialize(serialize(value)) as T;

test('verdicts on arrivals', () => {
  const ledger = new ReceiverLedger();
  const arrivals = [1, 2, 2, 5, 3, 3, 4, 6, 1].map((n) => ledger.arrived(7, 8, n));
  expect(arrivals).toEqual([
    'new',
    'new',
    'duplicate',
    'new',
    'reordered',
    'duplicate',
    'reordered',
    'new',
    'duplicate',
  ]);
  expect(ledger.arrived(8, 7, 1)).toBe('new');
  expect(ledger.summary()).toMatchObject({ duplicated: 3, reordered: 2, streams: Uint32Array.of(7, 8, 6, 8, 7, 1) });
});

test('a first arrival far ahead costs one range, whatever the distance', () => {
  const ledger = new ReceiverLedger();
  ledger.arrived(1, 2, 4_000_000_000);
  expect([...ledger.summary().missing]).toEqual([0, 1, 3_999_999_999]);
});

test('the sender’s side knows what was never numbered', () => {
  const ledger = new SenderLedger();
  expect([ledger.next(1, 2), ledger.next(1, 2), ledger.next(2, 1)]).toEqual([1, 2, 1]);
  expect(() => ledger.acknowledged(1, 2, 3)).toThrow('message 3 from user 1 to user 2 was never numbered');
  expect(() => ledger.failed(5, 6, 1)).toThrow(RangeError);
});

test('each fate is told apart and named', () => {
  const sender = new SenderLedger();
  const receiver = new ReceiverLedger();
  for (let n = 1; n <= 6; n++) sender.next(1, 2);
  for (const n of [1, 2, 4]) sender.acknowledged(1, 2, n);
  sender.failed(1, 2, 5);
  sender.failed(1, 2, 6);
  for (const n of [1, 3, 6, 3, 9]) receiver.arrived(1, 2, n);
  const { totals, exceptions, failed } = reconcile([{ sender: sender.summary(), receiver: receiver.summary() }]);
  expect(totals).toEqual({ sent: 5, acknowledged: 3, delivered: 3, lost: 2, duplicated: 1, reordered: 0, pending: 0 });
  expect(failed).toBe(1);
  const of = (kind: string, number: number) => ({ kind, sender: 1, recipient: 2, number });
  expect(exceptions).toEqual([
    of('lost', 2),
    of('lost', 4),
    of('never-sent', 9),
    of('failed-but-arrived', 6),
    of('duplicated', 3),
  ]);
});

test('an acknowledgement after a failure counts, a failure after an acknowledgement does not', () => {
  const sender = new SenderLedger();
  for (let n = 1; n <= 2; n++) sender.next(1, 2);
  sender.failed(1, 2, 1);
  sender.acknowledged(1, 2, 1);
  sender.acknowledged(1, 2, 2);
  sender.failed(1, 2, 2);
  const { totals } = reconcile([{ sender: sender.summary(), receiver: new ReceiverLedger().summary() }]);
  expect(totals).toMatchObject({ sent: 2, acknowledged: 2, lost: 2 });
});

test('at most 100 exceptions are named, all are counted', () => {
  const sender = new SenderLedger();
  for (let n = 1; n <= 150; n++) sender.acknowledged(1, 2, sender.next(1, 2));
  const { exceptions, counts } = reconcile([{ sender: sender.summary(), receiver: new ReceiverLedger().summary() }]);
  expect(exceptions).toHaveLength(100);
  expect(counts.lost).toBe(150);
});

describe('a missing agent', () => {
  test('its users’ receptions are unknown, not lost and not fine; those of live agents stay exact', () => {
    const sender = new SenderLedger();
    const receiver = new ReceiverLedger();
    for (const [from, to] of [
      [1, 2],
      [1, 3],
    ] as const)
      for (let i = 0; i < 2; i++) sender.acknowledged(from, to, sender.next(from, to));
    receiver.arrived(9, 3, 1);
    const { totals, exceptions, missingAgents } = reconcile([
      null,
      { sender: sender.summary(), receiver: receiver.summary() },
    ]);
    expect(missingAgents).toBe(1);
    expect(totals).toMatchObject({ sent: 5, acknowledged: 4, delivered: 1, lost: 2, pending: 2 });
    expect(exceptions.map((e) => `${e.kind} ${e.sender}→${e.recipient} ${e.number}`)).toEqual([
      'lost 1→3 1',
      'lost 1→3 2',
      'unknown 1→2 1',
      'unknown 1→2 2',
    ]);
  });

  test('what it sent is known as far as it arrived; gaps are unknown', () => {
    const receiver = new ReceiverLedger();
    for (const n of [1, 2, 5]) receiver.arrived(4, 5, n);
    const { totals, exceptions } = reconcile([
      { sender: new SenderLedger().summary(), receiver: receiver.summary() },
      null,
    ]);
    expect(totals).toMatchObject({ sent: 5, delivered: 3, pending: 2, lost: 0 });
    expect(exceptions.map((e) => e.number)).toEqual([3, 4]);
    expect(exceptions.every((e) => e.kind === 'unknown')).toBe(true);
  });
});

describe('against a naive model', () => {
  interface Fate {
    stored: boolean;
    /** What the sender heard. */
    answer: 'acknowledged' | 'failed' | 'nothing';
    copies: number;
    /** Moves its arrival back. */
    delay: number;
  }
  const fate = fc.record<Fate>({
    stored: fc.boolean(),
    answer: fc.constantFrom('acknowledged', 'acknowledged', 'failed', 'nothing'),
    copies: fc.constantFrom(0, 1, 1, 1, 2, 3),
    delay: fc.constantFrom(0, 0, 0, 1, 3, 7),
  });
  const AGENTS = 3;
  const USERS = 9;
  const run = fc.record({
    messages: fc.array(fc.record({ from: fc.nat(USERS - 1), to: fc.nat(USERS - 1), fate }), { maxLength: 120 }),
    dead: fc.array(fc.boolean(), { minLength: AGENTS, maxLength: AGENTS }),
    answersShuffled: fc.boolean(),
  });
  const agentOf = (user: number) => user % AGENTS;

  test('random loss, duplication, reordering and dead agents', () => {
    fc.assert(
      fc.property(run, ({ messages, dead, answersShuffled }) => {
        const ledgers = Array.from({ length: AGENTS }, () => ({
          sender: new SenderLedger(),
          receiver: new ReceiverLedger(),
        }));
        const sent = messages.map(({ from, to, fate: f }, i) => {
          const number = ledgers[agentOf(from)]!.sender.next(from, to);
          return { from, to, number, at: i + f.delay, ...f, copies: f.stored ? f.copies : 0 };
        });
        const arrivals = sent.flatMap((m) => Array.from({ length: m.copies }, (_, c) => ({ ...m, at: m.at + 2 * c })));
        arrivals.sort((a, b) => a.at - b.at);
        for (const m of arrivals) ledgers[agentOf(m.to)]!.receiver.arrived(m.from, m.to, m.number);
        for (const m of answersShuffled ? [...sent].reverse() : sent) {
          const { sender } = ledgers[agentOf(m.from)]!;
          if (m.answer === 'acknowledged') sender.acknowledged(m.from, m.to, m.number);
          else if (m.answer === 'failed') sender.failed(m.from, m.to, m.number);
        }
        const result = reconcile(
          ledgers.map(({ sender, receiver }, i) =>
            dead[i] ? null : overIpc({ sender: sender.summary(), receiver: receiver.summary() }),
          ),
        );

        // The model: message by message, with sets.
        const alive = (user: number) => !dead[agentOf(user)];
        const someDead = dead.includes(true);
        const model = { sent: 0, acknowledged: 0, delivered: 0, lost: 0, pending: 0 };
        const named = new Set<string>();
        const name = (kind: LedgerException['kind'], m: { from: number; to: number; number: number }) =>
          named.add(`${kind} ${m.from} ${m.to} ${m.number}`);
        const leftTrace = (user: number) =>
          alive(user) && (arrivals.some((m) => m.to === user) || sent.some((m) => m.from === user));
        for (const m of sent) {
          const highest = Math.max(
            0,
            ...arrivals.filter((a) => a.from === m.from && a.to === m.to).map((a) => a.number),
          );
          if (!alive(m.from)) {
            if (!alive(m.to) || m.number > highest) continue;
            model.sent++;
            if (m.copies > 0) model.delivered++;
            else {
              model.pending++;
              name('unknown', m);
            }
            continue;
          }
          const seen = m.copies > 0 && alive(m.to);
          const receiverKnown = !someDead || leftTrace(m.to);
          if (m.answer === 'acknowledged') model.acknowledged++;
          if (m.answer === 'failed' && !seen) continue;
          model.sent++;
          if (seen) {
            model.delivered++;
            if (m.answer === 'failed') name('failed-but-arrived', m);
          } else if (m.answer === 'acknowledged' && receiverKnown) {
            model.lost++;
            name('lost', m);
          } else {
            model.pending++;
            name(receiverKnown ? 'pending' : 'unknown', m);
          }
        }
        let duplicated = 0;
        let reordered = 0;
        const seenBefore = new Map<string, Set<number>>();
        for (const m of arrivals.filter((a) => alive(a.to))) {
          const key = `${m.from} ${m.to}`;
          const before = seenBefore.get(key) ?? new Set();
          seenBefore.set(key, before);
          if (before.has(m.number)) duplicated++;
          else if ([...before].some((n) => n > m.number)) reordered++;
          before.add(m.number);
        }
        expect(result.totals).toEqual({ ...model, duplicated, reordered });
        expect(result.totals.delivered + result.totals.lost + result.totals.pending).toBe(result.totals.sent);
        const fates = result.exceptions.filter((e) => e.kind !== 'duplicated' && e.kind !== 'reordered');
        if (result.exceptions.length < 100)
          expect(new Set(fates.map((e) => `${e.kind} ${e.sender} ${e.recipient} ${e.number}`))).toEqual(named);
      }),
      { numRuns: 400 },
    );
  });
});

test('50,000 streams take at most 100 bytes each on either side, and close', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const bytes = () => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const streams = 50_000;
  const before = bytes();
  const sender = new SenderLedger();
  const receiver = new ReceiverLedger();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < streams; i++) {
      const to = (i + streams / 2) % streams;
      const n = sender.next(i, to);
      receiver.arrived(i, to, n);
      sender.acknowledged(i, to, n);
    }
  }
  expect((bytes() - before) / (2 * streams)).toBeLessThan(100);
  const { totals } = reconcile([{ sender: sender.summary(), receiver: receiver.summary() }]);
  expect(totals).toMatchObject({ sent: 150_000, delivered: 150_000, lost: 0, pending: 0 });
});
