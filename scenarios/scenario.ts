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

  /** Whom the load stands for. Without it, `connections` and `load.rate` say it all. */
  population?: {
    /** Daily active users of the whole service. */
    dau: Quantity;
    messagesPerUserPerDay: Quantity;
    /** Payload, 36 to 65,536; default 100. */
    messageBytes?: Quantity;
    /** Share of the users connected at once, above 0 to 1; default 1. */
    shareOnline?: number;
    /** 24 numbers ≥ 0, one per local hour; only proportions count. Default: the built-in curve, peak 1.8. */
    hourlyCurve?: number[];
    /** The slice that is run: one node of this many; default 1, the whole. */
    nodes?: Quantity;
  };
  /** Connections to open, one per user. Default: the population's slice. */
  connections?: Quantity;
  connecting?: {
    /** New connections a second, over all agents. Default: as fast as `inFlight` lets them. */
    perSecond?: Quantity;
    /** Connections being opened at the same time, over all agents; default 200. */
    inFlight?: Quantity;
  };
  load: ConstantLoad | RampingLoad;
  phases?: {
    /** Load runs but is not judged; default 5s. */
    warmUp?: Duration;
    /** What thresholds and the verdict look at; default 30s. Left out with a ramping load: its stages add up to it. */
    steady?: Duration;
    /** At most this long to wait for what is still under way; default 10s. */
    drain?: Duration;
  };
  /** HTTP calls beside the messages, during warm-up and steady phase, against the node's router and the users' shards. */
  http?: HttpLoad;
  /** The embedded node, when one is started. Defaults are the node's. */
  server?: {
    shards?: number;
    /** `level:<dir>` or `memory:` */
    store?: string;
    durability?: 'fsync' | 'os' | 'none';
  };
  /** Default 1. The same seed gives the same run. */
  seed?: number;
  /** k6's options, of which `thresholds` is used. */
  options?: Pick<Options, 'thresholds'>;
}

export interface ConstantLoad {
  executor?: 'constant-arrival-rate';
  /** Messages/s over all users. Give this or `at`. */
  rate?: Quantity;
  /** The population's rate: in the mean, at its hourly peak, or the mean times a factor. Default `mean`. */
  at?: 'mean' | 'peak' | number;
  /** How sends are spaced; default `poisson`. */
  arrivals?: 'poisson' | 'constant' | 'lognormal';
}

/** As in k6: the rate goes linearly from `startRate` to each stage's target in turn. */
export interface RampingLoad {
  executor: 'ramping-arrival-rate';
  /** Messages per `timeUnit` at the start, also held during the warm-up; default 0. */
  startRate?: Quantity;
  /** Default 1s. */
  timeUnit?: Duration;
  stages: Array<{ target: Quantity; duration: Duration }>;
  arrivals?: 'poisson' | 'constant' | 'lognormal';
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
  /** From `/` on. With a `{user}` anywhere, the call goes to that user's shard, with that user's token; else to the router. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Above 0; default 1. */
  weight?: number;
}

/** Returns its argument; it is there for the editor to know the fields. Checking is `plimsoll validate`'s. */
export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}
