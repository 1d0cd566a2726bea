/** OpenAPI: sending, receipts, presence. */
import { answers, json, namedUsers, object, ref, USER } from './openapi-schemas.ts';
import type { Paths, Schema } from './openapi-types.ts';

const SEND: Schema = {
  type: 'object',
  properties: {
    id: ref('ClientMessageId'),
    to: ref('UserId'),
    group: ref('GroupId'),
    body: { type: 'string' },
    bodyBase64: { type: 'string', contentEncoding: 'base64', description: 'A body that is not text.' },
  },
  required: ['id'],
  allOf: [
    { oneOf: [{ required: ['to'] }, { required: ['group'] }] },
    { oneOf: [{ required: ['body'] }, { required: ['bodyBase64'] }] },
  ],
};

export const MESSAGE_PATHS: Paths = {
  '/v1/receipts': {
    get: {
      operationId: 'receipts',
      tags: ['shard'],
      summary: 'How far messages to these users have come',
      parameters: [USER, namedUsers('peers')],
      responses: answers({
        description: 'One for each peer who has received something; `upTo` is a `seq` of the sender’s own timeline.',
        content: json(object({ user: ref('UserId'), receipts: { type: 'array', items: ref('Receipt') } }), {
          user: 'alice',
          receipts: [{ type: 'receipt', state: 'delivered', peer: 'bob', upTo: 8 }],
        }),
      }),
    },
  },
  '/v1/presence': {
    get: {
      operationId: 'presence',
      tags: ['shard'],
      summary: 'Who of these users is online',
      parameters: [USER, namedUsers('users')],
      responses: answers({
        description: 'In the order of the question; `unknown` where the shard of a user did not answer within 2 s.',
        content: json(object({ users: { type: 'array', items: ref('UserPresence') } }), {
          users: [
            { user: 'bob', state: 'online' },
            { user: 'zoë', state: 'unknown' },
          ],
        }),
      }),
    },
  },
  '/v1/messages': {
    post: {
      operationId: 'send',
      tags: ['shard'],
      summary: 'Send a message to a user or a group',
      description:
        'The answer comes when the message is stored, as `sent` does on a WebSocket. Sending is idempotent on `id`: whoever got no ' +
        'answer, or 504 or code 1008, repeats the request with the same `id` and gets the original result; there is never a second copy.',
      parameters: [USER],
      requestBody: { required: true, content: json(SEND, { id: 1700000000000001, to: 'bob', body: 'hi' }) },
      responses: answers(
        {
          description:
            'The message is stored and will reach its recipient; `seq` is its place in the sender’s timeline.',
          content: json(object({ id: ref('ClientMessageId'), seq: ref('Seq'), time: ref('Time') }), {
            id: 1700000000000001,
            seq: 1,
            time: 1700000000000,
          }),
        },
        [403, 404, 409, 413, 504],
      ),
    },
  },
};
