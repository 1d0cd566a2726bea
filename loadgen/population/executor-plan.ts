/** k6's executors → streams and blocks. Pure. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import type { RateStage } from '../pacing/rate-curve.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';
import { checkPossible } from './offered-rate.ts';
import type { BlockPlan, StreamPlan } from './plan.ts';

type Executor = CheckedScenario['options']['scenarios'][string];
type Flow = CheckedScenario['flows'][string];

export interface ExecutorPlan {
  streams: StreamPlan[];
  /** Of the closed executors; users are numbered from `firstUser` on. */
  blocks: BlockPlan[];
  /** Since the load began, when the last of them ends. */
  endMs: number;
  derivation: string[];
}

const DEFAULT_FLOW: Flow = { to: 'user', think: 0, arrivals: 'constant' };

/**
 * @param crowd users of block 0, from whom open executors draw; 0: there is none.
 * Throws ScenarioError for what does not go together.
 */
export function executorPlan(scenario: CheckedScenario, crowd: number): ExecutorPlan {
  const streams: StreamPlan[] = [];
  const blocks: BlockPlan[] = [];
  const derivation: string[] = [];
  let firstUser = crowd;
  let endMs = 0;
  for (const [name, executor] of Object.entries(scenario.options.scenarios)) {
    const flow = flowOf(scenario, name, executor);
    const where = `"options.scenarios.${name}"`;
    const base = {
      name,
      executor: executor.executor,
      to: flow.to,
      startMs: executor.startTime,
    };
    if (executor.executor === 'constant-arrival-rate' || executor.executor === 'ramping-arrival-rate') {
      if (crowd === 0)
        throw new ScenarioError(`${where} needs users to draw its senders from; say how many with "connections"`);
      const stages = openStages(executor, where);
      checkPossible(stages, crowd);
      streams.push({ ...base, block: 0, pace: { model: 'open', stages, arrivals: flow.arrivals } });
      endMs = Math.max(endMs, executor.startTime + lengthOf(stages));
      derivation.push(
        `${name}: ${path(stages)} messages/s, ${flow.arrivals} arrivals, ${span(base.startMs, lengthOf(stages))}`,
      );
      continue;
    }
    if (flow.to === 'group') {
      throw new ScenarioError(
        `${where} sends to groups, which only the open executors do (constant-arrival-rate, ramping-arrival-rate)`,
      );
    }
    const vus = vuStages(executor);
    const users = Math.max(...vus.flatMap((stage) => [stage.fromRate, stage.toRate]));
    if (users < 2)
      throw new ScenarioError(`${where} has one virtual user, who has nobody to write to; give it 2 or more`);
    const durationMs = lengthOf(vus);
    if (durationMs === 0) throw new ScenarioError(`${where} lasts 0 s; give its stages a duration`);
    const graceMs = executor.executor === 'ramping-vus' ? executor.gracefulRampDown : executor.gracefulStop;
    blocks.push({ name, first: firstUser, users, graceMs, online: online(executor, vus), turnover: [] });
    const block = blocks.length - 1 + (crowd > 0 ? 1 : 0);
    const iterations = iterationsOf(executor);
    if (iterations !== null && 'shared' in iterations && iterations.shared < users)
      throw new ScenarioError(
        `${where} has fewer iterations (${formatCount(iterations.shared)}) than virtual users (${formatCount(users)}) to share them; give it ${formatCount(users)} or more`,
      );
    streams.push({ ...base, block, pace: { model: 'closed', durationMs, thinkMs: flow.think, iterations } });
    derivation.push(
      `${name}: ${path(vus)} virtual users, each waits for its acknowledgement` +
        `${flow.think > 0 ? ` and ${formatDuration(flow.think)} in the mean` : ''}, ${describeIterations(iterations)}${span(base.startMs, durationMs)}`,
    );
    firstUser += users;
    endMs = Math.max(endMs, executor.startTime + durationMs);
  }
  return { streams, blocks, endMs, derivation };
}

function flowOf(scenario: CheckedScenario, name: string, executor: Executor): Flow {
  const flow = scenario.flows[executor.exec] ?? (executor.exec === 'default' ? DEFAULT_FLOW : undefined);
  if (flow === undefined) {
    const known = ['default', ...Object.keys(scenario.flows)].map((flow) => `"${flow}"`).join(', ');
    throw new ScenarioError(
      `"options.scenarios.${name}.exec" names the flow "${executor.exec}", but there are only ${known}`,
    );
  }
  if (flow.to === 'group' && scenario.population?.groups === undefined)
    throw new ScenarioError(`"options.scenarios.${name}" sends to groups, of which "population.groups" makes none`);
  return flow;
}

type OpenExecutor = Executor & { executor: 'constant-arrival-rate' | 'ramping-arrival-rate' };
type ClosedExecutor = Exclude<Executor, OpenExecutor>;

function openStages(executor: OpenExecutor, where: string): RateStage[] {
  const perSecond = 1000 / executor.timeUnit;
  if (executor.executor === 'constant-arrival-rate') {
    const rate = executor.rate * perSecond;
    return [{ fromRate: rate, toRate: rate, durationMs: executor.duration }];
  }
  const stages = ramp(executor.startRate, executor.stages, perSecond).filter((stage) => stage.durationMs > 0);
  if (stages.length === 0) throw new ScenarioError(`${where} lasts 0 s; give its stages a duration`);
  return stages;
}

function vuStages(executor: ClosedExecutor): RateStage[] {
  if (executor.executor === 'ramping-vus') return ramp(executor.startVUs, executor.stages, 1);
  const durationMs = 'duration' in executor ? executor.duration : executor.maxDuration;
  return [{ fromRate: executor.vus, toRate: executor.vus, durationMs }];
}

function ramp(start: number, stages: Array<{ target: number; duration: number }>, scale: number): RateStage[] {
  let fromRate = start * scale;
  return stages.map(({ target, duration }) => {
    const stage = { fromRate, toRate: target * scale, durationMs: duration };
    fromRate = stage.toRate;
    return stage;
  });
}

/** Virtual users come when their executor starts and leave when it ends. */
function online(executor: ClosedExecutor, vus: RateStage[]): RateStage[] | null {
  const wait = executor.startTime > 0 ? [{ fromRate: 0, toRate: 0, durationMs: executor.startTime }] : [];
  const end = { fromRate: 0, toRate: 0, durationMs: 0 };
  return [...wait, ...vus, end];
}

function iterationsOf(executor: ClosedExecutor): { perUser: number } | { shared: number } | null {
  if (executor.executor === 'per-vu-iterations') return { perUser: executor.iterations };
  return executor.executor === 'shared-iterations' ? { shared: executor.iterations } : null;
}

function describeIterations(iterations: { perUser: number } | { shared: number } | null): string {
  if (iterations === null) return '';
  if ('perUser' in iterations) return `${formatCount(iterations.perUser)} messages each, at most `;
  return `${formatCount(iterations.shared)} messages in all, at most `;
}

function lengthOf(stages: RateStage[]): number {
  return stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

function path(stages: RateStage[]): string {
  const values = [stages[0]!.fromRate, ...stages.map(({ toRate }) => toRate)];
  return values
    .filter((value, index) => index === 0 || value !== values[index - 1])
    .map(formatNumber)
    .join(' → ');
}

function span(startMs: number, lengthMs: number): string {
  return `${formatDuration(lengthMs)}${startMs > 0 ? ` from ${formatDuration(startMs)} on` : ''}`;
}
