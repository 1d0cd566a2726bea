/** OpenAPI: history. */
import { answers, json, object, parameter, RANGE, ref, USER } from './openapi-schemas.ts';
import type { Paths } from './openapi-types.ts';

const ENTRIES = {
  description: 'Entries, each as its `message` frame.',
  content: json(object({ user: ref('UserId'), entries: { type: 'array', items: ref('Message') } }), {
    user: 'alice',
    entries: [{ type: 'message', direction: 'out', seq: 1, id: 7, time: 1700000000000, peer: 'bob', body: 'hi' }],
  }),
};

export const HISTORY_PATHS: Paths = {
  '/v1/timeline': {
    get: {
      operationId: 'timeline',
      tags: ['shard'],
      summary: 'What a user has sent and received',
      parameters: [USER, ...RANGE],
      responses: answers(ENTRIES),
    },
  },
  '/v1/conversation': {
    get: {
      operationId: 'conversation',
      tags: ['shard'],
      summary: 'What a user and one other have sent each other',
      parameters: [USER, parameter('peer', 'The other user.', ref('UserId'), 'bob', true), ...RANGE],
      responses: answers(ENTRIES),
    },
  },
};
