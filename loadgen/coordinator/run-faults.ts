/** The faults of a run in the coordinator's hands: what they need made beforehand, done on time, undone, and judged in the end. */
import type { Clock } from '../clock.ts';
import type { ClientFault } from '../control/control-channel.ts';
import type { FaultProgress } from '../faults/fault.ts';
import { FaultGround } from '../faults/fault-ground.ts';
import { type FaultNow, FaultSchedule, recoveryGauge } from '../faults/fault-schedule.ts';
import { touches } from '../faults/recovery.ts';
import type { LoadPlan } from '../population/plan.ts';
import type { GaugeRow, SampleBatch } from '../recorder/samples.ts';
import type { FaultResult } from '../recorder/summary.ts';
import type { EmbeddedNode } from './target-node.ts';

export interface RunFaultsOptions {
  plan: LoadPlan;
  clock: Clock;
  /** Where the embedded node keeps its messages; null: it does not, or there is none. */
  storeDirectory: string | null;
  tellAgents: (fault: ClientFault) => void;
  holdResults: (hold: boolean) => void;
  progress: () => FaultProgress;
  note: (text: string) => void;
}

/** What became of the faults of a run. */
export interface FaultsJudged {
  results: FaultResult[];
  gauges: GaugeRow[];
  /** In this second lateness is what was asked for. */
  isDisturbed: (epochMs: number) => boolean;
  /** The generator's own, p99 over what else there is of the steady phase; null: nothing was sent; undefined: there were no faults. */
  slipP99Ms: number | null | undefined;
}

export class RunFaults {
  #options: RunFaultsOptions;
  #ground: FaultGround | null;
  #schedule: FaultSchedule | null = null;

  /** Throws FaultError when what a fault needs can't be made. */
  constructor(options: RunFaultsOptions) {
    const { faults } = options.plan;
    this.#options = options;
    this.#ground = faults.length === 0 ? null : FaultGround.prepare(faults, options.storeDirectory);
  }

  /** The network that the embedded node is to live in; null: the machine's own. */
  get network(): FaultGround['network'] {
    return this.#ground?.network ?? null;
  }

  get remarks(): string[] {
    return this.#ground?.remarks ?? [];
  }

  /** Begin to look, and begin the faults on time. `node`: the embedded one. */
  start(node: EmbeddedNode | null, steadyStartMs: number): void {
    const { plan, clock, tellAgents, holdResults, progress, note } = this.#options;
    if (plan.faults.length === 0) return;
    this.#schedule = new FaultSchedule(plan.faults, {
      clock,
      node,
      network: this.#ground?.network ?? null,
      disk: this.#ground?.disk ?? null,
      tellAgents,
      holdResults,
      progress,
      note,
      usersComeAndGo: plan.blocks.some(({ online, turnover }) => online !== null || turnover.length > 0),
    });
    this.#schedule.observe();
    this.#schedule.start(steadyStartMs);
  }

  record(batch: SampleBatch): void {
    this.#schedule?.record(batch);
  }

  /** Everything is whole again. */
  async undo(): Promise<void> {
    await this.#schedule?.undo();
  }

  /** Those begun so far. */
  get begun(): FaultNow[] {
    return this.#schedule?.begun ?? [];
  }

  /** Nothing is broken, and nothing was disturbed when it was last looked at: more time would not show more. */
  get settled(): boolean {
    return this.#schedule?.settled ?? true;
  }

  /** `lost`: messages that the run lost; `steady`: ms since the epoch. */
  judge(lost: number, steady: { startMs: number; endMs: number }): FaultsJudged {
    this.#schedule?.stop();
    const { clock } = this.#options;
    const results = this.#schedule?.results(lost) ?? [];
    const spans = this.#schedule?.disturbed() ?? [];
    return {
      results,
      gauges: recoveryGauge(results, clock.toEpochMs(clock.nowMs())),
      isDisturbed: (epochMs) => touches(spans, clock.fromEpochMs(epochMs)),
      slipP99Ms: this.#schedule?.slipP99Ms({
        fromMs: clock.fromEpochMs(steady.startMs),
        untilMs: clock.fromEpochMs(steady.endMs),
      }),
    };
  }

  /** When node and agents have ended. */
  async remove(): Promise<void> {
    await this.undo();
    this.#schedule?.stop();
    this.#ground?.remove();
  }
}
