import { afterEach, expect, it } from 'vitest';
import { monotonicMs } from '../clock.ts';
import type { AgentLink, RoundTrip, ToAgent } from '../control/control-channel.ts';
import { eventually } from '../testing/command-line.ts';
import { AgentClocks } from './agent-clocks.ts';

const AHEAD_MS = 5_000_000;

interface FakeLink extends AgentLink {
  told: ToAgent[];
  /** How far its clock is ahead of ours. */
  aheadMs: number;
}

let clocks: AgentClocks | undefined;
afterEach(() => clocks?.stop());

/** `answers` false: its clock can't be read. */
function fakeLink(name: string, answers = true): FakeLink {
  const told: ToAgent[] = [];
  const link: FakeLink = {
    name,
    told,
    aheadMs: AHEAD_MS,
    send: (message) => void told.push(message),
    onMessage: () => {},
    onGone: () => {},
    kill: () => {},
    probe: async (): Promise<RoundTrip | null> => {
      const sentMs = monotonicMs();
      await new Promise((resolve) => setTimeout(resolve, 1));
      const theirMs = monotonicMs() + link.aheadMs;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return answers ? { sentMs, theirMs, receivedMs: monotonicMs() } : null;
    },
  };
  return link;
}

it('agents of one host follow one line; those that share our clock are told nothing and are exact', async () => {
  const [near, far, farther] = [fakeLink('agent-0'), fakeLink('agent-1'), fakeLink('agent-2')];
  clocks = new AgentClocks(
    [
      { link: near, clockId: 'ours' },
      { link: far, clockId: 'theirs' },
      { link: farther, clockId: 'theirs' },
    ],
    'ours',
  );
  await clocks.synchronise();
  expect(clocks.ids).toEqual(['', 'theirs', 'theirs']);
  expect(near.told).toEqual([]);
  expect(far.told).toHaveLength(1);
  expect(farther.told).toEqual(far.told);
  expect(clocks.clockOf(0)).toEqual({ offsetMs: 0, boundMs: 0 });
  const { offsetMs, boundMs } = clocks.clockOf(1);
  expect(clocks.clockOf(2).boundMs).toBe(boundMs);
  expect(boundMs).toBeGreaterThan(0);
  expect(Math.abs(offsetMs + AHEAD_MS)).toBeLessThanOrEqual(boundMs);
  expect(clocks.worstBetweenHostsMs).toBe(boundMs);
  expect(clocks.unsteady).toEqual([]);
  await eventually(() => far.told.length > 1, 'the next line');
  expect(farther.told).toEqual(far.told);
});

it('between two other hosts both bounds count; an agent that does not tell its clock is a host of its own', async () => {
  const links = [fakeLink('agent-0'), fakeLink('agent-1')];
  clocks = new AgentClocks(
    links.map((link) => ({ link, clockId: null })),
    null,
  );
  await clocks.synchronise();
  expect(new Set(clocks.ids).size).toBe(2);
  expect(clocks.worstBetweenHostsMs).toBeCloseTo(clocks.clockOf(0).boundMs + clocks.clockOf(1).boundMs, 9);
});

it('a host whose clock is set in mid-run is named', async () => {
  const link = fakeLink('agent-0');
  clocks = new AgentClocks([{ link, clockId: 'theirs' }], 'ours');
  await clocks.synchronise();
  link.aheadMs += 60_000;
  await eventually(() => clocks!.unsteady.length > 0, 'the jump');
  expect(clocks.unsteady).toEqual(['agent-0']);
});

it('a clock that can’t be read is an error that names the agents', async () => {
  clocks = new AgentClocks([{ link: fakeLink('agent-0', false), clockId: 'theirs' }], 'ours');
  await expect(clocks.synchronise()).rejects.toThrow('the clock of agent-0 could not be read');
});
