import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../scenarios/scenario.ts';
import { parseScenario } from '../../scenarios/scenario-schema.ts';
import { expectedMetrics } from './expected-metrics.ts';
import { compileScenario } from './load-plan.ts';

const TEXT = { name: 'n', description: 'd', question: 'q', badSign: 'b' };
const PLAIN: Scenario = { ...TEXT, connections: 10, load: { rate: 5 } };
const HTTP: Scenario = { ...PLAIN, http: { rate: 1, requests: [{ path: '/v1/shards' }] } };

function compile(scenario: Scenario, thresholds: Record<string, string[]> = {}) {
  return compileScenario(parseScenario({ ...scenario, options: { ...scenario.options, thresholds } }));
}

describe('what a run is to produce', () => {
  it.each<[string, Scenario, string[], string[]]>([
    ['messages', PLAIN, ['connect_latency', 'sent_latency', 'send_slip'], ['http_req_duration', 'fanout_latency']],
    ['no messages', { ...PLAIN, load: { rate: 0 } }, ['connect_latency'], ['sent_latency', 'delivery_latency']],
    ['HTTP calls', HTTP, ['http_req_duration', 'http_req_failed'], ['resume_latency']],
    [
      'messages without a rate of their own',
      { ...TEXT, options: { scenarios: { loop: { executor: 'constant-vus', vus: 4, duration: '5s' } } } },
      ['sent_latency'],
      [],
    ],
  ])('%s', (_, scenario, expected, not) => {
    const metrics = [...expectedMetrics(compile(scenario))] as string[];
    expect(metrics).toEqual(expect.arrayContaining(expected));
    for (const name of not) expect(metrics).not.toContain(name);
  });
});

describe('a threshold that says nothing about this run gets a sentence', () => {
  it.each<[string, string, string]>([
    ['fanout_latency', 'p(99)<100', 'holds if nothing is measured: this run sends nothing to groups.'],
    ['http_req_failed', 'rate<0.01', 'holds if nothing is measured: this run makes no HTTP calls.'],
    ['http_reqs', 'count>0', 'sees 0: this run makes no HTTP calls.'],
    ['resume_latency', 'p(99)<100', 'holds if nothing is measured: this run has nobody leave and come back.'],
    ['fault_recovery_seconds', 'value<10', 'cannot be judged and fails: this run has no faults.'],
    ['messages_lost', 'count==0 over 5s', 'always sees 0: what was lost is known at the end, for the run as a whole.'],
    ['sent_latency{phase:connect}', 'avg<5', 'nothing is sent in the connect phase.'],
  ])('%s %s', (metric, threshold, sentence) => {
    const { remarks } = compile(PLAIN, { [metric]: [threshold] });
    expect(remarks).toEqual([expect.stringMatching(/^The threshold /)]);
    expect(remarks[0]).toContain(`${metric} ${threshold} `);
    expect(remarks[0]).toContain(sentence);
  });

  it('and a share is not a percentage', () => {
    expect(compile(HTTP, { http_req_failed: ['rate<5'] }).remarks).toEqual([
      'The threshold http_req_failed rate<5 always holds: a rate is a share from 0 to 1.',
    ]);
  });

  it.each([
    ['sent_latency', 'p(99)<5'],
    ['sent_latency{scenario:default}', 'p(99)<5'],
    ['server_memory_bytes_per_connection', '<8000'],
    ['http_req_failed', 'rate<0.01'],
    ['http_reqs', 'rate>0.9'],
    ['messages_lost', 'count==0'],
    ['reconnects', 'count==0'],
  ])('%s %s gets none', (metric, threshold) => {
    expect(compile(HTTP, { [metric]: [threshold] }).remarks).toEqual([]);
  });
});

it('deliveries to groups are not those to single users', () => {
  const groups = { count: 2, members: 4 };
  const mixed: Scenario = { ...PLAIN, population: { groups: { ...groups, share: 0.5 } } };
  expect(compile(mixed, { 'delivery_latency{scenario:group}': ['avg<5'] }).remarks).toEqual([
    'The threshold delivery_latency{scenario:group} avg<5 fails for want of samples: deliveries to groups are fanout_latency.',
  ]);
  const only: Scenario = { ...PLAIN, population: { groups: { ...groups, share: 1 } } };
  expect([...expectedMetrics(compile(only))]).not.toContain('delivery_latency');
  expect(compile(only, { delivery_latency: ['avg<5'] }).remarks).toEqual([
    'The threshold delivery_latency avg<5 holds if nothing is measured: this run sends no messages to single users (those to groups are fanout_latency).',
  ]);
});

it('a scenario that the run does not have is a mistake', () => {
  expect(() => compile(PLAIN, { 'sent_latency{scenario:defautl}': ['avg<5'] })).toThrow(
    'asks for the unknown scenario "defautl"; did you mean "default"?',
  );
});
