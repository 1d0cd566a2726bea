/** A checked scenario and what the command line overrides → exactly what a run will do. Pure. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import type { Arrivals } from '../pacing/fire-times.ts';
import { createRateCurve, type RateStage } from '../pacing/rate-curve.ts';
import { parseThresholds, type Threshold, ThresholdError } from '../recorder/thresholds.ts';
import { formatCount } from '../units.ts';
import { offeredRate } from './offered-rate.ts';
import { populationRates } from './rates.ts';

export type Durability = 'fsync' | 'os' | 'none';

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

export interface LoadPlan {
  name: string;
  description: string;
  question: string;
  badSign: string;
  /** Users 0 … users − 1, one connection each. */
  users: number;
  connections: number;
  /** Messages/s, mean over the steady phase. */
  rate: number;
  arrivals: Arrivals;
  /** The rate from the start of the warm-up to the end of the steady phase; fire times count from there. */
  stages: RateStage[];
  bodyBytes: number;
  phases: { warmUpMs: number; steadyMs: number; drainMs: number };
  /** Over all agents; perSecond null: as fast as inFlight lets them. */
  connecting: { perSecond: number | null; inFlight: number };
  /** HTTP calls beside the messages; null: none. */
  http: HttpPlan | null;
  thresholds: Threshold[];
  /** null: the node's default. */
  server: { shards: number | null; store: string | null; durability: Durability | null };
  /** null: from cores and descriptor limits. */
  agents: number | null;
  seed: number;
  /** How the load follows from the scenario, line by line. */
  derivation: string[];
}

/** `rate` calls/s over `connections`, drawn from `requests` by weight. */
export type HttpPlan = NonNullable<CheckedScenario['http']>;

const BODY_BYTES_DEFAULT = 100;

/** Throws ScenarioError when the numbers do not go together. */
export function compileScenario(scenario: CheckedScenario, overrides: LoadOverrides = {}): LoadPlan {
  checkOverrides(overrides);
  const { users, derivation, populationRate } = slice(scenario, overrides);
  const steady = offeredRate(scenario, overrides, users, populationRate);
  const steadyMs = createRateCurve(steady.stages).durationMs;
  const warmUpMs = scenario.phases.warmUp;
  const warmUpRate = steady.stages[0]!.fromRate;
  const warmUp = warmUpMs > 0 ? [{ fromRate: warmUpRate, toRate: warmUpRate, durationMs: warmUpMs }] : [];
  return {
    name: scenario.name,
    description: scenario.description,
    question: scenario.question,
    badSign: scenario.badSign,
    users,
    connections: users,
    rate: createRateCurve(steady.stages).total / (steadyMs / 1000),
    arrivals: scenario.load.arrivals,
    stages: [...warmUp, ...steady.stages],
    bodyBytes: scenario.population?.messageBytes ?? BODY_BYTES_DEFAULT,
    phases: { warmUpMs, steadyMs, drainMs: scenario.phases.drain },
    connecting: { perSecond: scenario.connecting.perSecond ?? null, inFlight: scenario.connecting.inFlight },
    http: scenario.http ?? null,
    thresholds: thresholdsOf(scenario),
    server: {
      shards: overrides.shards ?? scenario.server.shards ?? null,
      store: overrides.store ?? scenario.server.store ?? null,
      durability: overrides.durability ?? scenario.server.durability ?? null,
    },
    agents: overrides.agents ?? null,
    seed: overrides.seed ?? scenario.seed,
    derivation: [...derivation, steady.derivation],
  };
}

interface Slice {
  users: number;
  derivation: string[];
  /** Messages/s of the slice; undefined without a population. */
  populationRate: { mean: number; peak: number } | undefined;
}

function slice(scenario: CheckedScenario, overrides: LoadOverrides): Slice {
  const asked = overrides.connections ?? scenario.connections;
  const overridden = overrides.connections !== undefined;
  if (!scenario.population) {
    if (asked === undefined)
      throw new ScenarioError('"connections" is missing; without a population it says how many users there are');
    const line = `${formatCount(asked)} connections, as ${overridden ? 'asked for on the command line' : 'the scenario says'}`;
    return { users: asked, derivation: [line], populationRate: undefined };
  }
  const { population } = scenario;
  const online = population.dau * population.shareOnline;
  if (asked !== undefined && asked > online) {
    throw new ScenarioError(
      `${formatCount(asked)} connections are more than the ${formatCount(online)} users who are online at once; lower the connections or raise "population.dau"`,
    );
  }
  const rates = populationRates({
    dau: population.dau,
    messagesPerUserPerDay: population.messagesPerUserPerDay,
    messageBytes: population.messageBytes,
    shareOnline: population.shareOnline,
    nodes: population.nodes,
    ...(population.hourlyCurve && { hourlyCurve: population.hourlyCurve }),
    ...(asked !== undefined && { connections: asked }),
  });
  if (rates.slice.connections < 1) {
    throw new ScenarioError(
      `${formatCount(online)} connections ÷ ${formatCount(population.nodes)} nodes is less than one connection a node; lower "population.nodes"`,
    );
  }
  return {
    users: rates.slice.connections,
    derivation: overridden
      ? [...rates.derivation, `${formatCount(rates.slice.connections)} connections, as asked for on the command line`]
      : rates.derivation,
    populationRate: { mean: rates.slice.mean.messagesPerSecond, peak: rates.slice.peak.messagesPerSecond },
  };
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

function thresholdsOf(scenario: CheckedScenario): Threshold[] {
  try {
    return parseThresholds(scenario.options.thresholds);
  } catch (error) {
    if (error instanceof ThresholdError) throw new ScenarioError(error.problems, { cause: error });
    throw error;
  }
}
