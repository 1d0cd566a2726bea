/** OpenAPI: what the router's port answers about users' places and the node itself. */
import { json, object, parameter, ref } from './openapi-schemas.ts';
import type { Answer, Paths, Schema } from './openapi-types.ts';

const PROBLEM = { $ref: '#/components/responses/Problem' };
const LATER = { $ref: '#/components/responses/Later' };
const URL_SCHEMA: Schema = { type: 'string', pattern: '^ws://' };
const SHARD: Schema = { type: 'integer', minimum: 0, maximum: 999 };

const ROUTE: Schema = {
  oneOf: [
    object({ user: ref('UserId'), shard: SHARD, url: URL_SCHEMA }),
    object({ group: ref('GroupId'), shard: SHARD, url: URL_SCHEMA }),
  ],
};

const STORE_HEALTH: Schema = {
  type: 'object',
  properties: {
    circuit: {
      enum: ['closed', 'open', 'half-open'],
      description: 'closed: the store takes messages; open: it does not; half-open: it is being tried again.',
    },
    troubleSeconds: { type: 'number', minimum: 0, description: 'How long the circuit has not been closed.' },
    waitingBytes: ref('Count'),
    deadLettersOpen: ref('Count'),
    deadLettersWritten: ref('Count'),
    lastError: { type: ['string', 'null'], description: 'The newest trouble, also when it is over.' },
  },
  required: ['circuit', 'troubleSeconds', 'waitingBytes', 'deadLettersOpen', 'deadLettersWritten', 'lastError'],
};

const HEALTH: Schema = {
  type: 'object',
  properties: {
    healthy: { type: 'boolean' },
    volumesWithoutOwner: {
      type: 'array',
      items: ref('Count'),
      description: 'Volumes that no process serves: their users are told to come back later.',
    },
    takeovers: {
      ...ref('Count'),
      description: 'How often a volume was given to another process because its own could not be started.',
    },
    shards: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: ref('Count'),
          up: { type: 'boolean' },
          givenUp: { type: 'boolean', description: 'It could not be started; others serve its volumes.' },
          volumes: { type: 'array', items: ref('Count'), description: 'What it serves.' },
          storeHealthy: { type: ['boolean', 'null'], description: 'null: the process has said nothing yet.' },
          store: { oneOf: [STORE_HEALTH, { type: 'null' }] },
        },
        required: ['index', 'up', 'givenUp', 'volumes', 'storeHealthy', 'store'],
      },
    },
  },
  required: ['healthy', 'volumesWithoutOwner', 'takeovers', 'shards'],
};

const health = (description: string): Answer => ({ description, content: json(HEALTH) });

export const NODE_PATHS: Paths = {
  '/v1/route': {
    get: {
      operationId: 'route',
      tags: ['router'],
      summary: 'Where a user or a group lives',
      description: 'Exactly one of `user` and `group`. Over HTTP the same host and port answer at `http` for `ws`.',
      security: [],
      parameters: [
        parameter('user', 'The user.', ref('UserId'), 'alice'),
        parameter('group', 'The group.', ref('GroupId')),
      ],
      responses: {
        200: {
          description: 'The logical shard, and the process that holds it.',
          content: json(ROUTE, { user: 'alice', shard: 78, url: 'ws://chat.example:9001' }),
        },
        400: PROBLEM,
        503: LATER,
      },
    },
  },
  '/v1/shards': {
    get: {
      operationId: 'shards',
      tags: ['router'],
      summary: 'Which process holds which logical shards',
      security: [],
      responses: {
        200: {
          description:
            'Ranges of logical shards, both ends inclusive. Those in no range have no server at this moment.',
          content: json(
            {
              type: 'object',
              properties: {
                logicalShards: { const: 1000 },
                owners: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: { url: URL_SCHEMA, from: SHARD, to: SHARD },
                    required: ['url', 'from', 'to'],
                  },
                },
              },
              required: ['logicalShards', 'owners'],
            },
            { logicalShards: 1000, owners: [{ url: 'ws://chat.example:9001', from: 0, to: 999 }] },
          ),
        },
      },
    },
  },
  '/v1/health': {
    get: {
      operationId: 'health',
      tags: ['router'],
      summary: 'Whether the node serves all its users',
      security: [],
      responses: { 200: health('All is well.'), 503: health('Some process or store does not serve.') },
    },
  },
  '/v1/stats': {
    get: {
      operationId: 'stats',
      tags: ['router'],
      summary: 'The node’s figures, as JSON',
      security: [],
      responses: {
        200: {
          description: 'Figures of the last second and since the start.',
          content: json({
            type: 'object',
            properties: {
              uptimeSeconds: { type: 'number' },
              development: { type: 'boolean' },
              durability: { enum: ['fsync', 'os', 'none'] },
              store: { type: 'string' },
              takeovers: ref('Count'),
              volumesWithoutOwner: { type: 'array', items: ref('Count') },
              rollingRestart: { type: 'boolean', description: 'The shard processes are being started anew.' },
              shards: {
                type: 'array',
                items: { type: 'object', required: ['index', 'port', 'up', 'givenUp', 'restarts', 'volumes', 'stats'] },
              },
            },
            required: ['uptimeSeconds', 'development', 'durability', 'store', 'supervisor', 'shards'],
          }),
        },
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['router'],
      summary: 'The node’s figures, for Prometheus',
      security: [],
      responses: {
        200: {
          description: 'The text format, version 0.0.4.',
          content: { 'text/plain; version=0.0.4; charset=utf-8': { schema: { type: 'string' } } },
        },
      },
    },
  },
};
