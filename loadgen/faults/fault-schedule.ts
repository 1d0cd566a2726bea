/** The faults of a run: begun and ended on time, undone whatever happens, and judged afterwards. */
import type { Timer } from '../clock.ts';
import type { GaugeRow, SampleBatch } from '../recorder/samples.ts';
import type { FaultResult } from '../recorder/summary.ts';
import { halfOpen, reconnectStorm, slowConsumers } from './client-side.ts';
import { cutNetwork } from './cut-network.ts';
import { delayNetwork } from './delay-network.ts';
import type { CheckedFault, FaultAction, FaultContext, FaultOf } from './fault.ts';
import { checkFaults, type FaultFacts } from './fault-check.ts';
import { FaultObserver } from './fault-observer.ts';
import { freezeShard } from './freeze-shard.ts';
import { killShard } from './kill-shard.ts';
import { messageStoreOutage } from './message-store-outage.ts';
import { type Recovery, recoveryOf, type Span, touches } from './recovery.ts';
import { resultsStoreOutage } from './results-store-outage.ts';

/** A fault as it was carried out. Clock ms. */
export interface FaultDone {
  kind: CheckedFault['kind'];
  atMs: number;
  /** Sudden faults end as they begin. */
  endedAtMs: number;
  detail: string;
  /** Why it could not be carried out. */
  problem: string | null;
}

/** A fault that was begun, while the run goes on. Ms since the epoch. */
export interface FaultNow {
  kind: CheckedFault['kind'];
  startMs: number;
  /** Null: in force. */
  endedMs: number | null;
  detail: string;
  problem: string | null;
}

const ACTIONS: { [Kind in CheckedFault['kind']]: (fault: FaultOf<Kind>, context: FaultContext) => FaultAction } = {
  'kill-shard': killShard,
  'freeze-shard': freezeShard,
  'cut-network': cutNetwork,
  'delay-network': delayNetwork,
  'slow-consumers': slowConsumers,
  'half-open': halfOpen,
  'reconnect-storm': reconnectStorm,
  'message-store-outage': messageStoreOutage,
  'results-store-outage': resultsStoreOutage,
};

interface Armed {
  fault: CheckedFault;
  action: FaultAction;
  done: FaultDone | null;
  inForce: boolean;
}

export class FaultSchedule {
  #context: FaultContext;
  #armed: Armed[];
  #observer: FaultObserver;
  #timers: Timer[] = [];
  #observing: Timer | undefined;
  #steadyStartMs = 0;
  #over = false;
  /** Of what was observed so far. */
  #settled = false;
  #onExit = (): void => this.#mendAll();

  constructor(faults: readonly CheckedFault[], context: FaultContext) {
    this.#context = context;
    this.#observer = new FaultObserver(context.clock);
    this.#armed = faults.map((fault) => ({ fault, action: actionOf(fault, context), done: null, inForce: false }));
  }

  /** Before anything starts: throws FaultError with one sentence when a fault can't be done here. */
  static check(faults: readonly CheckedFault[], facts: FaultFacts): void {
    checkFaults(faults, facts);
  }

  /** From the beginning of the load on, so that there is something to compare with. */
  observe(): void {
    if (this.#armed.length === 0) return;
    const { clock } = this.#context;
    // In the middle of a second all agents have told how the one before ended.
    const untilMiddleMs = (1_500 - (clock.toEpochMs(clock.nowMs()) % 1_000)) % 1_000;
    const look = (): void => {
      this.#observer.addProgress(this.#context.progress());
      this.#settled = this.#over && this.#judged().every(({ recovery }) => recovery?.calm !== false);
    };
    this.#observing = clock.after(untilMiddleMs, () => {
      this.#observing = clock.every(1_000, look);
      look();
    });
  }

  /** Nothing is broken any more, and nothing disturbed when it was last looked at, up to a second ago. */
  get settled(): boolean {
    return this.#settled || this.#armed.length === 0;
  }

  /** Rows that the agents hand over. */
  record(batch: SampleBatch): void {
    if (this.#armed.length > 0) this.#observer.add(batch);
  }

  /** Arms the timers; `steadyStartMs` on the clock, now or later. */
  start(steadyStartMs: number): void {
    const { clock } = this.#context;
    this.#steadyStartMs = steadyStartMs;
    if (this.#armed.length > 0) process.on('exit', this.#onExit);
    // Known beforehand, for the node can't tell while its network is cut.
    if (this.#armed.some(({ fault }) => 'shard' in fault)) void this.#context.node?.shardPid(0);
    for (const armed of this.#armed) {
      const inMs = Math.max(steadyStartMs + armed.fault.at - clock.nowMs(), 0);
      this.#timers.push(clock.after(inMs, () => void this.#begin(armed)));
    }
  }

  /** Undo what is still in force, and begin nothing more. */
  async undo(): Promise<void> {
    this.#over = true;
    for (const timer of this.#timers) this.#context.clock.cancel(timer);
    this.#mendAll();
    process.off('exit', this.#onExit);
  }

  /** Stop looking: the run is over. */
  stop(): void {
    this.#context.clock.cancel(this.#observing);
  }

  /** Every fault that was begun, or tried. */
  get done(): readonly FaultDone[] {
    return this.#armed.flatMap(({ done }) => done ?? []);
  }

  /** As `done`, for those who look while the run goes on. */
  get begun(): FaultNow[] {
    const { clock } = this.#context;
    return this.#armed.flatMap(({ done, inForce }) => {
      if (done === null) return [];
      const { kind, atMs, endedAtMs, detail, problem } = done;
      const endedMs = inForce ? null : Math.round(clock.toEpochMs(endedAtMs));
      return { kind, startMs: Math.round(clock.toEpochMs(atMs)), endedMs, detail, problem };
    });
  }

  /** `lost`: messages that the whole run lost; the ledger knows no times, so each fault answers for all of them. */
  results(lost: number): FaultResult[] {
    return this.#judged().map(({ done, recovery }) => ({
      kind: done.kind,
      atSeconds: seconds(done.atMs - this.#steadyStartMs),
      recoverySeconds: recovery?.recoverySeconds ?? null,
      lost,
      forSeconds: seconds(done.endedAtMs - done.atMs),
      startMs: Math.round(this.#context.clock.toEpochMs(done.atMs)),
      detail: done.detail,
      ...(done.problem !== null && { problem: done.problem }),
      ...recovery?.impact,
    }));
  }

  /** [from, until) of the faults' effects, clock ms: seconds in which lateness is what was asked for. */
  disturbed(): Span[] {
    return this.#judged().flatMap(({ done, recovery }) => {
      if (recovery === null) return [];
      const untilMs = recovery.untilMs === null ? null : Math.max(recovery.untilMs, done.endedAtMs);
      return [{ fromMs: done.atMs, untilMs }];
    });
  }

  /** The generator's own slip: p99 of what was sent in the steady phase outside of the faults' effects; null: nothing was. */
  slipP99Ms(steady: { fromMs: number; untilMs: number }): number | null {
    const spans = this.disturbed();
    return this.#observer.slipP99Ms(steady.fromMs, steady.untilMs, (atMs) => !touches(spans, atMs));
  }

  #judged(): Array<{ done: FaultDone; recovery: Recovery | null }> {
    const observed = this.#observer.seconds();
    const earlier: Span[] = [];
    const ordered = [...this.done].sort((a, b) => a.atMs - b.atMs);
    return ordered.map((done, index) => {
      if (done.problem !== null) return { done, recovery: null };
      const nextAtMs = ordered[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      const { usersComeAndGo = false } = this.#context;
      const recovery = recoveryOf(done, observed, { earlier, nextAtMs, usersComeAndGo });
      earlier.push({ fromMs: done.atMs, untilMs: recovery.untilMs });
      return { done, recovery };
    });
  }

  async #begin(armed: Armed): Promise<void> {
    const { fault, action } = armed;
    const { clock, note } = this.#context;
    const atMs = clock.nowMs();
    const done: FaultDone = { kind: fault.kind, atMs, endedAtMs: atMs, detail: '', problem: null };
    armed.done = done;
    armed.inForce = true;
    if ('for' in fault) this.#timers.push(clock.after(fault.for, () => this.#mend(armed)));
    try {
      done.detail = await action.begin();
      note(`fault ${fault.kind}: ${done.detail}`);
      // It was told to end while it was still beginning.
      if (this.#over || !armed.inForce) action.end();
    } catch (error) {
      done.problem = (error as Error).message;
      // Half of it may have been done.
      this.#mend(armed);
      note(`fault ${fault.kind} could not be carried out: ${done.problem}`);
    }
    if (!('for' in fault)) armed.inForce = false;
  }

  #mend(armed: Armed): void {
    if (!armed.inForce) return;
    armed.inForce = false;
    armed.done!.endedAtMs = this.#context.clock.nowMs();
    try {
      armed.action.end();
    } catch (error) {
      this.#context.note(`fault ${armed.fault.kind} could not be undone: ${(error as Error).message}`);
    }
  }

  #mendAll(): void {
    for (const armed of this.#armed) this.#mend(armed);
  }
}

/**
 * The gauge that thresholds look at: the longest recovery. A fault that had not recovered counts with the time until the end,
 * and fails the run anyway. Empty without faults.
 */
export function recoveryGauge(results: readonly FaultResult[], epochMs: number): GaugeRow[] {
  const known = results.filter(({ problem }) => problem === undefined);
  if (known.length === 0) return [];
  const value = Math.max(
    ...known.map(({ recoverySeconds, startMs = epochMs }) => recoverySeconds ?? (epochMs - startMs) / 1_000),
  );
  const atMs = Math.floor(epochMs / 1_000) * 1_000;
  return [{ atMs, source: 'faults', metric: 'fault_recovery_seconds', value }];
}

function actionOf<Kind extends CheckedFault['kind']>(fault: FaultOf<Kind>, context: FaultContext): FaultAction {
  return (ACTIONS[fault.kind] as (fault: FaultOf<Kind>, context: FaultContext) => FaultAction)(fault, context);
}

function seconds(ms: number): number {
  return Math.round(ms) / 1_000;
}
