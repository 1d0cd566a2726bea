/** What a run will do, in numbers: what compileScenario makes of a scenario, and what agents get their share of. */
import type { CheckedFault } from '../../scenarios/scenario-faults.ts';
import type { CheckedScenario } from '../../scenarios/scenario-schema.ts';
import type { Arrivals } from '../pacing/fire-times.ts';
import type { RateStage } from '../pacing/rate-curve.ts';
import type { Threshold } from '../recorder/thresholds.ts';
import type { GroupSizeSpec } from './groups.ts';
import type { PartnerSpec } from './partners.ts';
import type { PayloadSpec } from './payload-sizes.ts';

export type Durability = 'fsync' | 'os' | 'none';

/**
 * Users who are connected and write together. The first block is the crowd, from whom the open executors draw their senders;
 * each closed executor has a block of its own, a virtual user each. Users of a block write to users of the same block.
 */
export interface BlockPlan {
  name: string;
  /** Users first … first + users − 1 of the run. */
  first: number;
  users: number;
  /** Users (not a rate) connected over the time since the load began; stays at the last value. Null: all, from the connect phase on. */
  online: RateStage[] | null;
  /** Who leaves waits at most so long for acknowledgements (k6's gracefulStop and gracefulRampDown). */
  graceMs: number;
  /** Sessions that end per second, each followed by another user's; empty: nobody leaves but by `online`. */
  turnover: RateStage[];
}

/** Messages of one kind: what k6 calls a scenario. */
export interface StreamPlan {
  /** Tag `scenario` of its samples. */
  name: string;
  executor: string;
  to: 'user' | 'group';
  /** Index of the block whose users write. */
  block: number;
  /** Since the load began. */
  startMs: number;
  pace: OpenPace | ClosedPace;
}

export interface OpenPace {
  model: 'open';
  /** Messages/s, from `startMs` on. */
  stages: RateStage[];
  arrivals: Arrivals;
}

/** Every virtual user sends, waits for the acknowledgement, thinks, and sends again. */
export interface ClosedPace {
  model: 'closed';
  durationMs: number;
  /** Mean of an exponential pause; 0: none. */
  thinkMs: number;
  iterations: { perUser: number } | { shared: number } | null;
}

export interface GroupsPlan {
  count: number;
  sizes: GroupSizeSpec;
}

/** What every agent must know to do its share; serialisable. */
export interface TrafficPlan {
  blocks: BlockPlan[];
  streams: StreamPlan[];
  /** Users of all blocks: 0 … users − 1. */
  users: number;
  /** Mean devices of a user, 1 or more; every device is a connection. */
  devices: number;
  payload: PayloadSpec;
  partners: PartnerSpec;
  /** Groups of the crowd; null: none. */
  groups: GroupsPlan | null;
  /** How many contacts each user watches. */
  presenceContacts: number;
  warmUpMs: number;
  steadyMs: number;
}

/** `rate` calls/s over `connections`, drawn from `requests` by weight. */
export type HttpPlan = NonNullable<CheckedScenario['http']>;

export interface LoadPlan extends TrafficPlan {
  name: string;
  description: string;
  question: string;
  badSign: string;
  /** Connections open at once at most. */
  connections: number;
  /** Of these, before the load begins; with several devices a user, in the mean. */
  connectionsAtStart: number;
  /** Messages/s of the open streams, mean over the steady phase. */
  rate: number;
  /** The highest of these messages/s, at any moment. */
  ratePeak: number;
  /** Mean payload. */
  bodyBytes: number;
  /** Deliveries that a message leads to, in the mean, over all open streams: receivers × devices. */
  fanOut: number;
  phases: { warmUpMs: number; steadyMs: number; drainMs: number };
  /** The steady phase ends early when all streams are done. */
  endsWhenDone: boolean;
  /** Over all agents; perSecond null: as fast as inFlight lets them. */
  connecting: { perSecond: number | null; inFlight: number };
  /** HTTP calls beside the messages; null: none. */
  http: HttpPlan | null;
  thresholds: Threshold[];
  faults: CheckedFault[];
  /** null: what the command line says. */
  driver: string | null;
  /** null: the node's default. */
  server: { shards: number | null; store: string | null; durability: Durability | null };
  /** null: from cores and descriptor limits. */
  agents: number | null;
  seed: number;
  /** How the load follows from the scenario, line by line. */
  derivation: string[];
  /** What the reader of a result must know, such as that a day was compressed. */
  remarks: string[];
}

/** The block that a user belongs to. */
export function blockOf({ blocks }: TrafficPlan, user: number): BlockPlan {
  return blocks.find(({ first, users }) => user >= first && user < first + users)!;
}
