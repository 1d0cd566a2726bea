import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createRealClock, realClock, VirtualClock } from './clock.ts';

describe('the real clock', () => {
  it('never goes back and has fractions', () => {
    const times = Array.from({ length: 1000 }, () => realClock.nowMs());
    expect(times.every((time, i) => i === 0 || time >= times[i - 1]!)).toBe(true);
    expect(times.some((time) => !Number.isInteger(time))).toBe(true);
  });

  it('agrees with other processes of the host', () => {
    const before = realClock.nowMs();
    const other = Number(
      execFileSync(process.execPath, ['-p', 'const [s, n] = process.hrtime(); s * 1000 + n / 1e6']).toString(),
    );
    expect(other).toBeGreaterThan(before);
    expect(other).toBeLessThan(realClock.nowMs());
  });

  it('converts to the wall clock and back', () => {
    expect(Math.abs(realClock.toEpochMs(realClock.nowMs()) - Date.now())).toBeLessThan(50);
    const clock = createRealClock(1000);
    expect(clock.toEpochMs(5)).toBe(1005);
    expect(clock.fromEpochMs(1005)).toBe(5);
  });

  it('runs timers and forgets cancelled ones', async () => {
    const calls: string[] = [];
    realClock.cancel(realClock.after(0, () => calls.push('cancelled')));
    await new Promise<void>((resolve) => {
      const ticks = realClock.every(1, () => {
        calls.push('tick');
        if (calls.length < 3) return;
        realClock.cancel(ticks);
        resolve();
      });
    });
    expect(calls).toEqual(['tick', 'tick', 'tick']);
  });
});

describe('the virtual clock', () => {
  it('runs what falls due at its own time, in order', () => {
    const clock = new VirtualClock({ nowMs: 100 });
    const calls: Array<[string, number]> = [];
    const note = (name: string) => () => calls.push([name, clock.nowMs()]);
    clock.after(30, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.after(10, () => clock.after(5, note('nested')));
    clock.cancel(clock.after(20, note('cancelled')));
    clock.advance(29.5);
    expect(calls).toEqual([
      ['first', 110],
      ['second', 110],
      ['nested', 115],
    ]);
    expect(clock.nowMs()).toBe(129.5);
    clock.advance(0.5);
    expect(calls.at(-1)).toEqual(['late', 130]);
    expect(clock.pending).toBe(0);
  });

  it('repeats until cancelled, also from within', () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const timer = clock.every(10, () => {
      ticks += 1;
      if (ticks === 3) clock.cancel(timer);
    });
    clock.advance(100);
    expect(ticks).toBe(3);
    expect(() => clock.every(0, () => {})).toThrow(RangeError);
    expect(() => clock.advance(-1)).toThrow(RangeError);
  });
});
