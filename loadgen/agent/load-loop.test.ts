import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { startLoadLoop } from './load-loop.ts';

function times(list: number[]) {
  let next = 0;
  return { next: () => list[next++] ?? Number.POSITIVE_INFINITY };
}

function start(clock: VirtualClock, list: number[], onFire: (intendedMs: number) => void = () => {}) {
  const log = { fired: [] as Array<[number, number]>, dropped: [] as number[], done: 0 };
  const loop = startLoadLoop({
    clock,
    fireTimes: times(list),
    startMs: 1_000,
    lateLimitMs: 1_000,
    fire: (intendedMs) => {
      log.fired.push([intendedMs, clock.nowMs()]);
      onFire(intendedMs);
    },
    dropped: (intendedMs) => log.dropped.push(intendedMs),
    done: () => log.done++,
  });
  return { log, loop };
}

describe('the load loop', () => {
  it('fires each message at its intended time, within a timer tick', () => {
    const clock = new VirtualClock();
    const { log } = start(clock, [0, 3, 3.4, 250.2]);
    clock.advance(5_000);
    expect(log.fired.map(([intended]) => intended)).toEqual([1_000, 1_003, 1_003.4, 1_250.2]);
    for (const [intended, actual] of log.fired) {
      expect(actual).toBeGreaterThanOrEqual(intended);
      expect(actual - intended).toBeLessThanOrEqual(2);
    }
    expect(log.done).toBe(1);
  });

  it('keeps the schedule when one send takes long: late messages are sent at once and keep their intended times', () => {
    const clock = new VirtualClock();
    const { log } = start(clock, [0, 10, 20, 30, 500], (intendedMs) => {
      if (intendedMs === 1_000) clock.advance(400);
    });
    clock.advance(3_000);
    expect(log.fired.map(([intended]) => intended)).toEqual([1_000, 1_010, 1_020, 1_030, 1_500]);
    expect(log.fired[1]![1]).toBeGreaterThanOrEqual(1_400);
    expect(log.dropped).toEqual([]);
  });

  it('counts what could not be started within the limit instead of sending a burst', () => {
    const clock = new VirtualClock();
    const { log } = start(clock, [0, 10, 20, 2_600], (intendedMs) => {
      if (intendedMs === 1_000) clock.advance(2_500);
    });
    clock.advance(5_000);
    expect(log.fired.map(([intended]) => intended)).toEqual([1_000, 3_600]);
    expect(log.dropped).toEqual([1_010, 1_020]);
    expect(log.done).toBe(1);
  });

  it('fires nothing after stop', () => {
    const clock = new VirtualClock();
    const { log, loop } = start(clock, [0, 100]);
    clock.advance(1_050);
    loop.stop();
    clock.advance(5_000);
    expect(log.fired).toHaveLength(1);
    expect(log.done).toBe(0);
  });

  it('starts what is overdue when asked between two turns, once, and goes on as scheduled', () => {
    const clock = new VirtualClock();
    const { log, loop } = start(clock, [0, 10, 20, 500], (intendedMs) => {
      if (intendedMs !== 1_000) return;
      clock.advance(15); // Sockets are read for so long, and say so.
      loop.catchUp();
    });
    clock.advance(1_001);
    expect(log.fired.map(([intended]) => intended)).toEqual([1_000, 1_010]);
    loop.catchUp();
    clock.advance(3_000);
    expect(log.fired.map(([intended]) => intended)).toEqual([1_000, 1_010, 1_020, 1_500]);
    expect(log.done).toBe(1);
  });

  it('starts nothing early, nor after the end, when asked', () => {
    const clock = new VirtualClock();
    const { log, loop } = start(clock, [100]);
    clock.advance(1_050);
    loop.catchUp();
    expect(log.fired).toEqual([]);
    loop.stop();
    clock.advance(500);
    loop.catchUp();
    expect(log.fired).toEqual([]);
  });
});
