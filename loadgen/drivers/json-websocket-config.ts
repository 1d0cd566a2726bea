/** The description of a JSON chat server that `--driver json-websocket:<file>` reads: its schema, and what is wrong in sentences. */
import { z } from 'zod';
import { suggestion } from '../closest-name.ts';
import { parseDuration } from '../units.ts';
import { type Condition, type Json, placeholders } from './json-template.ts';

/** A description that can't be used: all that is wrong with it, one sentence a line. */
export class DescriptionError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'DescriptionError';
    this.problems = problems;
  }
}

const CONNECTING = ['target', 'user', 'device', 'token'];
const RESUMING = [...CONNECTING, 'position'];

const json: z.ZodType<Json> = z.json();
const path = z.string().min(1, 'must not be empty');
const duration = z.union([z.string(), z.number()]).transform((written, context) => {
  try {
    return parseDuration(written);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is wrong: ${(error as Error).message}` });
    return z.NEVER;
  }
});
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const when: z.ZodType<Condition> = z
  .record(z.string(), z.union([scalar, z.array(scalar)]))
  .refine((condition) => Object.keys(condition).length > 0, 'must name at least one path');

function using<T extends z.ZodType>(schema: T, names: string[]) {
  return schema.superRefine((template, context) => {
    for (const name of placeholders(template as Json)) {
      if (names.includes(name)) continue;
      const message = `has the placeholder {${name}}, which has no meaning there${suggestion(name, names)}`;
      context.addIssue({ code: 'custom', message });
    }
  });
}

const address = (names: string[]) =>
  using(z.string().regex(/^(ws:\/\/|\{target\})/, 'must begin with ws:// or {target}'), names);

export const descriptionSchema = z.strictObject({
  /** `{target}`, `{user}`, `{device}` and `{token}` are filled in. */
  url: address(CONNECTING).default('{target}'),
  subprotocol: path.optional(),
  headers: z.record(z.string(), using(z.string(), CONNECTING)).default({}),
  /** The first frame that the client sends. */
  login: using(json, CONNECTING).optional(),
  /** The frame that says that the user can send and receive. Without it: as soon as the connection is open. */
  welcome: z.strictObject({ when }).optional(),
  /** A frame that refuses the user; `reason`: where it says why. */
  refused: z.strictObject({ when, reason: path.optional(), final: z.boolean().default(true) }).optional(),
  /** A frame that sends the client to another address, once, with the same path. */
  redirect: z.strictObject({ when, url: path }).optional(),
  /** `{to}`, `{id}`, `{body}`, `{user}` are filled in. */
  send: using(json, ['to', 'id', 'body', 'user']).refine(
    (template) => ['to', 'body'].every((name) => placeholders(template).includes(name)),
    'must have {to} and {body} in it',
  ),
  /** How a body, which is any bytes, becomes the server's text. */
  body: z.enum(['base64', 'latin1']).default('base64'),
  received: z.strictObject({ when, from: path, body: path, position: path.optional() }),
  /** The server has taken a message: the frame, and where its id stands. `sequence`: its place, which receipts name. */
  acknowledged: z.strictObject({ when, id: path, sequence: path.optional() }).optional(),
  /** A message reached its recipient: by `id`, or all to `peer` up to the sequence `upTo`. */
  delivered: z
    .union(
      [z.strictObject({ when, id: path }), z.strictObject({ when, peer: path, upTo: path })],
      'must have "when" and either "id" or "peer" and "upTo"',
    )
    .optional(),
  /** A message was refused. `retryable`: when sending it again is safe and makes sense. `retryAfterMs`: where the pause stands. */
  failed: z
    .strictObject({
      when,
      id: path,
      reason: path.optional(),
      retryable: z.union([z.boolean(), when], 'must be true, false or a condition').default(false),
      retryAfterMs: path.optional(),
    })
    .optional(),
  /** What the client says of what it received: of each message, or of the last one, at most every so often. */
  acknowledge: z
    .strictObject({ send: using(json, ['position', 'from', 'user']), every: duration.optional() })
    .optional(),
  /** Frames that want an answer, and the answer. */
  answers: z.array(z.strictObject({ when, send: using(json, ['user']) })).default([]),
  keepAlive: z
    .strictObject({ send: using(json, ['user']), every: duration.refine((ms) => ms > 0, 'must be above 0') })
    .optional(),
  /** How to come back after `{position}`: another address, another login. Without it the server can't do that. */
  resume: z
    .strictObject({ url: address(RESUMING).optional(), login: using(json, RESUMING).optional() })
    .refine(({ url, login }) => url !== undefined || login !== undefined, 'must have "url" or "login"')
    .optional(),
  /** Close codes after which coming back makes no sense. */
  finalCloses: z.array(z.int()).default([1002, 1003, 1007, 1008, 1009, 1010]),
  /** Whether a message that is sent again with its id is not delivered again. */
  idempotent: z.boolean().default(false),
});

/** A checked description: defaults filled in, durations in ms. */
export type Description = z.output<typeof descriptionSchema>;
/** As it is written. */
export type JsonServer = z.input<typeof descriptionSchema>;

/** Check what a file says. Throws DescriptionError with every problem found. */
export function parseDescription(written: unknown): Description {
  const result = descriptionSchema.safeParse(written);
  const problems = result.success
    ? contradictions(result.data)
    : result.error.issues.flatMap((i) => sentences(i, written));
  if (problems.length > 0 || !result.success) throw new DescriptionError(problems);
  return result.data;
}

function contradictions(description: Description): string[] {
  const { send, acknowledged, delivered, failed, resume, received, acknowledge } = description;
  const problems: string[] = [];
  const idReader = acknowledged ?? failed ?? (delivered && 'id' in delivered ? delivered : undefined);
  if (idReader !== undefined && !placeholders(send).includes('id'))
    problems.push('"send" must have {id} in it, for the answers name it');
  if (delivered && 'upTo' in delivered && acknowledged?.sequence === undefined)
    problems.push('"acknowledged.sequence" is missing: "delivered.upTo" is counted in it');
  if (delivered && acknowledged === undefined)
    problems.push('"acknowledged" is missing: without it nothing can be "delivered"');
  if (resume && received.position === undefined)
    problems.push('"received.position" is missing: "resume" needs a position to go on from');
  if (acknowledge && placeholders(acknowledge.send).includes('position') && received.position === undefined)
    problems.push('"received.position" is missing: "acknowledge.send" names it');
  return problems;
}

function sentences(issue: z.core.$ZodIssue, written: unknown): string[] {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = at === '' ? Object.keys(descriptionSchema.shape) : [];
    return issue.keys.map((key) => {
      const name = at === '' ? key : `${at}.${key}`;
      return `"${name}" is not a field of ${at === '' ? 'a server’s description' : `"${at}"`}${suggestion(key, known)}`;
    });
  }
  const value = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    written,
  );
  const given =
    value === undefined ? 'nothing' : typeof value === 'function' ? 'a function' : JSON.stringify(value).slice(0, 60);
  if (at === '') return [`a server’s description must be an object, not ${given}`];
  if (value === undefined) return [`"${at}" is missing`];
  if (issue.code === 'custom') return [`"${at}" ${issue.message}`];
  if (issue.code === 'invalid_value')
    return [`"${at}" must be ${issue.values.map((v) => JSON.stringify(v)).join(' or ')}, not ${given}`];
  if (issue.code === 'invalid_type') return [`"${at}" must be of type ${issue.expected}, not ${given}`];
  return [`"${at}" ${/^must/.test(issue.message) ? issue.message : 'is wrong'}, not ${given}`];
}
