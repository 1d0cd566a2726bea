/** Schemas, parameters and answers that several areas of the OpenAPI document share. */
import { LIMITS } from '../protocol/messages.ts';
import type { Status } from './http-status.ts';
import type { Answer, Operation, Parameter, Schema } from './openapi-types.ts';

const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const POSITIVE = { ...COUNT, minimum: 1 } as const;

export const SCHEMAS: Record<string, Schema> = {
  UserId: {
    type: 'string',
    minLength: 1,
    maxLength: LIMITS.userIdBytes,
    description: `1 to ${LIMITS.userIdBytes} bytes of UTF-8 without control characters.`,
  },
  GroupId: {
    type: 'string',
    minLength: 1,
    maxLength: LIMITS.groupIdBytes,
    description: `1 to ${LIMITS.groupIdBytes} bytes of UTF-8 without control characters.`,
  },
  DeviceId: { type: 'string', minLength: 1, maxLength: LIMITS.deviceIdBytes },
  Count: COUNT,
  ClientMessageId: {
    ...POSITIVE,
    description: 'Chosen by the sending client, unique per user, best increasing (a time in microseconds does well).',
  },
  Seq: { ...POSITIVE, description: 'A place in a timeline: 1, 2, 3, … without a gap.' },
  Time: { ...COUNT, description: 'Milliseconds since the epoch, on the server’s clock.' },
  Problem: object(
    {
      error: { type: 'string', description: 'One sentence.' },
      code: {
        type: 'integer',
        description: 'Error code of the protocol, or the close code that a WebSocket would get.',
      },
      retryAfterMs: { ...POSITIVE, description: 'Repeat not before; also in the header Retry-After, in seconds.' },
      url: { type: 'string', description: 'Where the user or the group lives (421).' },
    },
    ['error'],
  ),
  Message: object(
    {
      type: { const: 'message' },
      direction: { enum: ['in', 'out'] },
      seq: ref('Seq'),
      id: ref('ClientMessageId'),
      time: ref('Time'),
      peer: ref('UserId'),
      group: ref('GroupId'),
      groupSeq: ref('Count'),
      body: { type: 'string', description: 'The body when it is valid UTF-8.' },
      bodyBase64: { type: 'string', contentEncoding: 'base64', description: 'Else this.' },
    },
    ['type', 'direction', 'seq', 'id', 'time', 'peer'],
    { oneOf: [{ required: ['body'] }, { required: ['bodyBase64'] }] },
  ),
  Receipt: object({
    type: { const: 'receipt' },
    state: { enum: ['delivered', 'stored'] },
    peer: ref('UserId'),
    upTo: ref('Count'),
  }),
  GroupNews: object({
    type: { const: 'group' },
    id: { const: 0 },
    group: ref('GroupId'),
    role: ref('Role'),
    members: ref('Count'),
    head: ref('Count'),
  }),
  PresenceNews: object({ type: { const: 'presence' }, users: { type: 'array', items: ref('UserPresence') } }),
  UserPresence: object({ user: ref('UserId'), state: { enum: ['offline', 'online', 'unknown'] } }),
  Role: { enum: ['none', 'member', 'owner'] },
};

export const RESPONSES: Record<string, Answer> = {
  Problem: { description: 'What is wrong, in one sentence.', content: json(ref('Problem')) },
  Redirect: {
    description: 'The user or group lives on another process: repeat the request there.',
    content: json(ref('Problem')),
  },
  Later: {
    description: 'Repeat later.',
    headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } },
    content: json(ref('Problem')),
  },
};

/** The user that asks. */
export const USER: Parameter = parameter('user', 'Who asks; the token must be his.', ref('UserId'), 'alice', true);

/** A list of users in the query. */
export function namedUsers(name: string): Parameter {
  const description = 'At most 256, separated by commas; a comma that belongs to a user id is written `%2C`.';
  const schema = { type: 'array', items: ref('UserId'), maxItems: LIMITS.namedUsers };
  return { ...parameter(name, description, schema, ['bob', 'carol']), style: 'form', explode: false };
}

/** Bounds and order of a history. */
export const RANGE: Parameter[] = [
  parameter('after', 'Only entries above this `seq`.', ref('Count')),
  parameter('before', 'Only entries below this `seq`.', ref('Count')),
  parameter('order', 'Default `oldest-first`.', { enum: ['oldest-first', 'newest-first'] }),
  parameter(
    'limit',
    'Entries at most; default 50, never more than 1,000, nor more than about 1 MB of them.',
    ref('Count'),
  ),
];

/** A page of names. */
export const PAGE: Parameter[] = [
  parameter('after', 'Only names behind this one, in the order of their UTF-8 bytes.', { type: 'string' }),
  parameter('limit', 'Names at most; default 100, never more than 1,000.', ref('Count')),
];

export function ref(schema: string): Schema {
  return { $ref: `#/components/schemas/${schema}` };
}

/** An object with these fields and no others. */
export function object(
  properties: Record<string, Schema>,
  required = Object.keys(properties),
  more: Schema = {},
): Schema {
  return { type: 'object', properties, required, additionalProperties: false, ...more };
}

export function json(schema: Schema, example?: unknown): Answer['content'] & object {
  return { 'application/json': example === undefined ? { schema } : { schema, example } };
}

export function parameter(
  name: string,
  description: string,
  schema: Schema,
  example?: unknown,
  required = false,
): Parameter {
  return {
    name,
    in: 'query',
    description,
    schema,
    ...(required ? { required } : null),
    ...(example === undefined ? null : { example }),
  };
}

/** The good answer, those that every request of a user may get, and further problems. */
export function answers(good: Answer, further: Status[] = [], status: 200 | 201 = 200): Operation['responses'] {
  const responses: Operation['responses'] = { [status]: good };
  for (const problem of [400, 401, 500, ...further] as const) {
    responses[problem] = { $ref: '#/components/responses/Problem' };
  }
  responses[421] = { $ref: '#/components/responses/Redirect' };
  responses[429] = { $ref: '#/components/responses/Later' };
  responses[503] = { $ref: '#/components/responses/Later' };
  return responses;
}
