/** OpenAPI: the upgrade to a WebSocket. */
import { parameter, ref, USER } from './openapi-schemas.ts';
import type { Paths } from './openapi-types.ts';

export const CONNECT_PATHS: Paths = {
  '/v1/connect': {
    get: {
      operationId: 'connect',
      tags: ['router', 'shard'],
      summary: 'Upgrade to a WebSocket',
      description:
        'The main transport (PROTOCOL.md): subprotocol `plimsoll.v1` is binary, `plimsoll.v1.json` and none are JSON. What is wrong is told ' +
        'after the upgrade, by a close code; the router answers with a `redirect` frame.',
      parameters: [
        USER,
        parameter('device', 'Default `default`.', ref('DeviceId'), 'phone'),
        parameter('after', 'The client’s position in the timeline.', ref('Count')),
      ],
      responses: {
        101: { description: 'The WebSocket is open.' },
        426: { $ref: '#/components/responses/Problem' },
      },
    },
  },
};
