/** OpenAPI: administration. */
import { answers, json, object, ref } from './openapi-schemas.ts';
import type { Paths, Schema } from './openapi-types.ts';

const SECONDS: Schema = { type: 'integer', minimum: 0, description: 'Seconds since the epoch, as `iat` in tokens.' };

export const ADMIN_PATHS: Paths = {
  '/v1/admin/revoke': {
    post: {
      operationId: 'revoke',
      tags: ['shard'],
      summary: 'Revoke a user’s tokens',
      description:
        'All tokens of the user that were issued (`iat`) up to `before`, default now, are refused from now on, and connections that came ' +
        'with one are closed with 4403. Answered when that is durable. Never takes an earlier revocation back. ' +
        'Asks for a token with the claim `admin: true`, in development mode for none.',
      requestBody: {
        required: true,
        content: json(object({ user: ref('UserId'), before: SECONDS }, ['user']), { user: 'alice' }),
      },
      responses: answers(
        {
          description: 'What holds now: the latest `before` of this user.',
          content: json(object({ user: ref('UserId'), before: SECONDS }), { user: 'alice', before: 1700000000 }),
        },
        [413],
      ),
    },
  },
};
