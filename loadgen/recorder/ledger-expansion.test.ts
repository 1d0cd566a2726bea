import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandLedgers, type LedgerException, ReceiverLedger, reconcile, SenderLedger } from './delivery-ledger.ts';
import { deviceKey, GROUP_CODE, groupCode } from './ledger-keys.ts';

/** As over a process channel with advanced serialization. */
const overIpc = <T>(value: T): T => deserialize(serialize(value)) as T;

const newAgent = () => ({ sender: new SenderLedger(), receiver: new ReceiverLedger() });
type Agent = ReturnType<typeof newAgent>;
const summaryOf = ({ sender, receiver }: Agent) => overIpc({ sender: sender.summary(), receiver: receiver.summary() });

test('without groups and second devices the ledgers are taken as they are', () => {
  const agents = [summaryOf(newAgent()), null];
  expect(expandLedgers(agents, { users: 9, devicesOf: () => 1, membersOf: () => [] })).toBe(agents);
});

test('a group message is owed to each device of every other member, and judged there', () => {
  const audience = { users: 10, devicesOf: (user: number) => (user === 2 ? 2 : 1), membersOf: () => [1, 2, 3] };
  const agent = newAgent();
  const { sender, receiver } = agent;
  const to = groupCode(7);
  for (let i = 0; i < 3; i++) sender.acknowledged(1, to, sender.next(1, to));
  sender.failed(1, to, sender.next(1, to));
  const key = receiver.groupKey(1, 7);
  expect(key).toBeGreaterThanOrEqual(GROUP_CODE);
  const arrivals: Array<[user: number, device: number, number: number]> = [
    [2, 0, 1],
    [2, 0, 2],
    [2, 0, 3],
    [2, 1, 1],
    [2, 1, 3],
    [2, 1, 2],
    [3, 0, 1],
    [3, 0, 1],
    [3, 0, 4],
    [4, 0, 1],
  ];
  for (const [user, device, number] of arrivals) receiver.arrived(key, deviceKey(user, device, 10), number);
  const { totals, failed, exceptions } = reconcile(expandLedgers([summaryOf(agent)], audience));
  expect(totals).toEqual({
    sent: 10,
    acknowledged: 9,
    delivered: 8,
    lost: 2,
    duplicated: 1,
    reordered: 1,
    pending: 0,
  });
  expect(failed).toBe(2);
  const of = (kind: LedgerException['kind'], recipient: number, number: number, more = {}) => ({
    kind,
    sender: 1,
    recipient,
    group: 7,
    number,
    ...more,
  });
  expect(exceptions).toEqual([
    of('lost', 3, 2),
    of('lost', 3, 3),
    of('never-sent', 4, 1),
    of('failed-but-arrived', 3, 4),
    of('duplicated', 3, 1),
    of('reordered', 2, 2, { device: 1 }),
  ]);
});

test('agents that name the same group stream differently are understood', () => {
  const [one, other] = [newAgent(), newAgent()];
  const audience = {
    users: 4,
    devicesOf: () => 1,
    membersOf: (group: number) => (group === 0 ? [0, 1, 2] : [1, 2, 3]),
  };
  for (const [from, group] of [
    [0, 0],
    [1, 1],
  ] as const)
    one.sender.acknowledged(from, groupCode(group), one.sender.next(from, groupCode(group)));
  one.receiver.arrived(one.receiver.groupKey(0, 0), 1, 1);
  other.receiver.arrived(other.receiver.groupKey(1, 1), 3, 1);
  for (const [from, group] of [
    [0, 0],
    [1, 1],
  ] as const)
    other.receiver.arrived(other.receiver.groupKey(from, group), 2, 1);
  const { totals } = reconcile(expandLedgers([summaryOf(one), summaryOf(other)], audience));
  expect(totals).toMatchObject({ sent: 4, acknowledged: 4, delivered: 4, lost: 0 });
});

describe('against a naive model', () => {
  const AGENTS = 3;
  const USERS = 7;
  const MOST_DEVICES = 3;
  const GROUPS = 3;
  const fate = fc.record({
    answer: fc.constantFrom('acknowledged', 'acknowledged', 'failed', 'nothing'),
    stored: fc.boolean(),
    /** Of the arrivals at each device of the run, in its turn: how many, and how much later. */
    copies: fc.array(fc.constantFrom(0, 1, 1, 1, 1, 2), { minLength: 1, maxLength: 8 }),
    delays: fc.array(fc.constantFrom(0, 0, 0, 1, 3, 7), { minLength: 1, maxLength: 5 }),
  });
  const run = fc.record({
    devices: fc.array(fc.integer({ min: 1, max: MOST_DEVICES }), { minLength: USERS, maxLength: USERS }),
    groups: fc.array(fc.uniqueArray(fc.nat(USERS - 1)), { minLength: GROUPS, maxLength: GROUPS }),
    messages: fc.array(fc.record({ from: fc.nat(USERS - 1), to: fc.nat(USERS + GROUPS - 1), fate }), { maxLength: 60 }),
    /** Arrivals that nobody owes. */
    strays: fc.array(
      fc.record({
        from: fc.nat(USERS - 1),
        group: fc.nat(GROUPS - 1),
        at: fc.nat(USERS * MOST_DEVICES - 1),
        number: fc.integer({ min: 1, max: 6 }),
      }),
      { maxLength: 3 },
    ),
    dead: fc.array(fc.constantFrom(false, false, true), { minLength: AGENTS, maxLength: AGENTS }),
    answersShuffled: fc.boolean(),
  });
  const agentOf = (user: number) => user % AGENTS;
  const codeOf = (to: number) => (to < USERS ? to : groupCode(to - USERS));

  interface Arrival {
    from: number;
    /** As the sender numbers: a user or the code of a group. */
    code: number;
    /** Device key. */
    at: number;
    number: number;
    time: number;
  }

  test('random loss, duplication, reordering, strays and dead agents, with groups and devices', () => {
    fc.assert(
      fc.property(run, ({ devices, groups, messages, strays, dead, answersShuffled }) => {
        const devicesOf = (user: number) => devices[user]!;
        const keysOf = (user: number) =>
          Array.from({ length: devicesOf(user) }, (_, device) => deviceKey(user, device, USERS));
        const audienceOf = (from: number, code: number): number[] =>
          code < GROUP_CODE
            ? keysOf(code)
            : groups[code - GROUP_CODE]!.filter((member) => member !== from).flatMap(keysOf);
        const ledgers = Array.from({ length: AGENTS }, newAgent);

        const sent = messages.map(({ from, to, fate: f }, i) => {
          const code = codeOf(to);
          return { from, code, number: ledgers[agentOf(from)]!.sender.next(from, code), time: i, ...f };
        });
        const arrivals: Arrival[] = sent.flatMap((m) =>
          audienceOf(m.from, m.code).flatMap((at, d) => {
            const copies = m.stored ? m.copies[d % m.copies.length]! : 0;
            const delay = m.delays[d % m.delays.length]!;
            return Array.from({ length: copies }, (_, c) => ({ ...m, at, time: m.time + delay + 2 * c }));
          }),
        );
        strays.forEach(({ from, group, at, number }, i) => {
          arrivals.push({ from, code: groupCode(group), at, number, time: 10 * i });
        });
        arrivals.sort((a, b) => a.time - b.time);
        for (const { from, code, at, number } of arrivals) {
          const { receiver } = ledgers[agentOf(at % USERS)]!;
          receiver.arrived(code < GROUP_CODE ? from : receiver.groupKey(from, code - GROUP_CODE), at, number);
        }
        for (const m of answersShuffled ? [...sent].reverse() : sent) {
          const { sender } = ledgers[agentOf(m.from)]!;
          if (m.answer === 'acknowledged') sender.acknowledged(m.from, m.code, m.number);
          else if (m.answer === 'failed') sender.failed(m.from, m.code, m.number);
        }
        const audience = { users: USERS, devicesOf, membersOf: (group: number) => groups[group]! };
        const result = reconcile(
          expandLedgers(
            ledgers.map((ledger, i) => (dead[i] ? null : summaryOf(ledger))),
            audience,
          ),
        );

        // The model: delivery by delivery.
        const alive = (user: number) => !dead[agentOf(user)];
        const someDead = dead.includes(true);
        const seen = arrivals.filter(({ at }) => alive(at % USERS));
        const model = { sent: 0, acknowledged: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, pending: 0 };
        let failedForGood = 0;
        const named: string[] = [];
        const note = (kind: string, from: number, code: number, at: number, number: number) => {
          const group = code < GROUP_CODE ? '' : ` group ${code - GROUP_CODE}`;
          named.push(`${kind} ${from}→${at % USERS}/${Math.floor(at / USERS)}${group} ${number}`);
        };
        const hasArrived = (from: number, code: number, at: number, number: number) =>
          seen.some((a) => a.from === from && a.code === code && a.at === at && a.number === number);
        const knows = (user: number) =>
          !someDead || (alive(user) && sent.some((m) => m.from === user)) || seen.some((a) => a.at % USERS === user);

        for (const m of sent.filter(({ from }) => alive(from)))
          for (const at of audienceOf(m.from, m.code)) {
            const arrived = hasArrived(m.from, m.code, at, m.number);
            if (m.answer === 'acknowledged') model.acknowledged++;
            if (m.answer === 'failed' && !arrived) {
              failedForGood++;
              continue;
            }
            model.sent++;
            if (arrived) {
              model.delivered++;
              if (m.answer === 'failed') note('failed-but-arrived', m.from, m.code, at, m.number);
            } else if (m.answer === 'acknowledged' && knows(at % USERS)) {
              model.lost++;
              note('lost', m.from, m.code, at, m.number);
            } else {
              model.pending++;
              note(knows(at % USERS) ? 'pending' : 'unknown', m.from, m.code, at, m.number);
            }
          }

        const streams = new Map(seen.map((a) => [`${a.from} ${a.code}`, a]));
        for (const { from, code } of streams.values()) {
          const ofStream = seen.filter((a) => a.from === from && a.code === code);
          const owed = audienceOf(from, code);
          const numbered = knows(from)
            ? sent.filter((m) => m.from === from && m.code === code).length
            : Math.max(...ofStream.map(({ number }) => number));
          if (!knows(from))
            for (const at of owed)
              for (let number = 1; number <= numbered; number++) {
                model.sent++;
                if (hasArrived(from, code, at, number)) model.delivered++;
                else {
                  model.pending++;
                  note('unknown', from, code, at, number);
                }
              }
          const odd = ofStream.filter(({ at, number }) => !owed.includes(at) || number > numbered);
          for (const key of new Set(odd.map(({ at, number }) => `${at} ${number}`))) {
            const [at, number] = key.split(' ').map(Number) as [number, number];
            note('never-sent', from, code, at, number);
          }
        }
        const before = new Map<string, Set<number>>();
        for (const { from, code, at, number } of seen) {
          const key = `${from} ${code} ${at}`;
          const numbers = before.get(key) ?? new Set();
          before.set(key, numbers);
          if (numbers.has(number)) {
            model.duplicated++;
            note('duplicated', from, code, at, number);
          } else if ([...numbers].some((n) => n > number)) {
            model.reordered++;
            note('reordered', from, code, at, number);
          }
          numbers.add(number);
        }

        expect(result.totals).toEqual(model);
        expect(result.failed).toBe(failedForGood);
        expect(result.totals.delivered + result.totals.lost + result.totals.pending).toBe(result.totals.sent);
        for (const [kind, count] of Object.entries(result.counts))
          expect([kind, count]).toEqual([kind, named.filter((line) => line.startsWith(`${kind} `)).length]);
        if (result.exceptions.length < 100)
          expect(
            result.exceptions
              .map((e) => {
                const group = e.group === undefined ? '' : ` group ${e.group}`;
                return `${e.kind} ${e.sender}→${e.recipient}/${e.device ?? 0}${group} ${e.number}`;
              })
              .sort(),
          ).toEqual(named.sort());
      }),
      { numRuns: 400 },
    );
  });
});

test('200 senders to groups of 1,000 and 50,000 pairs close within seconds', () => {
  const users = 100_000;
  const agent = newAgent();
  const { sender, receiver } = agent;
  const membersOf = (group: number) => Array.from({ length: 1_000 }, (_, i) => (group * 1_000 + i) % users);
  for (let n = 1; n <= 5; n++) {
    for (let group = 0; group < 200; group++) {
      const from = group * 500;
      const number = sender.next(from, groupCode(group));
      sender.acknowledged(from, groupCode(group), number);
      const key = receiver.groupKey(from, group);
      for (const member of membersOf(group)) if (member !== from) receiver.arrived(key, member, number);
    }
    for (let i = 0; i < 50_000; i++) {
      const number = sender.next(i, i + 50_000);
      sender.acknowledged(i, i + 50_000, number);
      receiver.arrived(i, i + 50_000, number);
    }
  }
  // Many gaps in one stream to a group cost no more than elsewhere.
  for (let n = 0; n < 2_000; n++) {
    const number = sender.next(0, groupCode(0));
    if (n % 2 === 0) sender.failed(0, groupCode(0), number);
  }
  const summaries = [summaryOf(agent)];
  const startedAt = performance.now();
  const { totals, failed } = reconcile(expandLedgers(summaries, { users, devicesOf: () => 1, membersOf }));
  const tookMs = performance.now() - startedAt;
  const groupDeliveries = [...Array(200).keys()]
    .map((group) => membersOf(group).filter((member) => member !== group * 500).length)
    .reduce((sum, count) => sum + count);
  expect(totals).toMatchObject({ delivered: 5 * (groupDeliveries + 50_000), lost: 0, duplicated: 0, reordered: 0 });
  expect(failed).toBe(1_000 * membersOf(0).filter((member) => member !== 0).length);
  expect(tookMs).toBeLessThan(5_000);
});
