/** The rate that the steady phase offers, from the scenario's load, the population and the command line; and whether it is possible. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import { createRateCurve, type RateStage } from '../pacing/rate-curve.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';

/**
 * More than this from one user is taken for a mistake in units: at 1,000 messages/s each message would have to be encoded,
 * sent and acknowledged within a millisecond of the one before.
 */
export const MESSAGES_PER_SECOND_PER_CONNECTION_MAX = 1000;

const STEADY_MS_DEFAULT = 30_000;

export interface OfferedRate {
  /** The steady phase, at least one stage, each longer than 0. */
  stages: RateStage[];
  /** One line that says where the rate comes from. */
  derivation: string;
}

type Load = CheckedScenario['load'];
type ConstantLoad = Load & { executor: 'constant-arrival-rate' };
type RampingLoad = Load & { executor: 'ramping-arrival-rate' };

interface RateOverrides {
  rate?: number | undefined;
  durationMs?: number | undefined;
}

/**
 * @param populationRate messages/s of the slice, if there is a population.
 * Throws ScenarioError for a rate that is missing, given twice, or impossible for this many users.
 */
export function offeredRate(
  scenario: CheckedScenario,
  overrides: RateOverrides,
  users: number,
  populationRate: { mean: number; peak: number } | undefined,
): OfferedRate {
  const { load, phases } = scenario;
  const offered =
    load.executor === 'ramping-arrival-rate'
      ? rampingRate(load, phases.steady, overrides)
      : constantRate(load, overrides.durationMs ?? phases.steady ?? STEADY_MS_DEFAULT, overrides.rate, populationRate);
  checkPossible(offered.stages, users);
  return offered;
}

function constantRate(
  load: ConstantLoad,
  durationMs: number,
  override: number | undefined,
  populationRate: { mean: number; peak: number } | undefined,
): OfferedRate {
  const offered = (rate: number, why: string): OfferedRate => ({
    stages: [{ fromRate: rate, toRate: rate, durationMs }],
    derivation: `offered: ${formatNumber(rate)} messages/s, ${why}`,
  });
  if (load.rate !== undefined && load.at !== undefined)
    throw new ScenarioError('"load" has both "rate" and "at"; give one of them');
  if (override !== undefined) return offered(override, 'as asked for on the command line');
  if (load.rate !== undefined) return offered(load.rate, 'as the scenario says, whatever the number of connections');
  if (!populationRate) {
    throw new ScenarioError('"load.rate" is missing; without a population it says how many messages/s there are');
  }
  if (load.at === 'peak') return offered(populationRate.peak, 'the hourly peak');
  if (load.at === undefined || load.at === 'mean') return offered(populationRate.mean, 'the mean');
  return offered(populationRate.mean * load.at, `${formatNumber(load.at)} × the mean`);
}

/** `-R` scales the stages so that their highest rate is the one asked for; `-d` stretches them to the duration asked for. */
function rampingRate(load: RampingLoad, steadyMs: number | undefined, overrides: RateOverrides): OfferedRate {
  const stagesMs = load.stages.reduce((sum, stage) => sum + stage.duration, 0);
  if (stagesMs === 0) throw new ScenarioError('"load.stages" last 0 s in all; give them a duration');
  if (steadyMs !== undefined && steadyMs !== stagesMs) {
    throw new ScenarioError(
      `"phases.steady" is ${formatDuration(steadyMs)}, but the stages of the load last ${formatDuration(stagesMs)}; leave it out`,
    );
  }
  const perSecond = 1000 / load.timeUnit;
  const highest = Math.max(load.startRate, ...load.stages.map((stage) => stage.target)) * perSecond;
  if (overrides.rate !== undefined && highest === 0) {
    throw new ScenarioError('the stages of the load are all at rate 0 and cannot be scaled to another rate');
  }
  const scale = overrides.rate === undefined ? perSecond : (perSecond * overrides.rate) / highest;
  const stretch = (overrides.durationMs ?? stagesMs) / stagesMs;
  let fromRate = load.startRate * scale;
  const stages = load.stages.map((stage) => {
    const piece = { fromRate, toRate: stage.target * scale, durationMs: stage.duration * stretch };
    fromRate = piece.toRate;
    return piece;
  });
  const path = [stages[0]!.fromRate, ...stages.map((stage) => stage.toRate)].map(formatNumber).join(' → ');
  const why =
    overrides.rate === undefined ? 'as the scenario says' : 'scaled to the highest rate asked for on the command line';
  return {
    // A stage of 0 s is a jump: it has no messages of its own.
    stages: stages.filter((stage) => stage.durationMs > 0),
    derivation: `offered: ${path} messages/s, ${why}`,
  };
}

function checkPossible(stages: RateStage[], users: number): void {
  const { total, durationMs } = createRateCurve(stages);
  if (total === 0) return;
  if (users < 2)
    throw new ScenarioError('one connection has nobody to write to; open at least 2, or set the rate to 0');
  const highest = Math.max(...stages.flatMap((stage) => [stage.fromRate, stage.toRate]));
  const most = users * MESSAGES_PER_SECOND_PER_CONNECTION_MAX;
  if (highest > most) {
    throw new ScenarioError(
      `${formatNumber(highest)} messages/s are more than ${formatCount(users)} connections can send (at most ` +
        `${formatCount(MESSAGES_PER_SECOND_PER_CONNECTION_MAX)}/s each, ${formatCount(most)}/s in all); lower the rate or open more`,
    );
  }
  if (total < 1) {
    throw new ScenarioError(
      `at ${formatNumber(highest)} messages/s not one message falls into a steady phase of ${formatDuration(durationMs)}; raise the rate or the duration`,
    );
  }
}
