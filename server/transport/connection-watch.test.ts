import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLOSES, type CloseEntry } from '../protocol/errors.ts';
import type { Connection } from './connection.ts';
import { ConnectionWatch } from './connection-watch.ts';

/** What the watch sees of a connection. */
class WatchedConnection {
  stuckSince = 0;
  backlogSeen = 0;
  drained = false;
  expiresInSecond = 0;
  backlog = 0;
  looks = 0;
  closes: CloseEntry[] = [];
  backlogBytes(): number {
    this.looks++;
    return this.backlog;
  }
  close(entry: CloseEntry): void {
    this.closes.push(entry);
    watch.forget(this as unknown as Connection);
  }
}

let watch: ConnectionWatch;
let connection: WatchedConnection;
const T0 = 1_700_000_000_500;

beforeEach(() => {
  vi.useFakeTimers({ now: T0 });
  watch = new ConnectionWatch({ writeDeadlineSeconds: 5, now: Date.now });
  connection = new WatchedConnection();
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

const pass = (seconds: number): void => void vi.advanceTimersByTime(seconds * 1_000);
const backlogged = (): void => watch.backlogged(connection as unknown as Connection);
const expireAt = (one: WatchedConnection, at: number): void => watch.expireAt(one as unknown as Connection, at);

describe('a backlog', () => {
  it('that does not move for the deadline ends the connection', () => {
    connection.backlog = 1_000;
    backlogged();
    pass(5);
    expect(connection.closes).toEqual([]);
    pass(1);
    expect(connection.closes).toEqual([CLOSES.slowConsumer]);
  });

  it('that only grows ends it as well', () => {
    connection.backlog = 1_000;
    backlogged();
    for (let second = 0; second < 6; second++) {
      connection.backlog += 100;
      backlogged();
      pass(1);
    }
    expect(connection.closes).toEqual([CLOSES.slowConsumer]);
  });

  it('that shrinks now and then does not', () => {
    connection.backlog = 1_000;
    backlogged();
    for (let second = 0; second < 60; second++) {
      if (second % 4 === 0) connection.backlog--;
      pass(1);
    }
    expect(connection.closes).toEqual([]);
  });

  it('that drains and fills at once does not', () => {
    connection.backlog = 1_000;
    backlogged();
    for (let second = 0; second < 60; second++) {
      if (second % 4 === 0) connection.drained = true;
      connection.backlog += 10;
      pass(1);
    }
    expect(connection.closes).toEqual([]);
  });

  it('that is gone is not looked at any more', () => {
    connection.backlog = 1_000;
    backlogged();
    pass(1);
    connection.backlog = 0;
    pass(1);
    const { looks } = connection;
    pass(60);
    expect(connection.looks).toBe(looks);
    // Another one begins anew.
    connection.backlog = 10;
    backlogged();
    pass(5);
    expect(connection.closes).toEqual([]);
  });

  it('of a closed connection is forgotten', () => {
    connection.backlog = 1_000;
    backlogged();
    watch.forget(connection as unknown as Connection);
    pass(60);
    expect(connection.looks).toBe(0);
  });
});

describe('a token', () => {
  it('that expires ends the connection within a second, not before', () => {
    expireAt(connection, 1_700_000_010);
    pass(9);
    expect(connection.closes).toEqual([]);
    pass(1);
    expect(connection.closes).toEqual([CLOSES.tokenExpired]);
  });

  it('that has expired already ends it at once; one without an end never', () => {
    const other = new WatchedConnection();
    expireAt(connection, 1_699_999_000);
    expireAt(other, Number.POSITIVE_INFINITY);
    pass(2);
    expect(connection.closes).toEqual([CLOSES.tokenExpired]);
    pass(100_000);
    expect(other.closes).toEqual([]);
  });

  it('is forgotten with its connection', () => {
    expireAt(connection, 1_700_000_010);
    watch.forget(connection as unknown as Connection);
    pass(20);
    expect(connection.closes).toEqual([]);
  });

  it('is seen when the clock jumps', () => {
    expireAt(connection, 1_700_050_000);
    vi.setSystemTime(T0 + 100_000_000);
    pass(1);
    expect(connection.closes).toEqual([CLOSES.tokenExpired]);
  });

  it('of 50,000 connections at once: closed in pieces, the loop turning in between', () => {
    const many = Array.from({ length: 50_000 }, () => new WatchedConnection());
    for (const one of many) expireAt(one, 1_700_000_003);
    const closed = () => many.reduce((total, { closes }) => total + closes.length, 0);
    vi.advanceTimersByTime(2_500);
    let most = 0;
    let pieces = 0;
    for (let before = 0; before < 50_000; pieces++) {
      vi.advanceTimersToNextTimer();
      most = Math.max(most, closed() - before);
      before = closed();
      expect(pieces).toBeLessThan(1_000);
    }
    expect(most).toBeLessThanOrEqual(200);
    expect(many.every(({ closes }) => closes[0] === CLOSES.tokenExpired && closes.length === 1)).toBe(true);
  });
});
