/** A run of a few seconds, for tests of the whole program. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workspace } from '../testing/command-line.ts';

/** Its latencies are allowed a lot: tests of other things share the processor, and what they do to it is not the generator's fault. */
export const SMALL = {
  name: 'small',
  description: 'a few users',
  question: 'q',
  badSign: 'b',
  connections: 60,
  load: { rate: 50, arrivals: 'poisson' },
  phases: { warmUp: '1s', steady: '3s', drain: '5s' },
  server: { shards: 2, store: 'memory:' },
  options: { thresholds: { delivery_latency: ['p(99)<10000'], messages_lost: ['count==0'] } },
};

export function writeScenario(workspace: Workspace, name: string, scenario: object): string {
  writeFileSync(join(workspace.directory, name), `export default ${JSON.stringify(scenario)};\n`);
  return name;
}
