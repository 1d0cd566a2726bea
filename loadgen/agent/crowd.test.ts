import { expect, test } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { createRandom } from '../random.ts';
import { assignmentOf } from '../testing/agent-assignment.ts';
import { Crowd } from './crowd.ts';

test.each([
  [8, 7, 5],
  [8, 1, 5],
  [1_003, 1_001, 7],
  [13, 13, 4],
  [13, 0, 4],
])('of %i users exactly %i are online over %i agents', (connections, online, agents) => {
  const { traffic } = assignmentOf({
    connections,
    online: { start: online / connections, stages: [{ target: 1, duration: '10s' }] },
    load: { rate: 1 },
  });
  const random = createRandom(1);
  const counts = Array.from({ length: agents }, (_, index) => {
    const segment = { index, of: agents };
    const options = { traffic, segment, clock: new VirtualClock(), random, shared: random };
    return new Crowd({ ...options, begin: () => {}, end: () => {} }).initial().length;
  });
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(online);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
});
