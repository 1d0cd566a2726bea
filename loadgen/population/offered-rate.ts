/** The rate that `load` offers in the steady phase, from the scenario, the population and the command line; and whether it is possible. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import { createRateCurve, type RateStage } from '../pacing/rate-curve.ts';
import { formatCount, formatDuration, formatNumber } from '../units.ts';
import { dayStages } from './hourly-curves.ts';

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

type Load = NonNullable<CheckedScenario['load']>;
type ConstantLoad = Load & { executor: 'constant-arrival-rate' };
type RampingLoad = Load & { executor: 'ramping-arrival-rate' };
export type DailyLoad = Load & { executor: 'daily-curve' };

export interface RateOverrides {
  rate?: number | undefined;
  durationMs?: number | undefined;
}

/** Messages/s of the slice: mean, busiest hour, and the factor of each hour (mean 1, UTC). */
export interface PopulationRate {
  mean: number;
  peak: number;
  curve: readonly number[];
}

/**
 * @param rate of the population's slice, if there is a population.
 * Throws ScenarioError for a rate that is missing, given twice, or impossible for this many users.
 */
export function offeredRate(
  load: Load,
  steadyMs: number | undefined,
  overrides: RateOverrides,
  users: number,
  rate: PopulationRate | undefined,
): OfferedRate {
  const offered = offeredBy(load, steadyMs, overrides, rate);
  checkPossible(offered.stages, users);
  return offered;
}

/** How long the load lasts after the warm-up, ms; 0 for stages that last 0 s, which `offeredRate` refuses. */
export function loadLengthMs(load: Load, steadyMs: number | undefined, { durationMs }: RateOverrides): number {
  if (load.executor === 'daily-curve') return dayPartMs(load, durationMs);
  if (durationMs !== undefined) return durationMs;
  if (load.executor === 'ramping-arrival-rate') return load.stages.reduce((sum, { duration }) => sum + duration, 0);
  return steadyMs ?? STEADY_MS_DEFAULT;
}

function offeredBy(
  load: Load,
  steadyMs: number | undefined,
  overrides: RateOverrides,
  rate: PopulationRate | undefined,
): OfferedRate {
  if (load.executor === 'ramping-arrival-rate') return rampingRate(load, steadyMs, overrides, rate);
  if (load.executor === 'daily-curve') return dailyRate(load, steadyMs, overrides, rate);
  return constantRate(load, loadLengthMs(load, steadyMs, overrides), overrides.rate, rate);
}

function constantRate(
  load: ConstantLoad,
  durationMs: number,
  override: number | undefined,
  populationRate: PopulationRate | undefined,
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
function rampingRate(
  load: RampingLoad,
  steadyMs: number | undefined,
  overrides: RateOverrides,
  populationRate: PopulationRate | undefined,
): OfferedRate {
  const stagesMs = load.stages.reduce((sum, stage) => sum + stage.duration, 0);
  if (stagesMs === 0) throw new ScenarioError('"load.stages" last 0 s in all; give them a duration');
  checkSteady(steadyMs, stagesMs, 'the stages of the load last');
  if (load.of !== undefined && !populationRate)
    throw new ScenarioError(`"load.of" is "${load.of}", of which there is none without a population's "dau"`);
  const perSecond = load.of === undefined ? 1000 / load.timeUnit : populationRate![load.of];
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
  const said = load.of === undefined ? 'as the scenario says' : `as multiples of the population's ${load.of}`;
  const why = overrides.rate === undefined ? said : 'scaled to the highest rate asked for on the command line';
  return {
    // A stage of 0 s is a jump: it has no messages of its own.
    stages: stages.filter((stage) => stage.durationMs > 0),
    derivation: `offered: ${path} messages/s, ${why}`,
  };
}

/** `-R` is the mean over the whole day; `-d` says how long the part of the day takes. */
function dailyRate(
  load: DailyLoad,
  steadyMs: number | undefined,
  overrides: RateOverrides,
  populationRate: PopulationRate | undefined,
): OfferedRate {
  if (!populationRate)
    throw new ScenarioError('"load" replays a day, which takes a population with "dau" and "messagesPerUserPerDay"');
  const { fromHour, toHour } = load;
  const partMs = dayPartMs(load, overrides.durationMs);
  checkSteady(steadyMs, partMs, 'the replayed part of the day takes');
  const dayMs = (partMs * 24) / dayPartHours(load);
  const mean = overrides.rate ?? populationRate.mean;
  const stages = dayStages(populationRate.curve, mean, dayMs, { fromHour, toHour });
  const rates = stages.flatMap((stage) => [stage.fromRate, stage.toRate]);
  return {
    stages,
    derivation:
      `offered: ${hours(fromHour)} to ${hours(toHour)} UTC in ${formatDuration(partMs)}, ${formatNumber(Math.min(...rates))} to ` +
      `${formatNumber(Math.max(...rates))} messages/s: the curve is compressed ${formatNumber(86_400_000 / dayMs)}-fold, the rate is that of the hour`,
  };
}

/** How long the replayed part of a day takes, ms. */
export function dayPartMs(load: DailyLoad, durationMs: number | undefined): number {
  return durationMs ?? (load.day * dayPartHours(load)) / 24;
}

/** Hours of the day that are replayed; a part may go over midnight. */
export function dayPartHours({ fromHour, toHour }: DailyLoad): number {
  const hours = toHour - fromHour;
  return hours > 0 ? hours : hours + 24;
}

function hours(hour: number): string {
  return `${String(Math.floor(hour)).padStart(2, '0')}:${String(Math.round((hour % 1) * 60)).padStart(2, '0')}`;
}

function checkSteady(steadyMs: number | undefined, lengthMs: number, what: string): void {
  if (steadyMs === undefined || steadyMs === lengthMs) return;
  throw new ScenarioError(
    `"phases.steady" is ${formatDuration(steadyMs)}, but ${what} ${formatDuration(lengthMs)}; leave it out`,
  );
}

/** Throws ScenarioError when so many users can't send so much, or not one message falls into the stages. */
export function checkPossible(stages: RateStage[], users: number): void {
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
