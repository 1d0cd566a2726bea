import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ERRORS } from '../protocol/errors.ts';
import { logicalShard } from '../shard-map.ts';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import type { SimulatedConnection } from '../testing/simulated-connection.ts';
import { groupOf, groupSeqOf, idOf } from './entry.ts';
import { groupOwner } from './owners.ts';

const VOLUMES = 3;

let chat: ChatSimulation;
/** One user on each volume. */
let users: string[];
let devices: SimulatedConnection[];
/** A group of each volume. */
let groups: string[];

async function start(settings = {}): Promise<void> {
  chat = await ChatSimulation.start({ volumes: VOLUMES, advanceTimers: (ms) => vi.advanceTimersByTime(ms), settings });
  users = [0, 1, 2].map((volume) => chat.userOn(volume, `u${volume}-`));
  groups = [0, 1, 2].map((volume) => chat.userOn(volume, `g${volume}-`));
  devices = users.map((user) => chat.connect(user, 0));
  await chat.settle();
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  await start();
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

/** `devices[0]`'s user makes a group of all three. */
async function createGroup(group: string): Promise<void> {
  devices[0]!.group('create', group, { users: users.slice(1) });
  await chat.settle();
}

/** Bodies of the group messages that a device has received or sent to its own other devices. */
function bodiesOf(device: SimulatedConnection): string[] {
  return device.of('message').map(({ body }) => body);
}

function historyOf(group: string): Promise<Array<{ seq: number; value: Buffer }>> {
  const { store } = chat.volume(chat.volumeOf(group));
  return store.timeline(logicalShard(group), groupOwner(group), { limit: 10_000 });
}

describe.each([0, 1, 2])('a group on volume %i', (volume) => {
  let group: string;
  beforeEach(async () => {
    group = groups[volume]!;
    await createGroup(group);
  });

  it('answers its creator and tells those who were added', () => {
    expect(devices[0]!.of('group')).toContainEqual({ type: 'group', id: 1, group, role: 'owner', members: 3, head: 0 });
    for (const device of devices.slice(1)) {
      expect(device.of('group')).toEqual([{ type: 'group', id: 0, group, role: 'member', members: 0, head: 0 }]);
    }
  });

  it('brings a message of any member to all others once, and to the author’s other devices', async () => {
    const second = chat.connect(users[1]!, 0);
    await chat.settle();
    devices[1]!.sendGroup(7, group, 'hello');
    await chat.settle();
    expect(devices[1]!.of('sent')).toEqual([{ type: 'sent', id: 7, seq: 1, time: expect.any(Number) }]);
    expect(bodiesOf(devices[1]!)).toEqual([]);
    const { time } = devices[1]!.of('sent')[0]!;
    for (const device of [devices[0]!, devices[2]!]) {
      expect(device.of('message')).toEqual([
        { type: 'message', direction: 'in', seq: 1, id: 7, time, peer: users[1], group, groupSeq: 1, body: 'hello' },
      ]);
    }
    expect(second.of('message')).toEqual([
      { type: 'message', direction: 'out', seq: 1, id: 7, time, peer: users[1], group, groupSeq: 0, body: 'hello' },
    ]);
    expect((await historyOf(group)).map(({ seq, value }) => [seq, groupSeqOf(value), idOf(value)])).toEqual([
      [1, 1, 7],
    ]);
  });

  it('gives all members the same order', async () => {
    for (let i = 0; i < 40; i++) {
      devices[i % 3]!.sendGroup(100 + i, group, `m${i}`);
      if (i % 4 === 0) await chat.turns(1);
    }
    await chat.settle();
    const history = (await historyOf(group)).map(({ value }) => idOf(value));
    expect(history).toHaveLength(40);
    for (const [i, device] of devices.entries()) {
      const others = history.filter((id) => (id - 100) % 3 !== i);
      expect(device.of('message').map(({ id }) => id)).toEqual(others);
      // And each sender's own order is kept.
      const own = history.filter((id) => (id - 100) % 3 === i);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  it('keeps messages for members who are away', async () => {
    devices[2]!.disconnect();
    devices[0]!.sendGroup(1, group, 'you missed this');
    await chat.settle();
    const back = chat.connect(users[2]!, 0);
    await chat.settle();
    expect(back.frames[0]).toEqual({ type: 'welcome', head: 1, after: 0 });
    expect(bodiesOf(back)).toEqual(['you missed this']);
  });

  it('causes no receipts, and an acknowledgement moves on over it', async () => {
    devices[0]!.sendGroup(1, group, 'a');
    devices[0]!.send(2, users[1]!, 'b');
    await chat.settle();
    const { seq } = devices[1]!.of('message').at(-1)!;
    devices[1]!.ack(seq);
    await chat.settle();
    expect(devices[0]!.of('receipt')).toEqual([{ type: 'receipt', state: 'delivered', peer: users[1], upTo: 2 }]);
    await chat.pass(3_000);
    devices[1]!.disconnect();
    const back = chat.connect(users[1]!);
    await chat.settle();
    expect(back.frames[0]).toMatchObject({ after: seq, head: seq });
  });

  it('answers a repeated send with the first answer', async () => {
    devices[0]!.sendGroup(5, group, 'once');
    await chat.settle();
    devices[0]!.sendGroup(5, group, 'once');
    devices[0]!.sendGroup(5, groups[(volume + 1) % 3]!, 'another group');
    await chat.settle();
    const [first, again] = devices[0]!.of('sent');
    expect(again).toEqual(first);
    expect(devices[0]!.of('error')).toEqual([expect.objectContaining({ code: ERRORS.idReused.code, id: 5 })]);
    expect(await historyOf(group)).toHaveLength(1);
    expect(bodiesOf(devices[1]!)).toEqual(['once']);
  });

  it('refuses whoever is no member, and lets him in and out', async () => {
    const stranger = chat.connect(chat.userOn(1, 'stranger'), 0);
    await chat.settle();
    stranger.sendGroup(1, group, 'let me in');
    await chat.settle();
    expect(stranger.of('error')).toMatchObject([{ code: ERRORS.notMember.code, id: 1 }]);
    devices[0]!.group('add', group, { users: [stranger.name] });
    await chat.settle();
    stranger.sendGroup(2, group, 'thanks');
    await chat.settle();
    expect(bodiesOf(devices[2]!)).toEqual(['thanks']);
    devices[0]!.group('remove', group, { users: [stranger.name] });
    await chat.settle();
    stranger.sendGroup(3, group, 'still here?');
    devices[0]!.sendGroup(4, group, 'gone');
    await chat.settle();
    expect(stranger.of('error').at(-1)).toMatchObject({ code: ERRORS.notMember.code, id: 3 });
    expect(bodiesOf(stranger)).toEqual([]);
    expect(stranger.of('group').map(({ role }) => role)).toEqual(['member', 'none']);
  });

  it('accepts a send of the creator right after the answer, and one that follows the request only if it comes later', async () => {
    const fresh = chat.userOn(volume, 'fresh');
    devices[1]!.group('create', fresh, { id: 9 });
    while (devices[1]!.of('group').every(({ id }) => id !== 9)) await chat.turns(1);
    devices[1]!.sendGroup(1, fresh, 'first');
    await chat.settle();
    expect(devices[1]!.of('error')).toEqual([]);
    expect(await historyOf(fresh)).toHaveLength(1);
  });

  it('survives restarts of every volume in the middle of it', async () => {
    for (let round = 0; round < 3; round++) {
      devices.forEach((device, i) => {
        if (device.closed) devices[i] = chat.connect(users[i]!, 0);
      });
      await chat.settle();
      devices[0]!.sendGroup(10 + round, group, `r${round}`);
      await chat.turns(1 + round);
      await chat.restartVolume((volume + round) % VOLUMES);
      await chat.pass(2_000);
      devices[0]!.disconnect();
      devices[0] = chat.connect(users[0]!, 0);
      await chat.settle();
      devices[0]!.sendGroup(10 + round, group, `r${round}`);
      await chat.pass(1_000);
    }
    expect((await historyOf(group)).map(({ value }) => idOf(value))).toEqual([10, 11, 12]);
    for (const user of users.slice(1)) {
      const entries = await chat.timeline(user);
      expect(entries.map(({ value }) => [groupOf(value), idOf(value)])).toEqual([10, 11, 12].map((id) => [group, id]));
    }
  });
});

describe('who may do what', () => {
  const g = (): string => groups[1]!;
  beforeEach(() => createGroup(g()));

  async function refusalOf(device: SimulatedConnection, work: () => void): Promise<number | undefined> {
    const before = device.of('error').length;
    work();
    await chat.settle();
    return device.of('error')[before]?.code;
  }

  it.each([
    ['add', ERRORS.notAllowed],
    ['remove', ERRORS.notAllowed],
    ['promote', ERRORS.notAllowed],
    ['demote', ERRORS.notAllowed],
    ['create', ERRORS.groupExists],
  ] as const)('a member may not %s', async (action, error) => {
    const [, member] = devices;
    expect(await refusalOf(member!, () => member!.group(action, g(), { users: [users[2]!] }))).toBe(error.code);
  });

  it('an owner repeats his create and is answered as before', async () => {
    await createGroup(g());
    expect(devices[0]!.of('group').at(-1)).toMatchObject({ id: 1, role: 'owner', members: 3 });
    expect(devices[0]!.of('error')).toEqual([]);
  });

  it('a stranger may not join a closed group, nor ask about it; of an unknown one he learns that', async () => {
    const stranger = chat.connect(chat.userOn(2, 'stranger'), 0);
    await chat.settle();
    expect(await refusalOf(stranger, () => stranger.group('join', g()))).toBe(ERRORS.notAllowed.code);
    expect(await refusalOf(stranger, () => stranger.group('info', g()))).toBe(ERRORS.notMember.code);
    expect(await refusalOf(stranger, () => stranger.group('info', 'nowhere'))).toBe(ERRORS.noSuchGroup.code);
  });

  it('anybody joins an open group, once', async () => {
    const open = chat.userOn(0, 'open');
    devices[0]!.group('create', open, { open: true });
    await chat.settle();
    devices[2]!.group('join', open, { id: 5 });
    devices[2]!.group('join', open, { id: 6 });
    await chat.settle();
    expect(devices[2]!.of('group').filter(({ id }) => id >= 5)).toMatchObject([
      { id: 5, role: 'member', members: 2 },
      { id: 6, role: 'member', members: 2 },
    ]);
  });

  it('the last owner stays while there are others; a new one may be made', async () => {
    expect(await refusalOf(devices[0]!, () => devices[0]!.group('leave', g()))).toBe(ERRORS.lastOwner.code);
    expect(await refusalOf(devices[0]!, () => devices[0]!.group('demote', g(), { users: [users[0]!] }))).toBe(
      ERRORS.lastOwner.code,
    );
    devices[0]!.group('promote', g(), { users: [users[1]!] });
    devices[0]!.group('leave', g(), { id: 8 });
    await chat.settle();
    expect(devices[0]!.of('group').find(({ id }) => id === 8)).toMatchObject({ role: 'none', members: 2 });
    expect(devices[1]!.of('group').at(-1)).toMatchObject({ id: 0, role: 'owner' });
  });

  it('a group has no more members than allowed', async () => {
    await chat.stop();
    await start({ maxGroupMembers: 3 });
    await createGroup(g());
    const fourth = chat.userOn(1, 'fourth');
    expect(await refusalOf(devices[0]!, () => devices[0]!.group('add', g(), { users: [fourth] }))).toBe(
      ERRORS.groupFull.code,
    );
    const other = chat.userOn(2, 'other');
    expect(await refusalOf(devices[0]!, () => devices[0]!.group('create', other, { users: [...users, fourth] }))).toBe(
      ERRORS.groupFull.code,
    );
  });

  it('a request to a shard that is away is answered: repeat later, or no answer', async () => {
    chat.killVolume(1);
    expect(await refusalOf(devices[0]!, () => devices[0]!.group('info', g()))).toBe(ERRORS.tryLater.code);
    await chat.startVolume(1);
    await chat.pass(1_000);
    devices[0]!.group('info', g());
    chat.network.cut(0, 1);
    await chat.pass(6_000);
    expect(devices[0]!.of('error').at(-1)!.code).toBe(ERRORS.noAnswer.code);
  });
});

describe('a large group', () => {
  it('is fanned out in pieces, once each although volumes die in the middle, and lets others through', async () => {
    await chat.stop();
    await start({ fanoutPieceMembers: 4 });
    const group = groups[0]!;
    const crowd = Array.from({ length: 30 }, (_, i) => chat.userOn(1, `crowd${i}-`));
    devices[0]!.group('create', group, { users: crowd });
    await chat.settle();
    const bob = chat.connect(chat.userOn(1, 'bob'), 0);
    await chat.settle();
    for (let id = 1; id <= 3; id++) devices[0]!.sendGroup(id, group, `m${id}`);
    devices[0]!.send(4, bob.name, 'quick');
    for (let kills = 0; kills < 4; kills++) {
      await chat.turns(3);
      await chat.restartVolume(1);
      await chat.pass(1_500);
    }
    for (const user of [...crowd]) {
      expect((await chat.timeline(user)).map(({ value }) => idOf(value))).toEqual([1, 2, 3]);
    }
    expect((await chat.timeline(bob.name)).map(({ value }) => idOf(value))).toEqual([4]);
  });

  it('does not hold up a message between two users by more than a piece', async () => {
    await chat.stop();
    await start({ fanoutPieceMembers: 4 });
    const group = groups[0]!;
    const crowd = Array.from({ length: 200 }, (_, i) => chat.userOn(1, `crowd${i}-`));
    devices[0]!.group('create', group, { users: crowd });
    await chat.settle();
    const bob = chat.connect(chat.userOn(1, 'bob'), 0);
    await chat.settle();
    devices[0]!.sendGroup(1, group, 'to all');
    await chat.turns(8);
    devices[0]!.send(2, bob.name, 'quick');
    while (bob.of('message').length === 0) await chat.turns(1);
    const reached = await Promise.all(crowd.map(async (user) => (await chat.timeline(user)).length));
    expect(reached.filter((count) => count === 1).length).toBeLessThan(crowd.length);
    await chat.settle();
  });
});
