/**
 * The OpenAPI 3.1 document of a node: one document for the router's port and those of the shard processes. Each area has a
 * file of its own (openapi-*.ts) with its paths; HttpApi takes no handler for what is not in the document, and refuses to
 * start without a handler for what is.
 */
import { ADMIN_PATHS } from './openapi-admin.ts';
import { CONNECT_PATHS } from './openapi-connect.ts';
import { GROUP_PATHS } from './openapi-groups.ts';
import { HISTORY_PATHS } from './openapi-history.ts';
import { MESSAGE_PATHS } from './openapi-messages.ts';
import { NODE_PATHS } from './openapi-node.ts';
import { NOTIFICATION_PATHS } from './openapi-notifications.ts';
import { POLL_PATHS } from './openapi-poll.ts';
import { RESPONSES, SCHEMAS } from './openapi-schemas.ts';
import type { OpenApiDocument, Paths } from './openapi-types.ts';

export const DOCUMENT_PATH = '/v1/openapi.json';

const BOTH_PATHS: Paths = {
  ...CONNECT_PATHS,
  [DOCUMENT_PATH]: {
    get: {
      operationId: 'openapi',
      tags: ['router', 'shard'],
      summary: 'This document',
      responses: {
        200: { description: 'The document.', content: { 'application/json': { schema: { type: 'object' } } } },
      },
    },
  },
};

/** What the router's port answers. */
export const ROUTER_PATHS: Paths = { ...NODE_PATHS, ...BOTH_PATHS };

/** What each shard process answers. A new area adds its paths here. */
export const SHARD_PATHS: Paths = {
  ...MESSAGE_PATHS,
  ...POLL_PATHS,
  ...HISTORY_PATHS,
  ...GROUP_PATHS,
  ...ADMIN_PATHS,
  ...NOTIFICATION_PATHS,
  ...BOTH_PATHS,
};

export const OPENAPI_DOCUMENT: OpenApiDocument = {
  openapi: '3.1.0',
  info: {
    title: 'Plimsoll chat server',
    version: '1',
    description:
      'Sending, long polling, history, presence, groups and notifications over HTTP, beside the WebSocket at /v1/connect that PROTOCOL.md ' +
      'describes. Operations tagged `router` are on the node’s own port; those tagged `shard` on the port of the process that ' +
      'holds the user or group. `/v1/route` says where that is (the same host and port with `http` for `ws`), and so does the ' +
      '`url` of a 421. The request line and headers together may have 4,096 bytes.',
  },
  servers: [{ url: '/', description: 'The process that this document came from.' }],
  tags: [
    { name: 'router', description: 'On the node’s own port.' },
    { name: 'shard', description: 'On the port of the process that holds the user or group.' },
  ],
  security: [{ token: [] }, { queryToken: [] }, {}],
  paths: sorted({ ...ROUTER_PATHS, ...SHARD_PATHS }),
  components: {
    schemas: SCHEMAS,
    responses: RESPONSES,
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      queryToken: { type: 'apiKey', in: 'query', name: 'token' },
    },
  },
};

function sorted(paths: Paths): Paths {
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
}
