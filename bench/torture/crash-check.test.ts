import { beforeEach, describe, expect, it } from 'vitest';
import { checkTimelines } from './crash-check.ts';
import { type CrashEntry, type CrashMessage, CrashRecord, CrashUser, type ProblemKind } from './crash-record.ts';

let record: CrashRecord;
let timelines: Map<string, CrashEntry[]>;

/** Alice's device 1 sends two messages to Bob and one to the group of all three; everybody has everything. */
beforeEach(() => {
  record = new CrashRecord();
  timelines = new Map();
  for (const name of ['alice', 'bob', 'carol']) {
    record.users.set(name, new CrashUser(name));
    timelines.set(name, []);
  }
  record.groups.set('g', ['alice', 'bob', 'carol']);
  send(1, 'bob', false);
  send(2, 'bob', false);
  send(3, 'g', true);
  record.users.get('bob')!.acknowledged = 2;
  record.delivered(record.users.get('alice')!, 'bob', 2);
});

function send(id: number, to: string, toGroup: boolean): void {
  const alice = record.users.get('alice')!;
  const body = `body ${id}`;
  alice.sent.set(id, { id, device: 1, to, toGroup, body, seq: id, firstSentOn: 1, sentAtMs: 1, refused: false });
  const group = toGroup ? { group: to, groupSeq: 1 } : { group: '', groupSeq: 0 };
  append('alice', { direction: 'out', id, peer: toGroup ? 'alice' : to, body, ...group, groupSeq: 0 });
  for (const name of toGroup ? ['bob', 'carol'] : [to])
    append(name, { direction: 'in', id, peer: 'alice', body, ...group });
}

function append(user: string, entry: Omit<CrashEntry, 'seq' | 'time'>): void {
  const timeline = timelines.get(user)!;
  const whole = { ...entry, seq: timeline.length + 1, time: 1 };
  timeline.push(whole);
  record.saw(record.users.get(user)!, whole);
}

function problems(): ProblemKind[] {
  checkTimelines(record, timelines);
  return [...record.counts.keys()];
}

const bob = (): CrashEntry[] => timelines.get('bob')!;
const sent = (id: number): CrashMessage => record.users.get('alice')!.sent.get(id)!;

describe('the checker of the crash test', () => {
  it('is content when every promise held', () => {
    expect(checkTimelines(record, timelines)).toEqual({ sent: 3, acknowledged: 3, entries: 7, groupMessages: 1 });
    expect(record.problems).toEqual([]);
  });

  it('sees a lost message', () => {
    bob().splice(1, 1);
    expect(problems()).toContain('lost');
  });

  it('sees a lost group message', () => {
    timelines.get('carol')!.pop();
    expect(problems()).toContain('lost');
  });

  it('sees an own message that is gone', () => {
    timelines.get('alice')!.pop();
    expect(problems()).toContain('lost');
  });

  it('sees a duplicate', () => {
    bob().push({ ...bob()[0]!, seq: 4 });
    expect(problems()).toContain('duplicated');
  });

  it('sees messages of a device out of order', () => {
    const [first, second] = bob();
    bob().splice(0, 2, { ...second!, seq: 1 }, { ...first!, seq: 2 });
    expect(problems()).toEqual(expect.arrayContaining(['reordered', 'changed']));
  });

  it('does not ask for order after a refusal', () => {
    sent(1).refused = true;
    const [first, second] = bob();
    bob().splice(0, 2, { ...second!, seq: 1 }, { ...first!, seq: 2 });
    expect(problems()).not.toContain('reordered');
  });

  it('sees a gap', () => {
    bob()[2]!.seq = 5;
    expect(problems()).toContain('gap');
  });

  it('sees a group whose members disagree', () => {
    timelines.get('carol')![0]!.id = 9;
    expect(problems()).toEqual(expect.arrayContaining(['changed', 'invented']));
  });

  it('sees a place that shows something else to another device', () => {
    record.saw(record.users.get('bob')!, { ...bob()[0]!, body: 'other' });
    expect(problems()).toEqual(['changed']);
  });

  it('sees a receipt before the acknowledgement', () => {
    record.users.get('bob')!.acknowledged = 1;
    record.delivered(record.users.get('alice')!, 'bob', 2);
    expect(record.problems.map(({ kind }) => kind)).toEqual(['receipt']);
  });

  it('sees a receipt that never came', () => {
    record.users.get('alice')!.delivered.set('bob', 1);
    expect(problems()).toEqual(['receipt']);
  });

  it('sees a message without an answer', () => {
    sent(2).seq = 0;
    expect(problems()).toContain('unanswered');
  });
});
