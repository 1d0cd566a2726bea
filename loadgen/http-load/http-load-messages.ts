/** What the coordinator and the process of the HTTP load say to each other. Times as on the control channel. */
import type { AgentUsage } from '../control/control-channel.ts';
import type { HttpPlan } from '../population/load-plan.ts';
import type { PartnerSpec } from '../population/partners.ts';
import type { SampleBatch } from '../recorder/samples.ts';

/** Who reports the rows. */
export const HTTP_SOURCE = 'http-load';

export interface HttpAssignment {
  plan: HttpPlan;
  /** `ws://host:port` */
  target: string;
  /** The target is asked where users live; else all calls go to it. */
  sharded: boolean;
  authSecret: string | null;
  users: number;
  partners: PartnerSpec;
  seed: number;
  warmUpMs: number;
  steadyMs: number;
  epochOffsetMs: number;
}

export type ToHttpLoad =
  | { type: 'prepare'; assignment: HttpAssignment }
  | { type: 'start'; startMs: number }
  /** Make no more calls, report the last rows, end. */
  | { type: 'stop' };

export type FromHttpLoad =
  | { type: 'prepared' }
  | { type: 'tick'; usage: AgentUsage; samples: SampleBatch }
  /** Why calls had no answer, with how often. */
  | { type: 'stopped'; reasons: Record<string, number> }
  | { type: 'failed'; message: string; side: 'generator' | 'server' };
