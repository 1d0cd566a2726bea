/** The strict schema of scenarios: what an author wrote → the same in numbers, or sentences that say what is wrong where. */
import { z } from 'zod';
import { suggestion } from '../loadgen/closest-name.ts';
import { fault } from './scenario-faults.ts';
import { countPositive, duration, positive, sentence, share } from './scenario-fields.ts';
import { http } from './scenario-http.ts';
import { constantLoad, dailyLoad, executor, flow, rampingLoad } from './scenario-load.ts';
import { population } from './scenario-population.ts';

export { MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN } from './scenario-population.ts';

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
  online: z
    .strictObject({
      start: share,
      stages: z.array(z.strictObject({ target: share, duration })).min(1, 'must have at least one stage'),
    })
    .optional(),
  load: z.discriminatedUnion('executor', [constantLoad, rampingLoad, dailyLoad]).optional(),
  flows: z.record(z.string(), flow).default({}),
  phases: z
    .strictObject({
      warmUp: duration.optional(),
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
  faults: z.array(fault).default([]),
  driver: sentence.optional(),
  seed: z.number().default(1),
  options: z
    .strictObject({
      thresholds: z.record(z.string(), z.array(threshold)).default({}),
      scenarios: z.record(z.string(), executor).default({}),
    })
    .prefault({}),
});

/** A checked scenario: defaults filled in, durations in ms, quantities as numbers. */
export type CheckedScenario = z.output<typeof scenarioSchema>;

/** Check what a scenario file exports. Throws ScenarioError with every problem found. */
export function parseScenario(exported: unknown): CheckedScenario {
  const result = scenarioSchema.safeParse(exported);
  if (result.success) return result.data;
  throw new ScenarioError(result.error.issues.flatMap((issue) => sentences(issue, exported)));
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
  if (/^options\.thresholds\.[^.]+$/.test(at) && typeof written === 'string')
    return [`"${at}" must be an array: write ['${written}']`];
  if (issue.code === 'invalid_type') return [`"${at}" must be ${article(issue.expected)}, not ${describe(written)}`];
  if (issue.code === 'invalid_union' && 'discriminator' in issue) {
    const known = discriminators(path.slice(0, -1));
    return [`"${at}" must be ${known.map((name) => `"${name}"`).join(' or ')}, not ${describe(written)}`];
  }
  return [`"${at}" ${issue.message}${issue.message.startsWith('is wrong') ? '' : `, not ${describe(written)}`}`];
}

/** Names of the fields that may stand at a path. */
function knownFields(path: string[], exported: unknown): string[] {
  let schema: unknown = scenarioSchema;
  let written = exported;
  for (const key of path) {
    schema = unwrapped(schema, written);
    if (schema instanceof z.ZodObject) schema = schema.shape[key];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    written = (written as Record<string, unknown> | undefined)?.[key];
  }
  schema = unwrapped(schema, written);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** `written`: what stands there, which says which of several forms is meant. */
function unwrapped(schema: unknown, written: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.def.innerType, written);
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = schema.def;
    const asked = (written as Record<string, unknown> | undefined)?.[discriminator];
    return schema.options.find((option) => {
      const literal = unwrapped((option as z.ZodObject).shape[discriminator], undefined);
      return literal instanceof z.ZodLiteral && (literal.value === asked || asked === undefined);
    });
  }
  if (schema instanceof z.ZodUnion) return schema.options.find((option: unknown) => option instanceof z.ZodObject);
  return schema;
}

/** Values that tell the forms of a field apart. */
function discriminators(path: string[]): string[] {
  let schema: unknown = scenarioSchema;
  for (const key of path) {
    while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
      schema = schema.def.innerType;
    if (schema instanceof z.ZodObject) schema = schema.shape[key];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
  }
  schema = schema instanceof z.ZodOptional ? schema.def.innerType : schema;
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return [];
  const { discriminator } = schema.def;
  return schema.options.flatMap((option) => {
    const literal = unwrapped((option as z.ZodObject).shape[discriminator], undefined);
    return literal instanceof z.ZodLiteral ? [String(literal.value)] : [];
  });
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
