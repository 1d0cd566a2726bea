/** Each agent's part of a run, as it is told. Pure. */
import type { AgentAssignment } from '../control/control-channel.ts';
import type { LoadPlan } from '../population/plan.ts';
import { trafficOf } from './audience.ts';
import type { Segment } from './segments.ts';

export interface AssignmentInput
  extends Pick<
    AgentAssignment,
    'driver' | 'target' | 'authSecret' | 'epochOffsetMs' | 'hosts' | 'deliveryAcrossHosts'
  > {
  plan: LoadPlan;
  runId: string;
}

const CONNECT_TIMEOUT_MS = 15_000;

export function assignmentOf({ plan, runId, ...common }: AssignmentInput, segment: Segment): AgentAssignment {
  return {
    ...common,
    segment,
    runTag: runTag(runId),
    seed: plan.seed,
    traffic: trafficOf(plan),
    connecting: plan.connecting,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  };
}

/** Marks the run's own messages, so that those of an earlier run on the same data are told apart. */
function runTag(runId: string): number {
  let hash = 0;
  for (const character of runId) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash >>> 0;
}
