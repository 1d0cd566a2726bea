/** The slice of the population that is run: how many users, how many of them connected when, and at which rate they write. */
import { type CheckedScenario, ScenarioError } from '../../scenarios/scenario-schema.ts';
import type { RateStage } from '../pacing/rate-curve.ts';
import { formatCount, formatNumber } from '../units.ts';
import { describeSessions, describeTimeZones } from './describe-population.ts';
import { HOURLY_CURVES, inTimeZones, normalisedCurve } from './hourly-curves.ts';
import { dayPartHours, dayPartMs, type PopulationRate, type RateOverrides } from './offered-rate.ts';
import { populationRates } from './rates.ts';
import { type SessionFigures, sessionFigures, sessionStages } from './sessions.ts';

export interface Slice {
  /** The crowd: users who may be connected, and how many are at once at most. */
  users: number;
  online: number;
  /** As BlockPlan has them, over the steady phase; null: everybody, all the time. */
  onlineStages: RateStage[] | null;
  turnover: RateStage[];
  derivation: string[];
  /** Undefined without a population. */
  rate: PopulationRate | undefined;
}

export interface SliceOverrides extends RateOverrides {
  connections?: number | undefined;
}

type Population = NonNullable<CheckedScenario['population']>;

/** `stretch`: how much longer the run lasts than the scenario says. `meanBytes`: payload. Null when nothing says how many users there are. Throws ScenarioError when the numbers do not go together. */
export function sliceOf(
  scenario: CheckedScenario,
  overrides: SliceOverrides,
  { steadyMs, stretch }: { steadyMs: number; stretch: number },
  meanBytes: number,
): Slice | null {
  const { population } = scenario;
  const asked = overrides.connections ?? scenario.connections;
  const line = asked === undefined ? '' : askedLine(asked, overrides);
  if (population?.dau === undefined) {
    checkWithoutDau(population);
    if (asked === undefined) return null;
    return withOnline(scenario, { users: asked, online: asked, derivation: [line], rate: undefined }, stretch);
  }
  if (population.sliceNodes > population.nodes) {
    throw new ScenarioError(
      `"population.sliceNodes" is ${formatCount(population.sliceNodes)}, more than the ${formatCount(population.nodes)} nodes there are`,
    );
  }
  const messagesPerUserPerDay = population.messagesPerUserPerDay;
  if (messagesPerUserPerDay === undefined) throw new ScenarioError('"population.messagesPerUserPerDay" is missing');
  const curve = dayCurve(population);
  const { dau, nodes } = population;
  const sessions =
    population.sessions === undefined ? null : replayedSessions(scenario, overrides, steadyMs, dau, curve);
  const shareOnline = sessions?.shareOnline ?? population.shareOnline ?? 1;
  const online = dau * shareOnline;
  if (asked !== undefined && asked > online) {
    throw new ScenarioError(
      `${formatCount(asked)} connections are more than the ${formatCount(online)} users who are online at once; lower the connections or raise "population.dau"`,
    );
  }
  const rates = populationRates({
    dau,
    messagesPerUserPerDay,
    messageBytes: meanBytes,
    shareOnline,
    nodes,
    sliceNodes: population.sliceNodes,
    hourlyCurve: curve,
    ...(asked !== undefined && { connections: asked }),
  });
  if (rates.slice.connections < 1) {
    throw new ScenarioError(
      `${formatCount(online)} connections ÷ ${formatCount(nodes)} nodes is less than one connection a node; lower "population.nodes"`,
    );
  }
  const rate = { mean: rates.slice.mean.messagesPerSecond, peak: rates.slice.peak.messagesPerSecond, curve };
  const derivation = [
    ...rates.derivation,
    ...zoneLines(population),
    ...(overrides.connections === undefined ? [] : [line]),
  ];
  const slice = { online: rates.slice.connections, rate };
  if (sessions === null) return withOnline(scenario, { ...slice, users: slice.online, derivation }, stretch);
  if (scenario.online)
    throw new ScenarioError('"online" and "population.sessions" both say who is connected; give one');
  const scale = asked === undefined ? population.sliceNodes / nodes : asked / online;
  const scaled = (stages: RateStage[]): RateStage[] =>
    stages.map(({ fromRate, toRate, durationMs }) => ({
      fromRate: fromRate * scale,
      toRate: toRate * scale,
      durationMs,
    }));
  return {
    ...slice,
    users: Math.max(Math.round(dau * scale), slice.online),
    onlineStages: scaled(sessions.online),
    turnover: scaled(sessions.turnover),
    derivation: [...derivation, ...sessions.lines(scale)],
  };
}

function askedLine(asked: number, overrides: SliceOverrides): string {
  const who = overrides.connections === undefined ? 'the scenario says' : 'asked for on the command line';
  return `${formatCount(asked)} connections, as ${who}`;
}

function checkWithoutDau(population: Population | undefined): void {
  if (population === undefined) return;
  for (const field of ['messagesPerUserPerDay', 'shareOnline', 'sessions', 'timeZones'] as const) {
    if (population[field] !== undefined)
      throw new ScenarioError(`"population.dau" is missing; "population.${field}" means nothing without it`);
  }
}

function withOnline(
  scenario: CheckedScenario,
  slice: Omit<Slice, 'onlineStages' | 'turnover'>,
  stretch: number,
): Slice {
  const { online } = scenario;
  if (online === undefined) return { ...slice, onlineStages: null, turnover: [] };
  let from = online.start;
  const stages = online.stages.map(({ target, duration }) => {
    const stage = { fromRate: from * slice.users, toRate: target * slice.users, durationMs: duration * stretch };
    from = target;
    return stage;
  });
  const path = [online.start, ...online.stages.map(({ target }) => target)].map(
    (share) => `${formatNumber(share * 100)}%`,
  );
  return {
    ...slice,
    onlineStages: stages,
    turnover: [],
    derivation: [...slice.derivation, `of these users ${path.join(' → ')} are online`],
  };
}

function dayCurve(population: Population): number[] {
  const { hourlyCurve, timeZones } = population;
  if (hourlyCurve === 'global' && timeZones !== undefined)
    throw new ScenarioError('"population.hourlyCurve" is "global", a mix of time zones already; leave out "timeZones"');
  const local = typeof hourlyCurve === 'string' ? HOURLY_CURVES[hourlyCurve] : normalisedCurve(hourlyCurve);
  return timeZones === undefined ? [...local] : inTimeZones(local, timeZones);
}

function zoneLines({ hourlyCurve, timeZones }: Population): string[] {
  if (timeZones === undefined) return [];
  const curve = typeof hourlyCurve === 'string' ? HOURLY_CURVES[hourlyCurve] : hourlyCurve;
  return [describeTimeZones(normalisedCurve(curve), timeZones)];
}

interface ReplayedSessions {
  /** Of all daily users, at the busiest moment of what is replayed. */
  shareOnline: number;
  online: RateStage[];
  turnover: RateStage[];
  lines: (scale: number) => string[];
}

function replayedSessions(
  scenario: CheckedScenario,
  overrides: SliceOverrides,
  steadyMs: number,
  users: number,
  curve: number[],
): ReplayedSessions {
  const { load, population } = scenario;
  const { sessions, shareOnline } = population!;
  const figures = figuresOf(users, sessions!);
  if (shareOnline !== undefined && Math.abs(shareOnline - figures.shareOnline) > 0.01 * figures.shareOnline) {
    throw new ScenarioError(
      `"population.shareOnline" is ${shareOnline}, but the sessions come to ${formatNumber(figures.shareOnline)} (Little's law: sessions × length ÷ a day); leave it out`,
    );
  }
  const daily = load?.executor === 'daily-curve' ? load : null;
  const hourFactor = load?.executor === 'constant-arrival-rate' && load.at === 'peak' ? Math.max(...curve) : 1;
  const { online, turnover } = daily
    ? sessionStages({
        curve,
        users,
        figures,
        sessionLengthMs: sessions!.length,
        lengthMs: (dayPartMs(daily, overrides.durationMs) * 24) / dayPartHours(daily),
        part: { fromHour: daily.fromHour, toHour: daily.toHour },
      })
    : constantSessions(Math.min(figures.meanOnline * hourFactor, users), sessions!.length, steadyMs);
  const most = Math.max(...online.flatMap((stage) => [stage.fromRate, stage.toRate]));
  const least = Math.min(...online.flatMap((stage) => [stage.fromRate, stage.toRate]));
  const ends = Math.max(...turnover.flatMap((stage) => [stage.fromRate, stage.toRate]));
  return {
    shareOnline: most / users,
    online,
    turnover,
    lines: (scale) => [
      ...describeSessions({
        users: Math.round(users * scale),
        sessionsPerUserPerDay: sessions!.perUserPerDay,
        sessionLengthMs: sessions!.length,
      }),
      `over the replayed time ${formatCount(Math.round(least * scale))} to ${formatCount(Math.round(most * scale))} online, at most ${formatNumber(ends * scale)} sessions/s end and begin`,
    ],
  };
}

function figuresOf(users: number, sessions: NonNullable<Population['sessions']>): SessionFigures {
  try {
    const { perUserPerDay: sessionsPerUserPerDay, length: sessionLengthMs } = sessions;
    return sessionFigures({ users, sessionsPerUserPerDay, sessionLengthMs });
  } catch (error) {
    if (error instanceof RangeError)
      throw new ScenarioError(`"population.sessions": ${error.message}`, { cause: error });
    throw error;
  }
}

function constantSessions(
  online: number,
  sessionLengthMs: number,
  durationMs: number,
): { online: RateStage[]; turnover: RateStage[] } {
  const constant = (value: number): RateStage[] => [{ fromRate: value, toRate: value, durationMs }];
  return { online: constant(online), turnover: constant(online / (sessionLengthMs / 1000)) };
}
