/** What a scenario says. A scenario file's default export is one of these, best wrapped in `defineScenario`. */
import type { Options } from 'k6/options';

/** With its unit: `1h30m`, `90s`, `250ms`; 0 needs none. */
export type Duration = string | 0;

/** A number, or text such as `50k`, `500M`, `5e8`. */
export type Quantity = number | string;

export interface Scenario {
  name: string;
  /** One sentence. */
  description: string;
  /** The question that the run answers. */
  question: string;
  /** What in the result would be bad news. */
  badSign: string;

  population?: Population;
  /** Users connected at once at most, each with one connection (see `population.devices`). Default: the population's slice. */
  connections?: Quantity;
  /** Share of the users who are connected, over the time since the load began. Default: all of them, all the time. */
  online?: {
    /** 0 to 1. */
    start: number;
    /** The share goes linearly to each target in turn, and stays at the last. */
    stages: Array<{ target: number; duration: Duration }>;
  };
  connecting?: {
    /** New connections a second, over all agents. Default: as fast as `inFlight` lets them. */
    perSecond?: Quantity;
    /** Connections being opened at the same time, over all agents; default 200. */
    inFlight?: Quantity;
  };
  /** The messages. Give this, or `options.scenarios`, or both. */
  load?: ConstantLoad | RampingLoad | DailyLoad;
  /** What an iteration of `options.scenarios` does; their `exec` names one of these. `default` need not be written. */
  flows?: Record<string, Flow>;
  phases?: {
    /** Load runs but is not judged; default 5s, with `options.scenarios` alone 0. */
    warmUp?: Duration;
    /** What thresholds and the verdict look at; default 30s. Left out where the load says how long it lasts. */
    steady?: Duration;
    /** At most this long to wait for what is still under way; default 10s. */
    drain?: Duration;
  };
  /** HTTP calls beside the messages, during warm-up and steady phase, against the node's router and the users' shards. */
  http?: HttpLoad;
  /** What is broken on purpose while the load runs. */
  faults?: Fault[];
  /** How agents reach the server: `reference` (default), `long-poll`, `json-websocket:<file>`, or a driver module; paths are from this file. */
  driver?: string;
  /** The embedded node, when one is started. Defaults are the node's. */
  server?: {
    shards?: number;
    /** `level:<dir>` or `memory:` */
    store?: string;
    durability?: 'fsync' | 'os' | 'none';
  };
  /** Default 1. The same seed gives the same run. */
  seed?: number;
  /** k6's options, of which `thresholds` and `scenarios` are used. */
  options?: Pick<Options, 'thresholds' | 'scenarios'>;
}

/** Whom the load stands for. */
export interface Population {
  /** Daily active users of the whole service. Without them, `connections` and `load.rate` say how much there is. */
  dau?: Quantity;
  messagesPerUserPerDay?: Quantity;
  /** The nodes that the whole service is spread over; default 1. */
  nodes?: Quantity;
  /** The slice that is run: what so many of these nodes have; default 1. */
  sliceNodes?: Quantity;
  /** Share of the users connected at once, above 0 to 1; default 1, or what the sessions come to. */
  shareOnline?: number;
  /** Users come and go: so many sessions a user and day, of this mean length. Default: everybody stays. */
  sessions?: { perUserPerDay: Quantity; length: Duration };
  /** A built-in curve (`regional`, the default: peak 1.8; `global`) or 24 numbers ≥ 0, one per local hour; only proportions count. */
  hourlyCurve?: 'regional' | 'global' | number[];
  /** Where the users live; default: all in one zone. */
  timeZones?: Array<{ utcOffset: number; share: number }>;
  /** Payload, 36 to 65,536, default 100: constant, lognormal, or drawn from a file's sizes (one a line; path from the scenario). */
  messageBytes?: Quantity | { median: Quantity; sigma?: number; max?: Quantity } | { file: string };
  /**
   * Whom a user writes to. `pairs` (default): always the same one. `uniform`: anybody. Zipf: one of `contacts` (default 20)
   * people, rank r with weight 1 ÷ r^zipf.
   */
  partners?: 'pairs' | 'uniform' | { zipf: number; contacts?: Quantity };
  groups?: {
    /** Share of the messages of `load` that go to a group, 0 to 1; default 0: only flows write to groups. */
    share?: number;
    count: Quantity;
    /** Constant, lognormal or Zipf-distributed. */
    members: Quantity | { median: Quantity; sigma?: number; max?: Quantity } | { zipf: number; max: Quantity };
  };
  /** Every user watches this many contacts' presence. */
  presence?: { contacts: Quantity };
  /** Mean number of devices a user has, each with a connection of its own; 1 or more, default 1. */
  devices?: number;
}

export interface ConstantLoad {
  executor?: 'constant-arrival-rate';
  /** Messages/s over all users. Give this or `at`. */
  rate?: Quantity;
  /** The population's rate: in the mean, at its hourly peak, or the mean times a factor. Default `mean`. */
  at?: 'mean' | 'peak' | number;
  /** How sends are spaced; default `poisson`. */
  arrivals?: Arrivals;
}

/** As in k6: the rate goes linearly from `startRate` to each stage's target in turn. */
export interface RampingLoad {
  executor: 'ramping-arrival-rate';
  /** Messages per `timeUnit` at the start, also held during the warm-up; default 0. */
  startRate?: Quantity;
  /** Default 1s. */
  timeUnit?: Duration;
  /** Rates are multiples of the population's mean or hourly peak. Default: they are messages per `timeUnit`. */
  of?: 'mean' | 'peak';
  stages: Array<{ target: Quantity; duration: Duration }>;
  arrivals?: Arrivals;
}

/** Made by autocannon in a process of its own: `http_req_duration`, `http_reqs`, `http_req_failed`. */
export interface HttpLoad {
  /** Calls/s in all, a whole number. */
  rate: Quantity;
  /** Over all; default 10. At least one for each server process that is called, and at most one a call/s. */
  connections?: Quantity;
  /** What is called, drawn by weight. */
  requests: HttpRequest[];
}

/** `{user}` and `{peer}` in path, headers and body become a user of the run and one whom that user writes to. */
export interface HttpRequest {
  /** Default GET. */
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /**
   * From `/` on. With a `{user}` anywhere the call has that user's token and goes to that user's shard, unless it is a path
   * of the router's (`/v1/route`, …); else it goes to the router.
   */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Above 0; default 1. */
  weight?: number;
}

/**
 * The population's day, replayed: the hourly curve is compressed in time, the rate is not. Every moment has the messages/s and
 * the users online that its hour has; only the way from one hour to the next is shorter.
 */
export interface DailyLoad {
  executor: 'daily-curve';
  /** How long 24 hours take; default 24m. */
  day?: Duration;
  /** Replay a part of the day, UTC, perhaps over midnight; default 0 to 24. */
  fromHour?: number;
  toHour?: number;
  arrivals?: Arrivals;
}

export type Arrivals = 'poisson' | 'constant' | 'lognormal';

/** One iteration of a k6 executor: one message, and in the closed executors the wait for its acknowledgement. */
export interface Flow {
  /** Whom to; default `user`. */
  to?: 'user' | 'group';
  /** Closed executors: pause after each iteration, exponentially distributed with this mean; default 0. */
  think?: Duration;
  /** Open executors; default `constant`, as in k6. */
  arrivals?: Arrivals;
}

/** `at` counts from the start of the steady phase. */
export type Fault =
  /** `kill -9` of a shard process, of a node on this machine. `shard`: which one, default 0. */
  | { kind: 'kill-shard'; at: Duration; shard?: number }
  /** SIGSTOP, and SIGCONT after `for`. */
  | { kind: 'freeze-shard'; at: Duration; for: Duration; shard?: number }
  /** No packet passes between the agents and the node. */
  | { kind: 'cut-network'; at: Duration; for: Duration }
  /** Every packet takes longer by `delay` ± `jitter`, and `loss` (0 to 1) of them are lost. */
  | { kind: 'delay-network'; at: Duration; for: Duration; delay: Duration; jitter?: Duration; loss?: number }
  /** A share of the connections stops reading. */
  | { kind: 'slow-consumers'; at: Duration; for: Duration; share: number }
  /** A share of the clients vanishes without closing (as a phone that loses its network) and comes back on a new connection. */
  | { kind: 'half-open'; at: Duration; share: number }
  /** A share of the connections breaks at once, and all of these users come back. */
  | { kind: 'reconnect-storm'; at: Duration; share: number }
  /** The disk of the node's message store takes no writes. */
  | { kind: 'message-store-outage'; at: Duration; for: Duration }
  /** Nothing can be stored of the run itself. */
  | { kind: 'results-store-outage'; at: Duration; for: Duration };

/** Returns its argument; it is there for the editor to know the fields. Checking is `plimsoll validate`'s. */
export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}
