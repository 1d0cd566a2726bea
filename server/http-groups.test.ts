/** Groups over HTTP to a real node: made on the group's shard by a user of another, seen by polling and on WebSockets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiAnswer, ApiClient, type ApiRequest } from './testing/api-client.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';
import { signToken } from './transport/authentication.ts';
import type { Method } from './transport/openapi-types.ts';

const SECRET = 'a secret for tests';

let node: TestNode;
let api: ApiClient;
let alice: string;
let bob: string;
let carol: string;
let names = 0;

beforeAll(async () => {
  node = await startTestNode({ authSecret: SECRET, settings: { maxGroupMembers: 4 } });
  api = await ApiClient.of(node.url);
  [alice, bob, carol] = [node.userOn(0, 'alice'), node.userOn(1, 'bob'), node.userOn(1, 'carol')];
});

afterAll(cleanUp);

const newGroup = (process: number): string => node.userOn(process, `a group/of ${++names}%-`);
const encoded = encodeURIComponent;
const httpOf = async (name: string): Promise<string> => (await node.urlOf(name)).replace('ws', 'http');

/** A request of `user` at the process that holds `holder`; `path` as it stands behind `/v1`. */
async function ask(method: Method, holder: string, path: string, user: string, body?: unknown): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${signToken(SECRET, user, 60)}` };
  const request: ApiRequest = body === undefined ? { headers } : { headers, body };
  const query = `${path.includes('?') ? '&' : '?'}user=${encoded(user)}`;
  return api.request(method, `${await httpOf(holder)}/v1${path}${query}`, request);
}

/** The same about a group, at its own process. */
const act = (method: Method, group: string, path: string, user: string, body?: unknown): Promise<ApiAnswer> =>
  ask(method, group, `/groups/${encoded(group)}${path}`, user, body);

async function make(process: number, options: object = {}): Promise<string> {
  const group = newGroup(process);
  const { status, body } = await ask('post', group, '/groups', alice, { group, users: [bob], ...options });
  expect([status, body]).toEqual([201, { group, role: 'owner', members: 2, head: 0 }]);
  return group;
}

describe.each([0, 1])('a group on process %i', (process) => {
  it('is made once, and its maker owns it', async () => {
    const group = await make(process);
    // A repetition is answered as before; somebody else is too late.
    expect((await ask('post', group, '/groups', alice, { group, users: [bob] })).status).toBe(201);
    const { status, body } = await ask('post', group, '/groups', bob, { group });
    expect([status, body.code]).toEqual([409, 1013]);
    expect((await act('get', group, '', bob)).body).toEqual({ group, role: 'member', members: 2, head: 0 });
    const { members } = (await act('get', group, '/members', alice)).body;
    expect(members).toEqual([
      { user: alice, role: 'owner' },
      { user: bob, role: 'member' },
    ]);
  });

  it('stands among the groups of each member, where he lives', async () => {
    const group = await make(process);
    for (const [user, role] of [
      [alice, 'owner'],
      [bob, 'member'],
    ] as const) {
      await until('the group to be among his', async () => {
        const { groups } = (await ask('get', user, '/groups?limit=1000', user)).body;
        return groups!.some((one) => one.group === group && one.role === role);
      });
    }
    const all = (await ask('get', alice, '/groups', alice)).body.groups!.map((one) => one.group);
    const page = (await ask('get', alice, `/groups?limit=1&after=${encoded(all[0]!)}`, alice)).body.groups;
    expect(page!.map((one) => one.group)).toEqual(all.slice(1, 2));
  });

  it('takes messages over HTTP, and its members get them by polling and on WebSockets', async () => {
    const dave = node.userOn(1, `dave${++names}-`);
    const group = await make(process, { users: [dave] });
    const socket = await TestClient.open(await node.urlOf(dave), dave, { token: signToken(SECRET, dave, 60) });
    const polling = ask('get', dave, '/poll', dave);
    const id = ++names;
    const message = { id, group, body: 'e4' };
    const { status, body: sent } = await ask('post', alice, '/messages', alice, message);
    expect([status, sent]).toEqual([200, { id, seq: expect.any(Number), time: expect.any(Number) }]);
    expect((await ask('post', alice, '/messages', alice, message)).body).toEqual(sent);
    const expected = { type: 'message', direction: 'in', seq: 1, id, time: sent.time, peer: alice, group, groupSeq: 1 };
    expect(await socket.next('message')).toEqual({ ...expected, body: 'e4' });
    // The news that he is in the group may come first.
    const messages = async (answer: ApiAnswer) => answer.body.frames!.filter(({ type }) => type === 'message');
    const first = await messages(await polling);
    const polled = first.length > 0 ? first : await messages(await ask('get', dave, '/poll', dave));
    expect(polled).toEqual([{ ...expected, body: 'e4' }]);
    expect((await act('get', group, '/messages', dave)).body.entries).toEqual([{ ...expected, body: 'e4' }]);
    await socket.close();
  });

  it('has a history by range, for its members only', async () => {
    const group = await make(process);
    for (let n = 1; n <= 5; n++) {
      await ask('post', alice, '/messages', alice, { id: 1_000_000 + ++names, group, body: `${n}` });
    }
    const history = async (query: string) =>
      (await act('get', group, `/messages${query}`, bob)).body.entries!.map(({ seq }) => seq);
    await until('all to be there', async () => (await history('')).length === 5);
    expect(await history('?after=1&before=5')).toEqual([2, 3, 4]);
    expect(await history('?order=newest-first&limit=2')).toEqual([5, 4]);
    for (const path of ['', '/members', '/messages']) {
      const { status, body } = await act('get', group, path, carol);
      expect([path, status, body.code]).toEqual([path, 403, 1011]);
    }
  });

  it('changes as its owners say', async () => {
    const group = await make(process);
    const refused = async (asked: Promise<ApiAnswer>) => {
      const { status, body } = await asked;
      return [status, body.code];
    };
    expect(await refused(act('post', group, '/members', bob, { users: [carol] }))).toEqual([403, 1015]);
    expect(await refused(act('post', group, '/members', carol, { users: [carol] }))).toEqual([403, 1015]);
    expect((await act('post', group, '/members', alice, { users: [carol] })).body.members).toBe(3);
    const many = { users: ['d', 'e', 'f'] };
    expect(await refused(act('post', group, '/members', alice, many))).toEqual([409, 1014]);
    expect(await refused(act('delete', group, `/members/${alice}`, alice))).toEqual([409, 1016]);
    expect(await refused(act('put', group, `/members/${carol}/role`, bob, { role: 'owner' }))).toEqual([403, 1015]);
    expect((await act('put', group, `/members/${carol}/role`, alice, { role: 'owner' })).status).toBe(200);
    expect((await act('get', group, '', carol)).body.role).toBe('owner');
    expect((await act('put', group, `/members/${alice}/role`, carol, { role: 'member' })).status).toBe(200);
    expect((await act('delete', group, `/members/${alice}`, carol)).body).toMatchObject({ role: 'owner', members: 2 });
    expect((await act('delete', group, `/members/${bob}`, bob)).body).toMatchObject({ role: 'none', members: 1 });
  });

  it('that is open is joined', async () => {
    const group = await make(process, { open: true });
    const { status, body } = await act('post', group, '/members', carol, { users: [carol] });
    expect([status, body]).toEqual([200, { group, role: 'member', members: 3, head: 0 }]);
  });

  it('that does not exist is not found', async () => {
    const group = newGroup(process);
    for (const path of ['', '/members', '/messages']) {
      const { status, body } = await act('get', group, path, alice);
      expect([path, status, body.code]).toEqual([path, 404, 1012]);
    }
    const { status, body } = await ask('post', alice, '/messages', alice, { id: ++names, group, body: '' });
    expect([404, 403].includes(status) && [1012, 1011].includes(body.code!)).toBe(true);
  });

  it('is asked for at its own process', async () => {
    const group = newGroup(process);
    const elsewhere = node.userOn(1 - process, 'elsewhere');
    const url = await node.urlOf(group);
    expect((await ask('get', elsewhere, `/groups/${encoded(group)}`, alice)).body).toMatchObject({ url });
    const { status, body } = await ask('post', elsewhere, '/groups', alice, { group });
    expect([status, body.url]).toEqual([421, url]);
  });
});

it('the router says where a group lives', async () => {
  const group = newGroup(1);
  const { body } = await api.get(`${node.url}/v1/route?group=${encoded(group)}`);
  expect(body).toMatchObject({ group, url: await node.urlOf(group) });
});

describe('a bad request', () => {
  it.each(['%zz', '%ff', '%00', '%0a', 'x'.repeat(65), encodeURIComponent('ü'.repeat(33))])(
    'about the group %j is refused',
    async (group) => {
      const { status, body } = await ask('get', alice, `/groups/${group}`, alice);
      expect([status, body.error]).toEqual([400, expect.stringContaining('group')]);
    },
  );

  it.each(['%zz', '%e4', '%0a', 'x'.repeat(65)])('about the member %j is refused', async (member) => {
    const group = await make(0);
    const { status, body } = await act('delete', group, `/members/${member}`, alice);
    expect([status, body.error]).toEqual([400, expect.stringContaining('member')]);
  });

  it.each([
    [{}, 'group'],
    [{ group: 5 }, 'group'],
    [{ group: '' }, 'group'],
    [{ group: 'g', open: 'yes' }, 'open'],
    [{ group: 'g', users: 'bob' }, 'users'],
    [{ group: 'g', users: ['bob', 5] }, 'users'],
    [{ group: 'g', users: ['a\nb'] }, 'users'],
    [{ group: 'g', users: Array.from({ length: 257 }, (_, i) => `u${i}`) }, 'users'],
  ])('to make %j is refused', async (fields, what) => {
    const { status, body } = await ask('post', alice, '/groups', alice, fields);
    expect([status, body.error]).toEqual([400, expect.stringContaining(what)]);
  });

  it('to add nobody, or to give no role, is refused', async () => {
    const group = await make(1);
    expect((await act('post', group, '/members', alice, { users: [] })).status).toBe(400);
    expect((await act('post', group, '/members', alice, {})).status).toBe(400);
    expect((await act('put', group, `/members/${bob}/role`, alice, { role: 'none' })).status).toBe(400);
    expect((await act('post', group, '/members', alice, `{"users":["${'x'.repeat(140_000)}"]}`)).status).toBe(413);
  });

  it('without a token is refused', async () => {
    const group = await make(0);
    const url = `${await httpOf(group)}/v1/groups/${encoded(group)}`;
    expect((await api.get(`${url}?user=${alice}`)).status).toBe(401);
    expect((await api.get(`${url}?user=${alice}&token=${signToken(SECRET, bob, 60)}`)).status).toBe(401);
  });
});
