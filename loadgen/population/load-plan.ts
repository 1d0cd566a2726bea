/** A checked scenario and what the command line overrides → exactly what a run will do. Pure. */
import type { CheckedFault } from '../../scenarios/scenario-faults.ts';
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import { createRateCurve, type RateStage } from '../pacing/rate-curve.ts';
import { parseThresholds, type Threshold, ThresholdError } from '../recorder/thresholds.ts';
import { formatDuration, formatNumber } from '../units.ts';
import { describePopulation } from './describe-population.ts';
import { executorPlan } from './executor-plan.ts';
import { thresholdRemarks } from './expected-metrics.ts';
import { faultRemarks } from './fault-remarks.ts';
import { createGroups, type GroupPopulation } from './groups.ts';
import { connectionsAtMost, connectionsAtStart, fanOutOf, offeredInAll } from './load-figures.ts';
import { dayPartHours, loadLengthMs, offeredRate } from './offered-rate.ts';
import { meanPayloadBytes } from './payload-sizes.ts';
import type { BlockPlan, Durability, LoadPlan, StreamPlan } from './plan.ts';
import { type Slice, sliceOf } from './slice.ts';
import { groupsPlan, partnerSpec, payloadSpec } from './traffic-specs.ts';

export type { Durability, HttpPlan, LoadPlan } from './plan.ts';

/** What flags and environment put over a scenario. Undefined: as the scenario says. */
export interface LoadOverrides {
  /** A slice of this size; a rate that follows from the population is scaled with it. */
  connections?: number | undefined;
  /** Steady phase; the stages of a ramp are stretched to it. */
  durationMs?: number | undefined;
  /** Messages/s; of a ramp, its highest rate. */
  rate?: number | undefined;
  seed?: number | undefined;
  shards?: number | undefined;
  agents?: number | undefined;
  store?: string | undefined;
  durability?: Durability | undefined;
}

const CROWD_GRACE_MS = 2000;
/** Steady phase after the last fault, to see the service recover. */
const AFTER_FAULT_MS = 30_000;

/** @param samples sizes of `messageBytes.file`. Throws ScenarioError when the numbers do not go together. */
export function compileScenario(
  scenario: CheckedScenario,
  overrides: LoadOverrides = {},
  samples?: readonly number[],
): LoadPlan {
  checkOverrides(overrides);
  if (!scenario.load && Object.keys(scenario.options.scenarios).length === 0)
    throw new ScenarioError('"load" is missing; it says how much is sent (or "options.scenarios" does, as in k6)');
  const payload = payloadSpec(scenario.population, samples);
  const warmUpMs = scenario.phases.warmUp ?? (scenario.load ? 5000 : 0);
  const lengthMs = steadyLengthMs(scenario, overrides, warmUpMs);
  const stretch = lengthMs / steadyLengthMs(scenario, {}, warmUpMs);
  const crowd = sliceOf(scenario, overrides, { steadyMs: lengthMs, stretch }, meanPayloadBytes(payload));
  if (crowd === null && scenario.load)
    throw new ScenarioError('"connections" is missing; without a population it says how many users there are');
  if (!scenario.load && overrides.rate !== undefined)
    throw new ScenarioError(
      'a rate on the command line stands for "load.rate", but this scenario has executors of their own rates',
    );
  const crowdUsers = crowd?.users ?? 0;
  const executors = executorPlan(stretched(scenario, overrides), crowdUsers);
  const offered =
    scenario.load && offeredRate(scenario.load, scenario.phases.steady, overrides, crowdUsers, crowd?.rate);
  const loadMs = offered === undefined ? 0 : warmUpMs + createRateCurve(offered.stages).durationMs;
  const steadyMs = Math.max(loadMs, executors.endMs) - warmUpMs;
  if (steadyMs <= 0) throw new ScenarioError('"phases.warmUp" is longer than the load lasts; nothing would be judged');
  const block = crowd && crowdBlock(crowd, warmUpMs);
  const groups = groupsPlan(scenario.population, crowdUsers);
  const streams = [
    ...(offered === undefined ? [] : loadStreams(scenario, offered.stages, warmUpMs)),
    ...executors.streams,
  ];
  const users = crowdUsers + executors.blocks.reduce((sum, { users }) => sum + users, 0);
  const devices = scenario.population?.devices ?? 1;
  const { rate, ratePeak } = offeredInAll(streams, warmUpMs, steadyMs);
  const traffic = { blocks: [...(block ? [block] : []), ...executors.blocks], streams, users, devices };
  const seed = overrides.seed ?? scenario.seed;
  const population = groups && createGroups({ ...groups, users: crowdUsers, seed });
  const fanOut = fanOutOf(streams, devices, population);
  const faults = faultsOf(scenario, steadyMs);
  const http = scenario.http ?? null;
  const presenceContacts = scenario.population?.presence?.contacts ?? 0;
  const thresholds = thresholdsOf(scenario, streams);
  return {
    ...traffic,
    payload,
    partners: partnerSpec(scenario.population),
    groups,
    presenceContacts,
    warmUpMs,
    steadyMs,
    name: scenario.name,
    description: scenario.description,
    question: scenario.question,
    badSign: scenario.badSign,
    connections: connectionsAtMost(traffic.blocks, devices),
    connectionsAtStart: connectionsAtStart(traffic.blocks, devices),
    rate,
    ratePeak,
    bodyBytes: meanPayloadBytes(payload),
    fanOut,
    phases: { warmUpMs, steadyMs, drainMs: scenario.phases.drain },
    endsWhenDone: streams.every(({ pace }) => pace.model === 'closed' && pace.iterations !== null),
    connecting: { perSecond: scenario.connecting.perSecond ?? null, inFlight: scenario.connecting.inFlight },
    http,
    thresholds,
    faults,
    driver: scenario.driver ?? null,
    server: {
      shards: overrides.shards ?? scenario.server.shards ?? null,
      store: overrides.store ?? scenario.server.store ?? null,
      durability: overrides.durability ?? scenario.server.durability ?? null,
    },
    agents: overrides.agents ?? null,
    seed,
    derivation: [
      ...(crowd?.derivation ?? []),
      ...habits(scenario, { population, payload, users, devices }),
      ...(offered ? [offered.derivation] : []),
      ...executors.derivation,
    ],
    remarks: [
      ...remarksOf(scenario, offered?.stages),
      ...faultRemarks(faults, { warmUpMs, steadyMs }),
      ...thresholdRemarks(thresholds, { ...traffic, rate, groups, http, presenceContacts, faults }),
    ],
  };
}

/** Sessions end and begin for as long as anything is sent; what the length itself must be is checked later. */
function steadyLengthMs(scenario: CheckedScenario, overrides: LoadOverrides, warmUpMs: number): number {
  const { load, phases } = scenario;
  const { endMs } = executorPlan(stretched(scenario, overrides), Number.MAX_SAFE_INTEGER);
  const loadMs = load === undefined ? 0 : loadLengthMs(load, phases.steady, overrides);
  return Math.max(loadMs, endMs - warmUpMs, 0);
}

/** `-d` stretches executors, where nothing but they say how long the run lasts. */
function stretched(scenario: CheckedScenario, { durationMs }: LoadOverrides): CheckedScenario {
  if (scenario.load || durationMs === undefined) return scenario;
  const { endMs } = executorPlan(scenario, Number.MAX_SAFE_INTEGER);
  const factor = durationMs / endMs;
  const stretch = (ms: number): number => Math.round(ms * factor);
  const scenarios = Object.entries(scenario.options.scenarios).map(([name, executor]) => [
    name,
    {
      ...executor,
      startTime: stretch(executor.startTime),
      ...('duration' in executor && { duration: stretch(executor.duration) }),
      ...('maxDuration' in executor && { maxDuration: stretch(executor.maxDuration) }),
      ...('stages' in executor && {
        stages: executor.stages.map(({ target, duration }) => ({ target, duration: stretch(duration) })),
      }),
    },
  ]);
  return { ...scenario, options: { ...scenario.options, scenarios: Object.fromEntries(scenarios) } };
}

/** The warm-up holds what the steady phase begins with. */
function withWarmUp(steady: RateStage[], warmUpMs: number): RateStage[] {
  const rate = steady[0]?.fromRate;
  if (rate === undefined || warmUpMs === 0) return steady;
  return [{ fromRate: rate, toRate: rate, durationMs: warmUpMs }, ...steady];
}

function crowdBlock(crowd: Slice, warmUpMs: number): BlockPlan {
  return {
    name: 'crowd',
    first: 0,
    graceMs: CROWD_GRACE_MS,
    users: crowd.users,
    online: crowd.onlineStages && withWarmUp(crowd.onlineStages, warmUpMs),
    turnover: withWarmUp(crowd.turnover, warmUpMs),
  };
}

/** The messages of `load`: one stream, or one to users and one to groups. */
function loadStreams(scenario: CheckedScenario, steady: RateStage[], warmUpMs: number): StreamPlan[] {
  const { load, population } = scenario;
  const stages = withWarmUp(steady, warmUpMs);
  const stream = (name: string, to: 'user' | 'group', share: number): StreamPlan[] => {
    if (share === 0) return [];
    const scaled = stages.map((stage) => ({
      ...stage,
      fromRate: stage.fromRate * share,
      toRate: stage.toRate * share,
    }));
    const pace = { model: 'open' as const, stages: scaled, arrivals: load!.arrivals };
    return [{ name, executor: load!.executor, to, block: 0, startMs: 0, pace }];
  };
  const toGroups = population?.groups?.share ?? 0;
  if (toGroups === 0) return stream('default', 'user', 1);
  return [...stream('direct', 'user', 1 - toGroups), ...stream('group', 'group', toGroups)];
}

/** How users write, where it is not the plain case. */
function habits(
  scenario: CheckedScenario,
  of: Pick<LoadPlan, 'payload' | 'users' | 'devices'> & { population: GroupPopulation | null },
): string[] {
  const { population: groups, payload, users, devices } = of;
  const partners = partnerSpec(scenario.population);
  return describePopulation({
    ...(devices > 1 && { devices: { users, mean: devices } }),
    ...(partners.kind !== 'pairs' && { partners }),
    ...(payload.kind !== 'constant' && { payload }),
    ...(groups && { groups: { groups, share: scenario.population!.groups!.share, devices } }),
  });
}

function faultsOf(scenario: CheckedScenario, steadyMs: number): CheckedFault[] {
  const late = scenario.faults.find(({ at }) => at >= steadyMs);
  if (late !== undefined) {
    const enough = formatDuration(Math.max(...scenario.faults.map(({ at }) => at)) + AFTER_FAULT_MS);
    throw new ScenarioError(
      `the fault ${late.kind} at ${formatDuration(late.at)} comes after the steady phase of ${formatDuration(steadyMs)}; ` +
        `-d ${enough} is long enough to see all faults and what follows, or give it an earlier "at"`,
    );
  }
  return [...scenario.faults].sort((a, b) => a.at - b.at);
}

function remarksOf(scenario: CheckedScenario, steady: RateStage[] | undefined): string[] {
  const { load } = scenario;
  if (load?.executor !== 'daily-curve' || steady === undefined) return [];
  const partMs = createRateCurve(steady).durationMs;
  const factor = (dayPartHours(load) * 3_600_000) / partMs;
  return [
    `the day is compressed ${formatNumber(factor)}-fold in time, not in rate: every moment has the messages/s and the users online of its hour; ` +
      'changes from hour to hour are that much steeper, and in all so many times fewer messages are sent than in a day',
  ];
}

function checkOverrides(overrides: LoadOverrides): void {
  const checks: Array<[keyof LoadOverrides, string, (value: number) => boolean, string]> = [
    ['connections', 'connections', (n) => Number.isSafeInteger(n) && n >= 1, 'a whole number of 1 or more'],
    ['durationMs', 'duration', (n) => Number.isFinite(n) && n > 0, 'above 0'],
    ['rate', 'rate', (n) => Number.isFinite(n) && n >= 0, 'a number of messages/s of 0 or more'],
    ['seed', 'seed', Number.isFinite, 'a number'],
    [
      'shards',
      'number of shards',
      (n) => Number.isSafeInteger(n) && n >= 1 && n <= 1000,
      'a whole number from 1 to 1000',
    ],
    ['agents', 'number of agents', (n) => Number.isSafeInteger(n) && n >= 1, 'a whole number of 1 or more'],
  ];
  for (const [key, name, fits, range] of checks) {
    const value = overrides[key];
    if (value !== undefined && !fits(value as number))
      throw new ScenarioError(`the ${name} must be ${range}, not ${value}`);
  }
}

function thresholdsOf(scenario: CheckedScenario, streams: StreamPlan[]): Threshold[] {
  try {
    return parseThresholds(scenario.options.thresholds, { scenarios: streams.map(({ name }) => name) });
  } catch (error) {
    if (error instanceof ThresholdError) throw new ScenarioError(error.problems, { cause: error });
    throw error;
  }
}
