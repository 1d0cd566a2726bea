import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { HistogramRow, SampleBatch } from '../recorder/samples.ts';
import type { CheckedFault, ClientFault, FaultContext } from './fault.ts';
import { FaultSchedule, recoveryGauge } from './fault-schedule.ts';

let clock: VirtualClock;
let told: ClientFault[];
let held: boolean[];
let notes: string[];
let progress: { connections: number; expected: number; delivered: number };
let schedule: FaultSchedule | undefined;

beforeEach(() => {
  // On a whole second of either clock.
  clock = new VirtualClock({ nowMs: 5_000 });
  told = [];
  held = [];
  notes = [];
  progress = { connections: 100, expected: 0, delivered: 0 };
});

afterEach(async () => {
  await schedule?.undo();
  schedule?.stop();
});

function arm(...faults: CheckedFault[]): FaultSchedule {
  const context: FaultContext = {
    clock,
    node: null,
    network: null,
    disk: null,
    tellAgents: (fault) => told.push(fault),
    holdResults: (hold) => held.push(hold),
    progress: () => progress,
    note: (text) => notes.push(text),
  };
  schedule = new FaultSchedule(faults, context);
  return schedule;
}

/** Moves on second by second, as a run does that receives 50 messages in each; `p99Ms` of second n, `connections` at its end. */
async function pass(
  seconds: number,
  of: (second: number) => { latencyMs?: number; connections?: number } = () => ({}),
) {
  for (let i = 0; i < seconds; i++) {
    const second = Math.round(clock.nowMs() / 1_000);
    const { latencyMs = 4, connections = 100 } = of(second);
    schedule!.record(batch(clock.toEpochMs(second * 1_000), latencyMs));
    clock.advance(1_000);
    progress = { connections, expected: progress.expected + 50, delivered: progress.delivered + 50 };
    await Promise.resolve();
  }
}

describe('a schedule', () => {
  it('begins and ends each fault at its time after the start of the steady phase', async () => {
    const armed = arm(
      { kind: 'reconnect-storm', at: 12_000, share: 0.5 },
      { kind: 'results-store-outage', at: 13_000, for: 4_000 },
      { kind: 'slow-consumers', at: 13_500, for: 2_000, share: 0.1 },
    );
    armed.observe();
    armed.start(10_000);
    clock.advance(16_999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual([{ kind: 'reconnect-storm', share: 0.5 }]);
    clock.advance(1_500);
    expect(told[1]).toEqual({ kind: 'slow-consumers', share: 0.1, forMs: 2_000 });
    expect(held).toEqual([true]);
    clock.advance(3_500);
    expect(held).toEqual([true, false]);
    await Promise.resolve();
    expect(armed.done).toMatchObject([
      { kind: 'reconnect-storm', atMs: 22_000, endedAtMs: 22_000, detail: '50% of the connections broke at once' },
      { kind: 'results-store-outage', atMs: 23_000, endedAtMs: 27_000 },
      { kind: 'slow-consumers', atMs: 23_500, endedAtMs: 25_500 },
    ]);
  });

  it('undone in the middle, what is in force is mended, and nothing more begins', async () => {
    const armed = arm(
      { kind: 'results-store-outage', at: 1_000, for: 60_000 },
      { kind: 'reconnect-storm', at: 5_000, share: 1 },
    );
    armed.start(5_000);
    clock.advance(2_000);
    expect(held).toEqual([true]);
    await armed.undo();
    await armed.undo();
    expect(held.slice(0, 2)).toEqual([true, false]);
    clock.advance(100_000);
    expect(told).toEqual([]);
    expect(held.lastIndexOf(true)).toBe(0);
    expect(armed.done).toHaveLength(1);
    expect(armed.done[0]!.endedAtMs).toBe(7_000);
  });

  it('mends what is in force also when the process exits without a word', () => {
    const before = process.listeners('exit');
    const armed = arm({ kind: 'results-store-outage', at: 0, for: 60_000 });
    armed.start(5_000);
    clock.advance(10);
    const [listener] = process.listeners('exit').filter((each) => !before.includes(each));
    (listener as (code: number) => void)(0);
    expect(held).toEqual([true, false]);
  });

  it('says what could not be done, and does the rest', async () => {
    const armed = arm(
      { kind: 'kill-shard', at: 1_000, shard: 2 },
      { kind: 'cut-network', at: 1_000, for: 500 },
      { kind: 'reconnect-storm', at: 2_000, share: 1 },
    );
    armed.observe();
    armed.start(5_000);
    await pass(4);
    expect(notes).toContain('fault cut-network could not be carried out: the run has no network of its own');
    expect(notes).toContain('fault kill-shard could not be carried out: shard 2 is not up');
    expect(told).toHaveLength(1);
    const [kill] = armed.results(0);
    expect(kill).toMatchObject({ kind: 'kill-shard', recoverySeconds: null, problem: 'shard 2 is not up' });
    expect(armed.disturbed()).toHaveLength(1);
  });
});

describe('results', () => {
  it('have recovery, impact and the losses of the run', async () => {
    const armed = arm({ kind: 'reconnect-storm', at: 10_000, share: 0.5 });
    armed.observe();
    armed.start(5_000);
    await pass(20, (second) =>
      second === 15 ? { connections: 50, latencyMs: 700 } : second === 16 ? { connections: 97 } : {},
    );
    expect(armed.results(3)).toMatchObject([
      {
        kind: 'reconnect-storm',
        atSeconds: 10,
        recoverySeconds: 2,
        lost: 3,
        forSeconds: 0,
        startMs: clock.toEpochMs(15_000),
        detail: '50% of the connections broke at once',
        connectionsBefore: 100,
        connectionsLowest: 50,
      },
    ]);
    expect(armed.results(3)[0]!.p99WorstMs).toBeCloseTo(700, -1);
    expect(armed.disturbed()).toEqual([{ fromMs: 15_000, untilMs: 17_000 }]);
  });

  it('late sends count against the generator only outside of what the faults did', async () => {
    const armed = arm({ kind: 'reconnect-storm', at: 10_000, share: 0.5 });
    armed.observe();
    armed.start(5_000);
    await pass(20, (second) => (second === 15 ? { connections: 50, latencyMs: 700 } : {}));
    expect(armed.slipP99Ms({ fromMs: 5_000, untilMs: 25_000 })).toBeCloseTo(4, 1);
  });

  it('none without faults', async () => {
    const armed = arm();
    armed.observe();
    armed.start(5_000);
    await pass(3);
    expect(armed.results(0)).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

it('the gauge is the longest recovery, or the time that one has lasted that is not over', () => {
  const fault = { kind: 'kill-shard', atSeconds: 5, lost: 0, startMs: 20_000 };
  const gauge = (...seconds: Array<number | null>) =>
    recoveryGauge(
      seconds.map((recoverySeconds) => ({ ...fault, recoverySeconds })),
      50_400,
    );
  expect(gauge(1, 2.5)).toEqual([{ atMs: 50_000, source: 'faults', metric: 'fault_recovery_seconds', value: 2.5 }]);
  expect(gauge(1, null)[0]!.value).toBe(30.4);
  expect(gauge()).toEqual([]);
  expect(recoveryGauge([{ ...fault, recoverySeconds: null, problem: 'not there' }], 1)).toEqual([]);
});

function batch(atMs: number, latencyMs: number): SampleBatch {
  const us = Math.round(latencyMs * 1_000);
  const row = (metric: HistogramRow['metric']): HistogramRow => ({
    atMs,
    source: 'agent-0',
    metric,
    phase: 'steady',
    count: 50,
    sumUs: 50 * us,
    minUs: us,
    maxUs: us,
    values: [highest(us)],
    counts: [50],
  });
  return { histograms: [row('delivery_latency'), row('send_slip')], counters: [], gauges: [] };
}

function highest(us: number): number {
  const width = 2 ** Math.max(0, Math.floor(Math.log2(us)) - 10);
  return (Math.floor(us / width) + 1) * width - 1;
}
