import { describe, expect, it } from 'vitest';
import { type FaultSecond, recoveryOf } from './recovery.ts';

/** A quiet run of 1,000 connections at 200 messages/s: a second of it. */
function quiet(second: number, changes: Partial<FaultSecond> = {}): FaultSecond {
  return {
    atMs: second * 1_000,
    connections: 1_000,
    delivered: 200,
    backlog: second % 3,
    p99Ms: 4 + (second % 2),
    maxMs: 9,
    dropped: 0,
    reconnects: 0,
    ...changes,
  };
}

/** 40 seconds, some of them changed. */
function record(changes: Record<number, Partial<FaultSecond>> = {}, length = 40): FaultSecond[] {
  return Array.from({ length }, (_, second) => quiet(second, changes[second]));
}

const KILL = { atMs: 20_300, endedAtMs: 20_300 };

describe('recovery', () => {
  it('is nothing where delivery was never disturbed', () => {
    expect(recoveryOf(KILL, record())).toMatchObject({ recoverySeconds: 0, untilMs: 20_300 });
  });

  it('lasts from the fault to the end of the last second that was not normal', () => {
    const seconds = record({ 20: { connections: 660 }, 21: { connections: 900 }, 22: { p99Ms: 800 } });
    expect(recoveryOf(KILL, seconds)).toMatchObject({ recoverySeconds: 2.7, untilMs: 23_000 });
  });

  it('is not over in a lull: three seconds in a row have to be normal', () => {
    const seconds = record({ 20: { connections: 500 }, 23: { backlog: 50 } });
    expect(recoveryOf(KILL, seconds).recoverySeconds).toBe(3.7);
    const later = record({ 20: { connections: 500 }, 24: { backlog: 50 } });
    expect(recoveryOf(KILL, later).recoverySeconds).toBe(0.7);
  });

  it('sees an effect that begins late, and none that belongs to something after', () => {
    expect(recoveryOf(KILL, record({ 22: { p99Ms: 500 } })).recoverySeconds).toBe(2.7);
    expect(recoveryOf(KILL, record({ 30: { p99Ms: 500 } })).recoverySeconds).toBe(0);
  });

  it('waits for the fault itself to be over', () => {
    // Of slow consumers nothing shows until a message is for one of them.
    const slow = { atMs: 20_000, endedAtMs: 28_000 };
    const seconds = record({ 25: { backlog: 20 }, 26: { backlog: 40 }, 28: { p99Ms: 3_000 } });
    expect(recoveryOf(slow, seconds).recoverySeconds).toBe(9);
  });

  it.each([
    ['99% of the connections', { connections: 990 }, { connections: 989 }],
    ['twice the median p99 and 5 ms', { p99Ms: 13 }, { p99Ms: 13.1 }],
    ['what is under way at that latency, 1% of a second and 2', { backlog: 6 }, { backlog: 7 }],
  ])('normal is %s', (_name, normal, abnormal) => {
    expect(recoveryOf(KILL, record({ 21: normal })).recoverySeconds).toBe(0);
    expect(recoveryOf(KILL, record({ 21: abnormal })).recoverySeconds).toBe(1.7);
  });

  it('is also what was seen before, where that was worse', () => {
    expect(recoveryOf(KILL, record({ 12: { p99Ms: 300 }, 21: { p99Ms: 290 } })).recoverySeconds).toBe(0);
  });

  it('a second in which nothing was received and nothing is due says nothing', () => {
    const nothing = { delivered: 0, p99Ms: null, maxMs: null };
    const silence = Object.fromEntries(Array.from({ length: 19 }, (_, i) => [21 + i, nothing]));
    expect(recoveryOf(KILL, record({ ...silence, 20: { p99Ms: 700 } }))).toMatchObject({
      recoverySeconds: null,
      calm: true,
    });
    expect(recoveryOf(KILL, record({ 20: { ...nothing, backlog: 100 } })).recoverySeconds).toBe(0.7);
    expect(recoveryOf(KILL, record({ ...silence, 20: { p99Ms: 700 }, 33: {} })).recoverySeconds).toBe(0.7);
  });

  it('without any messages, is that of the connections', () => {
    const idle = record({ 20: { connections: 10 } }).map((second) => ({ ...second, p99Ms: null, delivered: 0 }));
    expect(recoveryOf(KILL, idle).recoverySeconds).toBe(0.7);
  });

  it('where users come and go, is that of latency alone', () => {
    const seconds = record().map((second, i) => ({ ...second, connections: 1_000 - 20 * i, backlog: 10 * i }));
    expect(recoveryOf(KILL, seconds).recoverySeconds).toBeNull();
    expect(recoveryOf(KILL, seconds, { usersComeAndGo: true }).recoverySeconds).toBe(0);
    seconds[21]!.p99Ms = 90;
    expect(recoveryOf(KILL, seconds, { usersComeAndGo: true }).recoverySeconds).toBe(1.7);
  });

  it('where the next fault begins, one normal second will do', () => {
    const seconds = record({ 20: { connections: 1 }, 22: { connections: 1 } });
    expect(recoveryOf(KILL, seconds, { nextAtMs: 22_100 }).recoverySeconds).toBe(0.7);
    expect(recoveryOf(KILL, seconds, { nextAtMs: 20_900 }).recoverySeconds).toBe(2.7);
  });

  it('is unknown when delivery was not normal again by the end, or there is nothing to compare with', () => {
    const never = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [20 + i, { connections: 700 }]));
    expect(recoveryOf(KILL, record(never))).toMatchObject({ recoverySeconds: null, untilMs: null });
    expect(recoveryOf({ atMs: 500, endedAtMs: 500 }, record()).recoverySeconds).toBeNull();
    expect(recoveryOf(KILL, []).recoverySeconds).toBeNull();
  });

  it('one normal second will do where the record ends after it', () => {
    expect(recoveryOf(KILL, record({ 20: { connections: 1 } }, 22)).recoverySeconds).toBe(0.7);
    expect(recoveryOf(KILL, record({ 20: { connections: 1 } }, 21)).recoverySeconds).toBeNull();
  });

  it('compares with seconds that no earlier fault has disturbed', () => {
    const slow = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [8 + i, { p99Ms: 400, connections: 300 }]));
    const seconds = record({ ...slow, 20: { p99Ms: 300 } });
    expect(recoveryOf(KILL, seconds).recoverySeconds).toBe(0);
    expect(recoveryOf(KILL, seconds, { earlier: [{ fromMs: 8_200, untilMs: 20_000 }] }).recoverySeconds).toBe(0.7);
  });
});

it('the impact is the worst from the fault to recovery, and the sums', () => {
  const seconds = record({
    3: { p99Ms: 5_000, connections: 1 },
    20: { connections: 660, backlog: 40, dropped: 3 },
    21: { connections: 800, p99Ms: 900, maxMs: 1_200, reconnects: 140 },
    22: { reconnects: 200, p99Ms: 30 },
    35: { p99Ms: 7_000, reconnects: 9, dropped: 9 },
  });
  expect(recoveryOf(KILL, seconds).impact).toEqual({
    connectionsBefore: 1_000,
    connectionsLowest: 660,
    p99BeforeMs: 4,
    p99WorstMs: 900,
    latencyWorstMs: 1_200,
    backlogHighest: 40,
    dropped: 3,
    reconnects: 340,
  });
});
