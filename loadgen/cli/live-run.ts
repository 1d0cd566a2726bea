/** A run and the page that shows it: what the page has to know of the run, in its own words. */
import type { LiveModel } from '../../reports/live/live-model.ts';
import { LivePage } from '../../reports/live/live-page.ts';
import { type LiveAddress, LiveAddressError } from '../../reports/live/live-server.ts';
import type { LiveRun, LiveStatus } from '../../reports/live/live-status.ts';
import type { ReportModel } from '../../reports/report-model.ts';
import type { RunSnapshot } from '../coordinator/progress.ts';
import type { LoadPlan } from '../population/load-plan.ts';
import type { FaultResult } from '../recorder/summary.ts';
import { DEFAULT_LIVE } from './live-flag.ts';

export type LiveRunFacts = Pick<LiveRun, 'runId' | 'name' | 'agents' | 'shards' | 'cores'>;

export function liveRun(facts: LiveRunFacts, plan: LoadPlan): LiveRun {
  return {
    ...facts,
    scenario: plan.name,
    description: plan.description,
    startedAtMs: Date.now(),
    connections: plan.connectionsAtStart,
    rateOffered: plan.rate,
    steadySeconds: plan.phases.steadyMs / 1_000,
    thresholds: plan.thresholds.map(({ metric, source }) => ({ metric, threshold: source })),
  };
}

/** The page of one run. */
export class RunPage {
  #page: LivePage | null = null;
  #status: LiveStatus;

  private constructor(run: LiveRun) {
    this.#status = statusBefore(run);
  }

  /**
   * Says where the page is. As with k6's dashboard, a run whose default port is taken (by another run, most likely) goes on
   * without a page, null, and one that was given another port does not start: throws LiveAddressError.
   *
   * @param model gathers the rows; whoever owns it adds them.
   */
  static async open(
    address: LiveAddress,
    run: LiveRun,
    model: LiveModel,
    notice: (text: string) => void,
  ): Promise<RunPage | null> {
    const page = new RunPage(run);
    try {
      page.#page = await LivePage.start({ address, run, model, status: () => page.#status });
    } catch (error) {
      if (!(error instanceof LiveAddressError) || address.port !== DEFAULT_LIVE.port) throw error;
      notice(`${error.message}. The run goes on without its page.`);
      return null;
    }
    notice(`live page: ${page.#page.url}`);
    return page;
  }

  show(snapshot: RunSnapshot, troubles: readonly string[]): void {
    this.#status = statusOf(snapshot, troubles);
  }

  /** Says the last word and serves no more; does nothing the second time. `model` null: there is nothing to show. */
  async end(model: ReportModel | null, note: string): Promise<void> {
    const page = this.#page;
    this.#page = null;
    await page?.end(model, note);
  }
}

function statusOf(snapshot: RunSnapshot, troubles: readonly string[]): LiveStatus {
  const { phase, phaseElapsedMs, phaseLengthMs, phases, connectionsRequested, recent, serverCpu, notices } = snapshot;
  return {
    ...{ phase, phaseElapsedMs, phaseLengthMs, phases, connectionsRequested, serverCpu, notices, troubles },
    faults: faultsSoFar(snapshot),
    connections: snapshot.progress.connections,
    sentPerSecond: recent.sentPerSecond,
    deliveredPerSecond: recent.deliveredPerSecond,
    deliveryP50Ms: recent.deliveryP50Ms,
    deliveryP99Ms: recent.deliveryP99Ms,
    agentCpu: recent.agentCpu,
  };
}

/** When service was normal again is judged at the end: until then a fault counts as long as it was in force. */
function faultsSoFar({ faults, phases }: RunSnapshot): FaultResult[] {
  const steadyMs = phases.find(({ phase }) => phase === 'steady')?.startMs ?? 0;
  return faults.map(({ kind, startMs, endedMs, detail, problem }) => ({
    kind,
    atSeconds: (startMs - steadyMs) / 1_000,
    startMs,
    recoverySeconds: endedMs === null ? null : (endedMs - startMs) / 1_000,
    lost: 0,
    detail,
    ...(problem !== null && { problem }),
  }));
}

function statusBefore({ connections }: LiveRun): LiveStatus {
  return {
    phase: 'start',
    phaseElapsedMs: 0,
    phaseLengthMs: null,
    phases: [],
    faults: [],
    connections: 0,
    connectionsRequested: connections,
    sentPerSecond: 0,
    deliveredPerSecond: 0,
    deliveryP50Ms: null,
    deliveryP99Ms: null,
    serverCpu: null,
    agentCpu: null,
    troubles: [],
    notices: [],
  };
}
