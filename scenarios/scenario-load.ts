/** Schema of what is offered: `load`, `flows`, and the executors of k6's `options.scenarios`. */
import { z } from 'zod';
import { arrivals, count, countPositive, duration, number } from './scenario-fields.ts';

export const constantLoad = z.strictObject({
  executor: z.literal('constant-arrival-rate').default('constant-arrival-rate'),
  rate: number.optional(),
  at: z
    .union([z.enum(['mean', 'peak']), z.number().min(0, 'must be 0 or more')], 'must be "mean", "peak" or a factor')
    .optional(),
  arrivals,
});

const stages = z.array(z.strictObject({ target: number, duration })).min(1, 'must have at least one stage');

export const rampingLoad = z.strictObject({
  executor: z.literal('ramping-arrival-rate'),
  startRate: number.default(0),
  timeUnit: duration.refine((ms) => ms > 0, 'must be above 0').default(1000),
  of: z.enum(['mean', 'peak']).optional(),
  stages,
  arrivals,
});

const hour = z.number().min(0, 'must be 0 or more').max(24, 'must be at most 24');

export const dailyLoad = z.strictObject({
  executor: z.literal('daily-curve'),
  day: duration.refine((ms) => ms >= 24_000, 'must be 24s or more').default(24 * 60_000),
  fromHour: hour.default(0),
  toHour: hour.default(24),
  arrivals,
});

export const flow = z.strictObject({
  to: z.enum(['user', 'group']).default('user'),
  think: duration.default(0),
  arrivals: z.enum(['poisson', 'constant', 'lognormal']).default('constant'),
});

/** k6's fields and defaults. What is for its own machinery (`env`, VUs of open executors) is taken and has no meaning here. */
const base = {
  startTime: duration.default(0),
  gracefulStop: duration.default(30_000),
  exec: z.string().default('default'),
  tags: z.record(z.string(), z.string()).optional(),
  env: z.record(z.string(), z.string()).optional(),
};
const ownMachinery = { preAllocatedVUs: count.optional(), maxVUs: count.optional() };
const span = duration.refine((ms) => ms > 0, 'must be above 0');

export const executor = z.discriminatedUnion('executor', [
  z.strictObject({ executor: z.literal('constant-vus'), ...base, vus: countPositive.default(1), duration: span }),
  z.strictObject({
    executor: z.literal('ramping-vus'),
    ...base,
    startVUs: count.default(1),
    stages,
    gracefulRampDown: duration.default(30_000),
  }),
  z.strictObject({
    executor: z.literal('per-vu-iterations'),
    ...base,
    vus: countPositive.default(1),
    iterations: countPositive.default(1),
    maxDuration: span.default(600_000),
  }),
  z.strictObject({
    executor: z.literal('shared-iterations'),
    ...base,
    vus: countPositive.default(1),
    iterations: countPositive.default(1),
    maxDuration: span.default(600_000),
  }),
  z.strictObject({
    executor: z.literal('constant-arrival-rate'),
    ...base,
    ...ownMachinery,
    rate: number,
    timeUnit: span.default(1000),
    duration: span,
  }),
  z.strictObject({
    executor: z.literal('ramping-arrival-rate'),
    ...base,
    ...ownMachinery,
    startRate: number.default(0),
    timeUnit: span.default(1000),
    stages,
  }),
]);
