import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileScenario } from '../loadgen/population/load-plan.ts';
import { knownScenarios, loadScenario } from '../loadgen/scenario-loader.ts';

const LIBRARY = [
  'day',
  'direct-messages',
  'fifty-thousand',
  'group-fanout',
  'long-polling',
  'new-year',
  'offline-backlog',
  'presence-heavy',
  'reconnect-storm',
  'slow-consumers',
  'smoke',
  'soak',
];

describe('the scenario library', () => {
  it('is complete, and nothing else is taken for a scenario', () => {
    expect(knownScenarios()).toEqual(LIBRARY);
  });

  it.each(LIBRARY)('%s opens with what it asks and what would be a bad sign, and comes to a load', async (name) => {
    const { scenario, path, samples } = await loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(readFileSync(path, 'utf8')).toMatch(/^\/\*\*\n \* Asks: [\s\S]*\n \* A bad sign: [\s\S]*\*\/\nimport/);
    const plan = compileScenario(scenario, {}, samples);
    expect(plan.connections).toBeGreaterThan(0);
    expect(plan.rate).toBeGreaterThan(0);
    expect(plan.thresholds.length).toBeGreaterThan(0);
    expect(plan.thresholds.map(({ metric, source }) => `${metric} ${source}`)).toContain('messages_lost count==0');
  });
});
