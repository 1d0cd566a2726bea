import { describe, expect, it } from 'vitest';
import { ceilingRemark } from './ceiling-file.ts';

const CEILING = {
  measuredAt: '2026-11-20T12:00:00.000Z',
  plimsollVersion: '1.0.0',
  node: 'v22.12.0',
  cpu: 'AMD EPYC',
  cores: 2,
  agents: 1,
  connections: 1_000,
  messagesPerSecond: 40_000,
  connectionsPerSecond: 9_000,
};
const HERE = { cpu: 'AMD EPYC', cores: 2, plimsollVersion: '1.0.0' };

describe('what a run says of the ceiling', () => {
  it('says how near it came', () => {
    expect(ceilingRemark(CEILING, HERE, 10_000)).toBe(
      "The generator's own ceiling here: 40,000 messages/s, 1 agent process against the null server (measured 2026-11-20); this run offered 25% of it.",
    );
  });

  it('names the version when it was another one', () => {
    expect(ceilingRemark(CEILING, { ...HERE, plimsollVersion: '1.1.0' }, 10_000)).toContain(
      '(measured 2026-11-20 with Plimsoll 1.0.0)',
    );
  });

  it('says nothing of another machine', () => {
    expect(ceilingRemark(CEILING, { ...HERE, cores: 8 }, 10_000)).toBeNull();
  });
});
