/** The strict schema of scenarios: what an author wrote → the same in numbers, or sentences that say what is wrong where. */
import { z } from 'zod';
import { suggestion } from '../loadgen/closest-name.ts';
import { parseCount, parseDuration, parseNumber } from '../loadgen/units.ts';

/** What is wrong with a scenario. `message` is one sentence, or one a line when there are several (`problems`). */
export class ScenarioError extends Error {
  readonly problems: readonly string[];
  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [problems] : problems;
    super(list.join('\n'), options);
    this.name = 'ScenarioError';
    this.problems = list;
  }
}

/** Room for what an agent writes into each message to recognise it again. */
export const MESSAGE_BYTES_MIN = 36;
export const MESSAGE_BYTES_MAX = 65_536;

const duration = quantity(parseDuration);
const number = quantity(parseNumber);
const positive = number.refine((value) => value > 0, 'must be above 0');
const count = quantity(parseCount);
const countPositive = count.refine((value) => value > 0, 'must be 1 or more');
const sentence = z.string().trim().min(1, 'must not be empty');
const arrivals = z.enum(['poisson', 'constant', 'lognormal']).default('poisson');

const population = z.strictObject({
  dau: countPositive,
  messagesPerUserPerDay: number,
  messageBytes: count
    .refine(
      (bytes) => bytes >= MESSAGE_BYTES_MIN && bytes <= MESSAGE_BYTES_MAX,
      `must be from ${MESSAGE_BYTES_MIN} to ${MESSAGE_BYTES_MAX} bytes`,
    )
    .default(100),
  shareOnline: z.number().gt(0, 'must be above 0').max(1, 'must be at most 1').default(1),
  hourlyCurve: z
    .array(z.number().min(0, 'must be 0 or more'))
    .length(24, 'must have 24 numbers, one per hour')
    .refine((curve) => curve.some((value) => value > 0), 'must not be all 0')
    .optional(),
  nodes: countPositive.default(1),
});

const constantLoad = z.strictObject({
  executor: z.literal('constant-arrival-rate').default('constant-arrival-rate'),
  rate: number.optional(),
  at: z
    .union([z.enum(['mean', 'peak']), z.number().min(0, 'must be 0 or more')], 'must be "mean", "peak" or a factor')
    .optional(),
  arrivals,
});

const rampingLoad = z.strictObject({
  executor: z.literal('ramping-arrival-rate'),
  startRate: number.default(0),
  timeUnit: duration.refine((ms) => ms > 0, 'must be above 0').default(1000),
  stages: z.array(z.strictObject({ target: number, duration })).min(1, 'must have at least one stage'),
  arrivals,
});

const httpRequest = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  path: z
    .string()
    .regex(/^\/[^\s#]*$/, 'must begin with "/" and have neither blanks nor "#"')
    .refine(knownPlaceholders, 'may name {user} and {peer} in braces, nothing else'),
  headers: z
    .record(
      z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be a header name'),
      z.string().regex(/^[^\r\n]*$/, 'must be one line'),
    )
    .default({}),
  body: z.string().optional(),
  weight: z.number().gt(0, 'must be above 0').default(1),
});

const http = z.strictObject({
  rate: countPositive,
  connections: countPositive.refine((connections) => connections <= 1000, 'must be at most 1000').default(10),
  requests: z.array(httpRequest).min(1, 'must have at least one request'),
});

const threshold = z.union(
  [
    z.string(),
    z.strictObject({
      threshold: z.string(),
      abortOnFail: z.boolean().optional(),
      delayAbortEval: z.string().optional(),
    }),
  ],
  'must be text such as "p(99)<100", or { threshold, abortOnFail?, delayAbortEval? }',
);

/** The schema itself; `parseScenario` adds the sentences. */
export const scenarioSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]*$/, 'must be letters, digits, "-", "_" and "." only'),
  description: sentence,
  question: sentence,
  badSign: sentence,
  population: population.optional(),
  connections: countPositive.optional(),
  connecting: z.strictObject({ perSecond: positive.optional(), inFlight: countPositive.default(200) }).prefault({}),
  load: z.discriminatedUnion('executor', [constantLoad, rampingLoad]),
  phases: z
    .strictObject({
      warmUp: duration.default(5000),
      steady: duration.refine((ms) => ms > 0, 'must be above 0').optional(),
      drain: duration.default(10_000),
    })
    .prefault({}),
  http: http.optional(),
  server: z
    .strictObject({
      shards: z.int('must be a whole number').min(1, 'must be 1 or more').max(1000, 'must be at most 1000').optional(),
      store: z
        .string()
        .regex(/^(memory:|level:.+)$/, 'must be written level:<dir> or memory:')
        .optional(),
      durability: z.enum(['fsync', 'os', 'none']).optional(),
    })
    .prefault({}),
  seed: z.number().default(1),
  options: z.strictObject({ thresholds: z.record(z.string(), z.array(threshold)).default({}) }).prefault({}),
});

/** A checked scenario: defaults filled in, durations in ms, quantities as numbers. */
export type CheckedScenario = z.output<typeof scenarioSchema>;

/** Check what a scenario file exports. Throws ScenarioError with every problem found. */
export function parseScenario(exported: unknown): CheckedScenario {
  const result = scenarioSchema.safeParse(exported);
  if (result.success) return result.data;
  throw new ScenarioError(result.error.issues.flatMap((issue) => sentences(issue, exported)));
}

function knownPlaceholders(path: string): boolean {
  return !/[{}]/.test(path.replaceAll(/\{(user|peer)\}/g, ''));
}

/** A field that is written as a number or as text and read by one of units.ts's parsers. */
function quantity(parse: (written: string | number) => number) {
  return z.union([z.string(), z.number()], 'must be a number or text with a unit').transform((written, context) => {
    try {
      return parse(written);
    } catch (error) {
      context.addIssue({ code: 'custom', message: `is wrong: ${(error as Error).message}` });
      return z.NEVER;
    }
  });
}

function sentences(issue: z.core.$ZodIssue, exported: unknown): string[] {
  const path = issue.path.map(String);
  const at = path.reduce((text, key) => (/^\d+$/.test(key) ? `${text}[${key}]` : text ? `${text}.${key}` : key), '');
  if (issue.code === 'unrecognized_keys') {
    const known = knownFields(path, exported);
    return issue.keys.map((key) => {
      const where = at === '' ? 'a scenario' : `"${at}"`;
      return `"${at === '' ? key : `${at}.${key}`}" is not a field of ${where}${suggestion(key, known)}`;
    });
  }
  const written = path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], exported);
  if (at === '') return [`a scenario must be an object, not ${describe(written)}`];
  if (written === undefined && issue.code !== 'custom') return [`"${at}" is missing`];
  if (issue.code === 'invalid_value')
    return [`"${at}" must be ${issue.values.map((v) => JSON.stringify(v)).join(' or ')}, not ${describe(written)}`];
  if (issue.code === 'invalid_type') return [`"${at}" must be ${article(issue.expected)}, not ${describe(written)}`];
  if (issue.code === 'invalid_union' && at === 'load.executor') {
    return [`"load.executor" must be "constant-arrival-rate" or "ramping-arrival-rate", not ${describe(written)}`];
  }
  return [`"${at}" ${issue.message}${issue.message.startsWith('is wrong') ? '' : `, not ${describe(written)}`}`];
}

/** Names of the fields that may stand at a path. */
function knownFields(path: string[], exported: unknown): string[] {
  let schema: unknown = scenarioSchema;
  for (const key of path) {
    schema = unwrapped(schema, exported);
    if (schema instanceof z.ZodObject) schema = schema.shape[key];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
  }
  schema = unwrapped(schema, exported);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrapped(schema: unknown, exported: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.def.innerType, exported);
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const executor = (exported as { load?: { executor?: unknown } }).load?.executor;
    return executor === 'ramping-arrival-rate' ? rampingLoad : constantLoad;
  }
  if (schema instanceof z.ZodUnion) return schema.options.find((option: unknown) => option instanceof z.ZodObject);
  return schema;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'function') return 'a function';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function article(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeiou]/.test(type) ? `an ${type}` : type === 'record' ? 'an object' : `a ${type}`;
}
