import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { DriverConnection } from '../drivers/target-driver.ts';
import { createRandom } from '../random.ts';
import { ClientFaults } from './client-faults.ts';
import { newVirtualUser, type VirtualUser } from './virtual-user.ts';

interface FakeConnection extends DriverConnection<VirtualUser> {
  paused: boolean;
  closed: 'orderly' | 'abruptly' | null;
}

let clock: VirtualClock;
let users: VirtualUser[];
let reconnected: VirtualUser[];
let faults: ClientFaults;

beforeEach(() => {
  clock = new VirtualClock();
  users = Array.from({ length: 200 }, (_, index) => {
    const user = newVirtualUser(index, `u${index}`);
    user.connection = connectionOf(user);
    return user;
  });
  reconnected = [];
  faults = new ClientFaults({
    users: () => users.filter(({ connection }) => connection !== null),
    clock,
    random: createRandom(3),
    reconnect: (user) => {
      reconnected.push(user);
      user.connection = connectionOf(user);
    },
  });
});

describe('slow consumers', () => {
  it('a share stops reading for the time, and reads again', () => {
    const before = connections();
    faults.apply({ kind: 'slow-consumers', share: 0.1, forMs: 5_000 });
    expect(before.filter(({ paused }) => paused)).toHaveLength(20);
    expect(faults.slow).toBe(20);
    clock.advance(4_999);
    expect(faults.slow).toBe(20);
    clock.advance(1);
    expect(before.some(({ paused }) => paused)).toBe(false);
    expect(faults.slow).toBe(0);
    expect(reconnected).toEqual([]);
  });

  it('whom the server has ended is slow no more, and his new connection is left alone', () => {
    faults.apply({ kind: 'slow-consumers', share: 1, forMs: 5_000 });
    const user = users[7]!;
    user.connection = connectionOf(user);
    expect(faults.slow).toBe(199);
    user.connection.setPaused!(true);
    clock.advance(5_000);
    expect((user.connection as FakeConnection).paused).toBe(true);
  });

  it('at least one, and never the same twice', () => {
    faults.apply({ kind: 'slow-consumers', share: 0.0001, forMs: 5_000 });
    expect(faults.slow).toBe(1);
    faults.apply({ kind: 'slow-consumers', share: 0.5, forMs: 5_000 });
    expect(faults.slow).toBe(101);
  });

  it('a driver that can not pause is left alone', () => {
    for (const user of users) Object.assign(user.connection!, { setPaused: undefined });
    expect(faults.apply({ kind: 'slow-consumers', share: 0.5, forMs: 5_000 })).toMatch(/slow-consumers did nothing/);
    expect(faults.apply({ kind: 'half-open', share: 0.5 })).toMatch(/no setPaused/);
    expect(faults.slow).toBe(0);
    expect(reconnected).toEqual([]);
  });
});

describe('half-open', () => {
  it('the old socket stays, unread and unclosed, until it is taken away; the user has another', () => {
    const before = connections();
    faults.apply({ kind: 'half-open', share: 0.25 });
    expect(reconnected).toHaveLength(50);
    const left = before.filter(({ paused }) => paused);
    expect(left).toHaveLength(50);
    clock.advance(119_999);
    expect(left.every(({ closed }) => closed === null)).toBe(true);
    clock.advance(1);
    expect(left.every(({ closed }) => closed === 'abruptly')).toBe(true);
    expect(connections().some(({ paused, closed }) => paused || closed !== null)).toBe(false);
  });
});

describe('reconnect storm', () => {
  it('a share breaks abruptly, and every one of them comes back', () => {
    const before = connections();
    faults.apply({ kind: 'reconnect-storm', share: 0.5 });
    expect(before.filter(({ closed }) => closed === 'abruptly')).toHaveLength(100);
    expect(new Set(reconnected).size).toBe(100);
  });

  it('with nobody connected, says so', () => {
    for (const user of users) user.connection = null;
    expect(faults.apply({ kind: 'reconnect-storm', share: 1 })).toMatch(/found no connection/);
  });

  it('the same seed chooses the same users', () => {
    const choose = (): number[] => {
      const chosen: number[] = [];
      new ClientFaults({
        users: () => users,
        clock,
        random: createRandom(5),
        reconnect: ({ index }) => chosen.push(index),
      }).apply({ kind: 'reconnect-storm', share: 0.05 });
      return chosen;
    };
    const first = choose();
    expect(first).toHaveLength(10);
    expect(choose()).toEqual(first);
  });
});

it('in the end everybody reads, nothing is half-open and no timer is left', () => {
  const before = connections();
  faults.apply({ kind: 'slow-consumers', share: 0.3, forMs: 60_000 });
  faults.apply({ kind: 'half-open', share: 0.3 });
  faults.stop();
  expect(faults.slow).toBe(0);
  expect(before.filter(({ closed }) => closed === 'abruptly')).toHaveLength(60);
  expect(connections().some(({ paused }) => paused)).toBe(false);
  expect(clock.pending).toBe(0);
});

function connections(): FakeConnection[] {
  return users.map(({ connection }) => connection as FakeConnection);
}

function connectionOf(user: VirtualUser): FakeConnection {
  return {
    user: user.name,
    context: user,
    position: 0,
    paused: false,
    closed: null,
    send() {},
    close(orderly) {
      this.closed = orderly ? 'orderly' : 'abruptly';
    },
    setPaused(paused) {
      this.paused = paused;
    },
  };
}
