import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AckWheel } from './ack-wheel.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function connections(count: number, log: number[]) {
  return Array.from({ length: count }, (_, index) => ({ flushAcknowledgement: () => log.push(index) }));
}

describe('acknowledgements', () => {
  it('go within 50 ms, a tenth of them at a time', () => {
    const wheel = new AckWheel();
    const log: number[] = [];
    for (const connection of connections(100, log)) wheel.soon(connection);
    const steps: number[] = [];
    for (let ms = 5; ms <= 50; ms += 5) {
      vi.advanceTimersByTime(5);
      steps.push(log.length);
    }
    expect(steps).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(new Set(log).size).toBe(100);
  });

  it('go within 50 ms whenever they come', () => {
    const wheel = new AckWheel();
    for (let start = 0; start < 30; start++) {
      const log: number[] = [];
      for (const connection of connections(3, log)) wheel.soon(connection);
      vi.advanceTimersByTime(50);
      expect(log).toHaveLength(3);
      vi.advanceTimersByTime(start);
    }
  });

  it('go at once when asked, once, and leave no timer behind', () => {
    const wheel = new AckWheel();
    const log: number[] = [];
    for (const connection of connections(7, log)) wheel.soon(connection);
    wheel.flush();
    expect(log).toHaveLength(7);
    vi.advanceTimersByTime(100);
    expect(log).toHaveLength(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may be owed again while they go', () => {
    const wheel = new AckWheel();
    let times = 0;
    const connection = {
      flushAcknowledgement() {
        if (++times < 3) wheel.soon(connection);
      },
    };
    wheel.soon(connection);
    vi.advanceTimersByTime(150);
    expect(times).toBe(3);
  });
});
