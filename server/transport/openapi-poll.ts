/** OpenAPI: long polling. */
import { answers, json, object, parameter, ref, USER } from './openapi-schemas.ts';
import type { Paths } from './openapi-types.ts';

export const POLL_PATHS: Paths = {
  '/v1/poll': {
    get: {
      operationId: 'poll',
      tags: ['shard'],
      summary: 'Wait for what is new',
      description:
        'Answers at once with what stands in the timeline behind `after`, else holds until something arrives or `timeout` has passed. ' +
        'The next poll passes the `after` of the answer, which acknowledges everything up to it. Entries come in order and without a gap.',
      parameters: [
        USER,
        parameter('device', 'Default `default`.', ref('DeviceId'), 'phone'),
        parameter(
          'after',
          'Everything up to this `seq` has arrived. Without it the poll starts at what this user’s devices have acknowledged.',
          ref('Count'),
          0,
        ),
        parameter('timeout', 'Milliseconds to hold, default 25,000; the server may allow less.', ref('Count'), 25000),
        parameter('limit', 'Entries at most; default 100, never more than 1,000.', ref('Count')),
      ],
      responses: answers(
        {
          description: 'What is new; `frames` is empty when nothing has come in time.',
          content: json(
            object(
              {
                user: ref('UserId'),
                head: { ...ref('Count'), description: 'The newest `seq` of the timeline.' },
                after: { ...ref('Count'), description: 'The position for the next poll.' },
                reset: {
                  ...object({ position: ref('Count') }),
                  description:
                    'What the client has does not match this timeline: drop it, read the history up to `position` if it is wanted, go on from there.',
                },
                frames: {
                  type: 'array',
                  items: { oneOf: [ref('Message'), ref('Receipt'), ref('GroupNews'), ref('PresenceNews')] },
                },
              },
              ['user', 'head', 'after', 'frames'],
            ),
            {
              user: 'alice',
              head: 1,
              after: 1,
              frames: [
                { type: 'message', direction: 'in', seq: 1, id: 5, time: 1700000000000, peer: 'bob', body: 'yo' },
                { type: 'receipt', state: 'delivered', peer: 'bob', upTo: 8 },
              ],
            },
          ),
        },
        [409],
      ),
    },
  },
};
