/** A small assignment for tests of the agent, in virtual time. */

import type { Scenario } from '../../scenarios/scenario.ts';
import { parseScenario } from '../../scenarios/scenario-schema.ts';
import type { AgentAssignment } from '../control/control-channel.ts';
import { trafficOf } from '../coordinator/audience.ts';
import { compileScenario } from '../population/load-plan.ts';

/** The whole run as one agent's part. */
export function assignmentOf(scenario: Partial<Scenario>, changes: Partial<AgentAssignment> = {}): AgentAssignment {
  const base = { name: 'test', description: 'd', question: 'q', badSign: 'b' };
  const plan = compileScenario(parseScenario({ ...base, phases: { warmUp: 0, steady: '10s' }, ...scenario }));
  return {
    segment: { index: 0, of: 1 },
    runTag: 1,
    seed: 1,
    driver: 'reference',
    target: 'ws://127.0.0.1:1',
    authSecret: null,
    traffic: trafficOf(plan),
    connecting: { perSecond: null, inFlight: 50 },
    connectTimeoutMs: 1_000,
    epochOffsetMs: 0,
    hosts: [''],
    deliveryAcrossHosts: true,
    ...changes,
  };
}
