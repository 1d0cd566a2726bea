/** OpenAPI: groups. */
import { answers, json, object, PAGE, RANGE, ref, USER } from './openapi-schemas.ts';
import type { Answer, Parameter, Paths, Schema } from './openapi-types.ts';

const GROUP: Parameter = {
  name: 'group',
  in: 'path',
  required: true,
  description: 'The group, percent-encoded.',
  schema: ref('GroupId'),
  example: 'chess',
};
const MEMBER: Parameter = {
  ...GROUP,
  name: 'member',
  description: 'A member, percent-encoded.',
  schema: ref('UserId'),
  example: 'bob',
};

const USERS: Schema = { type: 'array', items: ref('UserId'), maxItems: 256 };

const STATE: Answer = {
  description: 'What the group is to this user now; `head` is the newest place in its history.',
  content: json(object({ group: ref('GroupId'), role: ref('Role'), members: ref('Count'), head: ref('Count') }), {
    group: 'chess',
    role: 'owner',
    members: 2,
    head: 0,
  }),
};

const MEMBER_ROLE = { enum: ['member', 'owner'] };

export const GROUP_PATHS: Paths = {
  '/v1/groups': {
    post: {
      operationId: 'createGroup',
      tags: ['shard'],
      summary: 'Make a group; its maker is its owner',
      description: 'On the port of the process that holds the *group*. Repeating it is safe.',
      parameters: [USER],
      requestBody: {
        required: true,
        content: json(
          {
            type: 'object',
            properties: {
              group: ref('GroupId'),
              open: { type: 'boolean', description: 'Anybody may join by himself. Default false.' },
              users: { ...USERS, description: 'Its first members, beside its maker.' },
            },
            required: ['group'],
          },
          { group: 'chess', users: ['bob'] },
        ),
      },
      responses: answers(STATE, [409, 413, 504], 201),
    },
    get: {
      operationId: 'groupsOfUser',
      tags: ['shard'],
      summary: 'The groups that a user is in',
      parameters: [USER, ...PAGE],
      responses: answers({
        description: 'A page of them, by name.',
        content: json(
          object({
            user: ref('UserId'),
            groups: { type: 'array', items: object({ group: ref('GroupId'), role: MEMBER_ROLE }) },
          }),
          { user: 'alice', groups: [{ group: 'chess', role: 'owner' }] },
        ),
      }),
    },
  },
  '/v1/groups/{group}': {
    get: {
      operationId: 'group',
      tags: ['shard'],
      summary: 'What a group is to a user who is in it',
      parameters: [GROUP, USER],
      responses: answers(STATE, [403, 404, 504]),
    },
  },
  '/v1/groups/{group}/members': {
    get: {
      operationId: 'members',
      tags: ['shard'],
      summary: 'Who is in a group; for its members',
      parameters: [GROUP, USER, ...PAGE],
      responses: answers(
        {
          description: 'A page of them, by name.',
          content: json(
            object({
              group: ref('GroupId'),
              members: { type: 'array', items: object({ user: ref('UserId'), role: MEMBER_ROLE }) },
            }),
            {
              group: 'chess',
              members: [
                { user: 'alice', role: 'owner' },
                { user: 'bob', role: 'member' },
              ],
            },
          ),
        },
        [403, 404],
      ),
    },
    post: {
      operationId: 'addMembers',
      tags: ['shard'],
      summary: 'Add members, or join',
      description: 'An owner adds others. Who names himself alone joins, if the group is open.',
      parameters: [GROUP, USER],
      requestBody: {
        required: true,
        content: json(
          { type: 'object', properties: { users: { ...USERS, minItems: 1 } }, required: ['users'] },
          { users: ['carol'] },
        ),
      },
      responses: answers(STATE, [403, 404, 409, 413, 504]),
    },
  },
  '/v1/groups/{group}/members/{member}': {
    delete: {
      operationId: 'removeMember',
      tags: ['shard'],
      summary: 'Remove a member, or leave',
      description: 'An owner removes others. Anybody may remove himself, but not as the last owner of members.',
      parameters: [GROUP, MEMBER, USER],
      responses: answers(STATE, [403, 404, 409, 504]),
    },
  },
  '/v1/groups/{group}/members/{member}/role': {
    put: {
      operationId: 'setRole',
      tags: ['shard'],
      summary: 'Make a member an owner, or an owner a member',
      parameters: [GROUP, MEMBER, USER],
      requestBody: {
        required: true,
        content: json({ type: 'object', properties: { role: MEMBER_ROLE }, required: ['role'] }, { role: 'owner' }),
      },
      responses: answers(STATE, [403, 404, 409, 413, 504]),
    },
  },
  '/v1/groups/{group}/messages': {
    get: {
      operationId: 'groupHistory',
      tags: ['shard'],
      summary: 'The history of a group; for its members',
      description: '`seq` and `groupSeq` are both the place in the group’s own history.',
      parameters: [GROUP, USER, ...RANGE],
      responses: answers(
        {
          description: 'Entries, each as its `message` frame.',
          content: json(object({ group: ref('GroupId'), entries: { type: 'array', items: ref('Message') } }), {
            group: 'chess',
            entries: [
              {
                type: 'message',
                direction: 'in',
                seq: 1,
                id: 9,
                time: 1700000000000,
                peer: 'alice',
                group: 'chess',
                groupSeq: 1,
                body: 'e4',
              },
            ],
          }),
        },
        [403, 404],
      ),
    },
  },
};
