import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ChatSimulation } from '../testing/chat-simulation.ts';
import { NEVER_REVOKED } from './revocations.ts';

let chat: ChatSimulation;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  chat = await ChatSimulation.start({ volumes: 1, advanceTimers: (ms) => vi.advanceTimersByTime(ms) });
});

afterEach(async () => {
  await chat.stop();
  vi.useRealTimers();
});

it('closes the devices whose token is as old, and only those', async () => {
  const [old, same, fresh, other] = ['alice', 'alice', 'alice', 'bob'].map((user) => chat.connect(user));
  await chat.settle();
  old!.issuedAt = 50;
  same!.issuedAt = 100;
  fresh!.issuedAt = 101;
  void chat.volume(0).revocations.revoke('alice', 100);
  expect([old, same, fresh, other].map((device) => device!.closeCode)).toEqual([4403, 4403, 0, 0]);
  expect(chat.volume(0).revocations.upTo('alice')).toBe(100);
  expect(chat.volume(0).revocations.upTo('bob')).toBe(NEVER_REVOKED);
});

it('holds once it has resolved, whatever happens, and is never taken back', async () => {
  let resolved = false;
  void chat
    .volume(0)
    .revocations.revoke('alice', 100)
    .then(() => {
      resolved = true;
    });
  await chat.settle();
  expect(resolved).toBe(true);
  void chat.volume(0).revocations.revoke('alice', 50);
  void chat.volume(0).revocations.revoke('zoë', 0);
  await chat.settle();
  await chat.restartVolume(0);
  expect(['alice', 'zoë', 'bob'].map((user) => chat.volume(0).revocations.upTo(user))).toEqual([100, 0, NEVER_REVOKED]);
});
