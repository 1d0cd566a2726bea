import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AgentLink } from '../control/control-channel.ts';
import { AgentGroup } from './agent-group.ts';
import { SilenceWatch } from './agent-silence.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('who is not heard is told of, once; who is heard is not', () => {
  const silent = vi.fn();
  const watch = new SilenceWatch<string>(5_000, silent);
  watch.start(['a', 'b']);
  for (let second = 0; second < 20; second++) {
    vi.advanceTimersByTime(1_000);
    watch.heard('a');
    if (second === 2) watch.heard('b');
    if (second === 6) expect(silent).not.toHaveBeenCalled();
  }
  expect(silent.mock.calls).toEqual([['b']]);
  watch.stop();
  vi.advanceTimersByTime(20_000);
  expect(silent).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

it('an agent that never comes back is ended, and what waits for it goes on', async () => {
  const link = { name: 'agent-0', send() {}, onMessage() {}, onGone() {}, kill: vi.fn() };
  const group = new AgentGroup([link as unknown as AgentLink]);
  const preparing = group.prepare(() => ({}) as never);
  vi.advanceTimersByTime(20_000);
  await expect(preparing).rejects.toThrow(
    /agent-0 said nothing for 20 s \(a driver that never returns\?\) and was ended/,
  );
  expect(link.kill).toHaveBeenCalled();
  expect(group.dead).toHaveLength(1);
  void group.end();
});
