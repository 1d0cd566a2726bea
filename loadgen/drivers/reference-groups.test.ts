import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ERRORS } from '../../server/protocol/errors.ts';
import { type GroupAsker, ReferenceGroups } from './reference-groups.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Request {
  id: number;
  action: string;
  group: string;
  users: string[];
}

class Asker implements GroupAsker {
  readonly user = 'owner';
  isOpen = true;
  readonly requests: Request[] = [];
  askGroup(id: number, action: 'create' | 'add', group: string, users: string[]): void {
    this.requests.push({ id, action, group, users });
  }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);

/** Let what awaits an answer go on. */
const settle = () => vi.advanceTimersByTimeAsync(0);

test('a new group: one request for each 256 members, one after the other, with ids of no send', async () => {
  const groups = new ReferenceGroups();
  const asker = new Asker();
  const made = groups.create(asker, 'g', [...names(600), 'm3', 'owner']);
  for (const members of [257, 513, 601]) {
    await settle();
    groups.answered(asker.requests.at(-1)!.id, members, 0);
  }
  await made;
  expect(asker.requests.map(({ action, users }) => [action, users.length])).toEqual([
    ['create', 256],
    ['add', 256],
    ['add', 88],
  ]);
  expect(asker.requests.flatMap(({ users }) => users)).toEqual(names(600));
  expect(asker.requests.every(({ id }) => id > 2 ** 52 && Number.isSafeInteger(id))).toBe(true);
});

test.each([
  ['fewer members', 2, 0],
  ['messages in it', 4, 7],
])('a group that was there already, with %s, is made complete', async (_what, members, head) => {
  const groups = new ReferenceGroups();
  const asker = new Asker();
  const made = groups.create(asker, 'g', names(3));
  groups.answered(asker.requests[0]!.id, members, head);
  await settle();
  groups.answered(asker.requests[1]!.id, 4, head);
  await made;
  expect(asker.requests.map(({ action, users }) => [action, users])).toEqual([
    ['create', names(3)],
    ['add', names(3)],
  ]);
});

test('is asked again when the server says so, when it says so', async () => {
  const groups = new ReferenceGroups();
  const asker = new Asker();
  const made = groups.create(asker, 'g', []);
  expect(groups.failed(asker.requests[0]!.id, ERRORS.rateLimited.code, 250, 'wait')).toBe(true);
  await vi.advanceTimersByTimeAsync(249);
  expect(asker.requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  groups.failed(asker.requests[1]!.id, ERRORS.tryLater.code, 0, 'wait');
  await vi.advanceTimersByTimeAsync(1_000);
  groups.answered(asker.requests[2]!.id, 1, 0);
  await made;
});

test('gives up after 30 s, asked again or not answered at all', async () => {
  const groups = new ReferenceGroups();
  const asker = new Asker();
  const silent = expect(groups.create(asker, 'g', [])).rejects.toMatchObject({
    side: 'server',
    message: 'the server did not answer for 30 s',
  });
  const busy = new Asker();
  const refused = expect(groups.create(busy, 'h', [])).rejects.toMatchObject({ side: 'server' });
  for (let second = 0; second < 31; second++) {
    groups.failed(busy.requests.at(-1)!.id, ERRORS.tryLater.code, 0, 'wait');
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await silent;
  await refused;
  expect(groups.failed(asker.requests[0]!.id, ERRORS.tryLater.code, 0, 'late')).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('a refusal for good is told in the server’s words', async () => {
  const groups = new ReferenceGroups();
  const asker = new Asker();
  const made = groups.create(asker, 'g', []);
  groups.failed(asker.requests[0]!.id, ERRORS.groupFull.code, 0, ERRORS.groupFull.text);
  await expect(made).rejects.toMatchObject({
    side: 'server',
    final: true,
    message: `the server refused: ${ERRORS.groupFull.text}`,
  });
});

test('a connection that ends takes its requests with it, and no others', async () => {
  const groups = new ReferenceGroups();
  const [one, other] = [new Asker(), new Asker()];
  const lost = groups.create(one, 'g', []);
  const made = groups.create(other, 'g', []);
  groups.ended(one);
  await expect(lost).rejects.toMatchObject({ side: 'server', message: 'the connection was lost' });
  groups.answered(other.requests[0]!.id, 1, 0);
  await made;
  one.isOpen = false;
  await expect(groups.create(one, 'g', [])).rejects.toMatchObject({ message: 'the connection was lost' });
  expect(one.requests).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('what nobody asked is not an answer', () => {
  const groups = new ReferenceGroups();
  groups.answered(5, 1, 0);
  expect(groups.failed(5, ERRORS.tryLater.code, 0, 'for a send')).toBe(false);
});
