/** The HTTP load of one run, in its process: who calls where, and the record of it. */
import { AgentHealth } from '../agent/agent-health.ts';
import type { Clock } from '../clock.ts';
import type { AgentUsage } from '../control/control-channel.ts';
import { isRouterPath, ShardDirectory } from '../drivers/shard-directory.ts';
import { tokenSigner } from '../drivers/tokens.ts';
import { createPartners, userName } from '../population/partners.ts';
import { createRandom, type Random } from '../random.ts';
import { IntervalRecorder } from '../recorder/interval-recorder.ts';
import type { CounterRow, Phase, SampleBatch } from '../recorder/samples.ts';
import { HttpCaller } from './http-caller.ts';
import { HTTP_SOURCE, type HttpAssignment } from './http-load-messages.ts';
import { drawRequest, isOfUser, type RequestSource, type RequestTemplate } from './http-requests.ts';
import { divideCalls, type Place } from './http-shares.ts';

/** The router is asked again at most this often, after a connection broke. */
const REFRESH_INTERVAL_MS = 1_000;
const STOP_GRACE_MS = 2_000;

/** A place, and what is called there. */
interface Destination extends Place {
  templates: RequestTemplate[];
  /** Users whose calls go there; null: anybody's. */
  users: number[] | null;
}

export class HttpRun {
  readonly #assignment: HttpAssignment;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #recorder = new IntervalRecorder(HTTP_SOURCE);
  readonly #health = new AgentHealth();
  readonly #directory: ShardDirectory | null;
  readonly #partners: (user: number, random: Random) => number;
  readonly #sign: ((user: string) => string) | undefined;
  readonly #counts = new Map<Phase, { calls: number; failed: number }>();
  #callers: HttpCaller[] = [];
  #destinations: Destination[] = [];
  #refreshedMs = 0;
  #startMs = Number.POSITIVE_INFINITY;
  /** Why calls had no answer, with how often. */
  readonly reasons: Record<string, number> = {};

  constructor(assignment: HttpAssignment, clock: Clock) {
    const { authSecret, users, partners, seed, target, sharded } = assignment;
    this.#assignment = assignment;
    this.#clock = clock;
    this.#random = createRandom(seed).fork('http');
    this.#directory = sharded ? new ShardDirectory(target) : null;
    this.#partners = users > 1 ? createPartners(partners, users, seed) : (user) => user;
    this.#sign = tokenSigner(authSecret);
  }

  /** Ask the router where users live. Rejects with a DriverError. */
  async prepare(): Promise<void> {
    await this.#directory?.refresh();
    this.#destinations = this.#findDestinations();
  }

  /** Connections begin one after the other over the first second, so that their calls are spread over each second. */
  start(startMs: number): void {
    const { rate, connections } = this.#assignment.plan;
    this.#startMs = startMs;
    const shares = divideCalls(rate, connections, this.#destinations);
    this.#callers = shares.map(({ place, rate: perSecond }, index) => {
      const caller = this.#caller(this.#destinations[place]!, perSecond, this.#random.fork(index));
      const delayMs = startMs - this.#clock.nowMs() + (index / shares.length) * 1_000;
      this.#clock.after(Math.max(delayMs, 0), () => void caller.start());
      return caller;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#callers.map((caller) => caller.stop(STOP_GRACE_MS)));
  }

  usage(): AgentUsage {
    return this.#health.usage();
  }

  /** Rows of what came in since the last call. */
  samples(atMs: number): SampleBatch {
    const counters: CounterRow[] = [...this.#counts].flatMap(([phase, { calls, failed }]) => [
      { atMs, source: HTTP_SOURCE, metric: 'http_reqs', phase, value: calls },
      ...(failed > 0 ? [{ atMs, source: HTTP_SOURCE, metric: 'http_req_failed' as const, phase, value: failed }] : []),
    ]);
    this.#counts.clear();
    return { histograms: this.#recorder.swap(atMs), counters, gauges: this.#health.gauges(atMs, HTTP_SOURCE) };
  }

  #caller(destination: Destination, rate: number, random: Random): HttpCaller {
    const { users } = this.#assignment;
    const source: RequestSource = {
      templates: destination.templates,
      drawUser: destination.users
        ? () => destination.users![random.integer(destination.users!.length)]!
        : () => random.integer(users),
      drawPeer: this.#partners,
      sign: this.#sign,
    };
    return new HttpCaller({
      clock: this.#clock,
      origin: () => this.#originNow(destination),
      rate,
      next: () => drawRequest(source, random),
      answered: (startedMs, tookMs, status) => this.#record(startedMs, tookMs, status >= 400),
      failed: (startedMs, tookMs, why) => {
        this.reasons[why] = (this.reasons[why] ?? 0) + 1;
        this.#record(startedMs, tookMs, true);
      },
    });
  }

  #record(startedMs: number, tookMs: number | null, failed: boolean): void {
    const phase = this.#phaseOf(startedMs);
    if (tookMs !== null) this.#recorder.record('http_req_duration', phase, tookMs);
    const counts = this.#counts.get(phase) ?? { calls: 0, failed: 0 };
    counts.calls++;
    if (failed) counts.failed++;
    this.#counts.set(phase, counts);
  }

  #phaseOf(timeMs: number): Phase {
    const { warmUpMs, steadyMs } = this.#assignment;
    const elapsed = timeMs - this.#startMs;
    if (elapsed < warmUpMs) return 'warm-up';
    return elapsed < warmUpMs + steadyMs ? 'steady' : 'drain';
  }

  /** The router for what it answers or belongs to nobody, and each server process for its users, by their number. */
  #findDestinations(): Destination[] {
    const { plan, users, target } = this.#assignment;
    const toShard = (request: RequestTemplate): boolean => isOfUser(request) && !isRouterPath(request.path);
    const toRouter = plan.requests.filter((request) => !toShard(request));
    const ofUsers = plan.requests.filter(toShard);
    const router = target.replace(/^ws/, 'http').replace(/\/+$/, '');
    if (this.#directory === null) return [{ origin: router, weight: 1, templates: plan.requests, users: null }];
    const byOrigin = new Map<string, number[]>();
    for (let user = 0; ofUsers.length > 0 && user < users; user++) {
      const origin = this.#originOf(user);
      const known = byOrigin.get(origin);
      if (known) known.push(user);
      else byOrigin.set(origin, [user]);
    }
    const weight = weightOf(ofUsers);
    return [
      ...(toRouter.length > 0
        ? [{ origin: router, weight: weightOf(toRouter), templates: toRouter, users: null }]
        : []),
      ...[...byOrigin].map(([origin, of]) => ({
        origin,
        weight: (weight * of.length) / users,
        templates: ofUsers,
        users: of,
      })),
    ];
  }

  /** Users whose process is gone may live elsewhere by now: those of one process are looked up by the first of them. */
  async #originNow({ origin, users }: Destination): Promise<string> {
    if (this.#directory === null || users === null) return origin;
    const now = this.#clock.nowMs();
    if (now - this.#refreshedMs >= REFRESH_INTERVAL_MS && now > this.#startMs + REFRESH_INTERVAL_MS) {
      this.#refreshedMs = now;
      await this.#directory.refresh();
    }
    return this.#originOf(users[0]!);
  }

  /** One address of a process is enough: these are few connections. Throws where no process holds the user's shard. */
  #originOf(user: number): string {
    const endpoint = this.#directory!.endpoint(userName(user));
    if (endpoint === undefined) throw new Error(`no server holds the shard of user "${userName(user)}" now`);
    const host = endpoint.host.startsWith('127.') ? '127.0.0.1' : endpoint.host;
    return `http://${host.includes(':') ? `[${host}]` : host}:${endpoint.port}`;
  }
}

function weightOf(templates: readonly RequestTemplate[]): number {
  return templates.reduce((sum, { weight }) => sum + weight, 0);
}
