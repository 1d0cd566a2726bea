import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FanOutMerge, type FanOutRow, FanOutTracker } from './fan-out.ts';
import type { Phase } from './samples.ts';

const row = (group: number, sender: number, number: number, arrivals: number, lastMs: number): FanOutRow => ({
  group,
  sender,
  number,
  phase: 'steady',
  arrivals,
  lastMs,
});

test('arrivals of an interval are one row a message, with the latest', () => {
  const tracker = new FanOutTracker();
  tracker.arrived(7, 1, 1, 'steady', 5);
  tracker.arrived(7, 1, 1, 'steady', 3);
  tracker.arrived(7, 1, 2, 'drain', 1);
  tracker.arrived(8, 1, 1, 'steady', 2);
  tracker.arrived(7, 1, 1, 'steady', 9);
  expect(tracker.swap()).toEqual([row(7, 1, 1, 3, 9), { ...row(7, 1, 2, 1, 1), phase: 'drain' }, row(8, 1, 1, 1, 2)]);
  expect(tracker.swap()).toEqual([]);
  tracker.arrived(7, 1, 1, 'steady', 20);
  expect(tracker.swap()).toEqual([row(7, 1, 1, 1, 20)]);
});

test('a message counts once all its receivers have it, with the last of them', () => {
  const recorded: Array<[Phase, number]> = [];
  const merge = new FanOutMerge(
    (group) => group,
    (phase, lastMs) => recorded.push([phase, lastMs]),
  );
  merge.add([row(3, 1, 1, 2, 50), row(1, 2, 1, 1, 7), row(3, 1, 2, 2, 4)]);
  expect(recorded).toEqual([['steady', 7]]);
  expect(merge.incomplete).toBe(2);
  merge.add([row(3, 1, 1, 1, 20)]);
  expect(recorded).toEqual([
    ['steady', 7],
    ['steady', 50],
  ]);
  expect(merge.incomplete).toBe(1);
});

test('the receivers may depend on who sends', () => {
  let recorded = 0;
  const merge = new FanOutMerge(
    (_group, sender) => sender,
    () => recorded++,
  );
  merge.add([row(0, 1, 1, 1, 1), row(0, 2, 1, 1, 1)]);
  expect([recorded, merge.incomplete]).toEqual([1, 1]);
});

test('when too many are under way the oldest are given up, counted once, and forgotten', () => {
  const recorded: number[] = [];
  const merge = new FanOutMerge(
    () => 2,
    (_phase, lastMs) => recorded.push(lastMs),
    3,
  );
  for (let number = 1; number <= 5; number++) merge.add([row(0, 0, number, 1, number)]);
  expect(merge.incomplete).toBe(5);
  for (let number = 1; number <= 5; number++) merge.add([row(0, 0, number, 1, 10 * number)]);
  expect(recorded).toEqual([30, 40, 50]);
  expect(merge.incomplete).toBe(2);
  merge.add([row(1, 0, 1, 2, 60)]);
  expect(recorded).toEqual([30, 40, 50, 60]);
});

test('whatever the agents, intervals and order: what a naive count finds', () => {
  const arrival = fc.record({
    group: fc.nat(2),
    sender: fc.nat(1),
    number: fc.integer({ min: 1, max: 3 }),
    agent: fc.nat(2),
    latencyMs: fc.nat(1_000),
    /** The agent's interval ends after it. */
    swap: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 80 }), (arrivals) => {
      const receivers = (group: number, sender: number) => 2 + group + sender;
      const counts = new Map<string, number[]>();
      const recorded: number[] = [];
      const merge = new FanOutMerge(receivers, (_phase, lastMs) => recorded.push(lastMs));
      const trackers = [new FanOutTracker(), new FanOutTracker(), new FanOutTracker()];
      for (const { group, sender, number, agent, latencyMs, swap } of arrivals) {
        const key = `${group} ${sender} ${number}`;
        const seen = counts.get(key) ?? [];
        counts.set(key, seen);
        // Agents report each receiver once.
        if (seen.length === receivers(group, sender)) continue;
        seen.push(latencyMs);
        trackers[agent]!.arrived(group, sender, number, 'steady', latencyMs);
        if (swap) merge.add(trackers[agent]!.swap());
      }
      for (const tracker of trackers) merge.add(tracker.swap());
      const complete = [...counts].filter(([key, seen]) => {
        const [group, sender] = key.split(' ').map(Number) as [number, number];
        return seen.length === receivers(group, sender);
      });
      expect(recorded.sort()).toEqual(complete.map(([, seen]) => Math.max(...seen)).sort());
      expect(merge.incomplete).toBe(counts.size - complete.length);
    }),
  );
});
