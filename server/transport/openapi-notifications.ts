/** OpenAPI: notifications. */
import { answers, json, object, parameter, ref, USER } from './openapi-schemas.ts';
import type { Parameter, Paths, Schema } from './openapi-types.ts';

const DEVICE: Parameter = parameter('device', 'Which device; default `default`.', ref('DeviceId'), 'phone');

const REGISTRATION = {
  device: ref('DeviceId'),
  provider: { enum: ['web-push', 'webhook'] },
  endpoint: { type: 'string', description: 'Of the subscription (Web Push only).' },
  registeredAt: ref('Time'),
  claimedUpTo: { ...ref('Count'), description: 'No message up to this `seq` is told to the device again.' },
  notifiedUpTo: { ...ref('Count'), description: 'The provider has taken notifications of all up to this `seq`.' },
} satisfies Record<string, Schema>;
const REQUIRED = ['device', 'provider', 'registeredAt', 'claimedUpTo', 'notifiedUpTo'];

const ONE = object({ user: ref('UserId'), ...REGISTRATION }, ['user', ...REQUIRED]);
const ALL = object({ user: ref('UserId'), devices: { type: 'array', items: object(REGISTRATION, REQUIRED) } });

const SUBSCRIPTION = object(
  {
    endpoint: {
      type: 'string',
      maxLength: 2_048,
      description: 'An https URL at one of the push services that this server sends to.',
    },
    keys: {
      type: 'object',
      required: ['p256dh', 'auth'],
      properties: {
        p256dh: { type: 'string', description: 'Public key, 65 bytes in Base64.' },
        auth: { type: 'string', description: '16 bytes in Base64.' },
      },
    },
  },
  ['endpoint', 'keys'],
  { additionalProperties: true, description: 'What `pushManager.subscribe()` gave, as its `toJSON()` says it.' },
);

export const NOTIFICATION_PATHS: Paths = {
  '/v1/notifications/key': {
    get: {
      operationId: 'notificationKey',
      tags: ['shard'],
      summary: 'The key to subscribe with',
      description: 'The `applicationServerKey` of Web Push (VAPID), URL-safe Base64.',
      security: [],
      responses: {
        200: { description: 'The key.', content: json(object({ publicKey: { type: 'string' } })) },
        400: { $ref: '#/components/responses/Problem' },
        429: { $ref: '#/components/responses/Later' },
      },
    },
  },
  '/v1/notifications': {
    put: {
      operationId: 'registerForNotifications',
      tags: ['shard'],
      summary: 'Notify a device of messages that come while the user is not connected',
      description:
        'From the next message on. Registering again replaces what the device is reached by, and tells nothing twice. ' +
        'At most 16 devices of a user (409).',
      parameters: [USER, DEVICE],
      requestBody: {
        required: true,
        content: json(
          {
            oneOf: [
              object({ provider: { const: 'web-push' }, subscription: SUBSCRIPTION }),
              object({
                provider: { const: 'webhook' },
                token: {
                  type: 'string',
                  minLength: 1,
                  maxLength: 1_024,
                  description: 'Whatever the webhook knows it by.',
                },
              }),
            ],
          },
          { provider: 'webhook', token: 'device-7f3a' },
        ),
      },
      responses: answers({ description: 'Registered, durably.', content: json(ONE) }, [409, 413]),
    },
    get: {
      operationId: 'notificationRegistrations',
      tags: ['shard'],
      summary: 'How a device is registered and how far it was told; without `device`, all of the user’s',
      parameters: [USER, parameter('device', 'Only this one.', ref('DeviceId'), 'phone')],
      responses: answers({ description: 'The registration, or all.', content: json({ oneOf: [ONE, ALL] }) }, [404]),
    },
    delete: {
      operationId: 'endNotifications',
      tags: ['shard'],
      summary: 'No more notifications for a device',
      parameters: [USER, DEVICE],
      responses: answers(
        {
          description: 'It was registered and is no more.',
          content: json(object({ user: ref('UserId'), device: ref('DeviceId') })),
        },
        [404],
      ),
    },
  },
};
