/**
 * The agents' clocks: those of other hosts are measured by round trips before the load and once a second during it, and each
 * host is told how to follow the coordinator's. All agents of a host follow the same line, so that what passes between them
 * is measured exactly.
 */
import { type ClockLine, monotonicMs, offsetOn } from '../clock.ts';
import type { AgentLink } from '../control/control-channel.ts';
import { hostClockId } from '../host-clock.ts';
import { AgentError } from './agent-error.ts';
import { errorBound, OffsetEstimate, steer } from './clock-offset.ts';

const FIRST_ROUND_TRIPS = 24;
const FIRST_LIMIT_MS = 3_000;
const INTERVAL_MS = 1_000;
/** A line lies this far ahead, so that all agents of the host have it when it begins. */
const AHEAD_MS = 500;

export interface AgentClock {
  /** Coordinator − agent, ms. */
  offsetMs: number;
  /** How far that can be wrong at most, ms; 0 for agents that share the coordinator's clock. */
  boundMs: number;
}

interface HostClock {
  id: string;
  links: AgentLink[];
  estimate: OffsetEstimate;
  line: ClockLine | null;
  /** Followed until the newest line begins. */
  previous: ClockLine | null;
  /** The worst since `resetBounds`. */
  boundMs: number;
}

export class AgentClocks {
  #hosts: HostClock[];
  #ids: string[];
  #timer: NodeJS.Timeout | undefined;
  #turns = 0;

  /** In the order of the segments. An agent that does not tell its clock is taken to be a host of its own. */
  constructor(agents: ReadonlyArray<{ link: AgentLink; clockId: string | null }>, ownId = hostClockId()) {
    this.#ids = agents.map(({ link, clockId }) => {
      if (link.probe === undefined || (clockId !== null && clockId === ownId)) return '';
      return clockId ?? link.name;
    });
    this.#hosts = [...new Set(this.#ids)]
      .filter((id) => id !== '')
      .map((id) => ({
        id,
        links: agents.flatMap(({ link }, index) => (this.#ids[index] === id ? [link] : [])),
        estimate: new OffsetEstimate(),
        line: null,
        previous: null,
        boundMs: 0,
      }));
  }

  /** Which clock each agent has, by segment; equal texts are equal clocks, '' is the coordinator's. */
  get ids(): string[] {
    return this.#ids;
  }

  /** First measurement: all agents are told their line. Rejects with AgentError when a host does not answer. */
  async synchronise(): Promise<void> {
    await Promise.all(
      this.#hosts.map(async (host) => {
        const startedMs = monotonicMs();
        for (let i = 0; i < FIRST_ROUND_TRIPS && (i === 0 || monotonicMs() - startedMs < FIRST_LIMIT_MS); i++) {
          await this.#measure(host, i);
        }
        if (!Number.isFinite(host.estimate.bestRoundTripMs)) {
          const names = host.links.map(({ name }) => name).join(', ');
          throw new AgentError('generator', `the clock of ${names} could not be read`);
        }
        this.#steer(host);
      }),
    );
    if (this.#hosts.length > 0) this.#timer = setInterval(() => this.#turn(), INTERVAL_MS);
    this.resetBounds();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** From now on the bounds are told of what follows. */
  resetBounds(): void {
    for (const host of this.#hosts) host.boundMs = this.#boundOf(host);
  }

  clockOf(segment: number): AgentClock {
    const host = this.#hosts.find(({ id }) => id === this.#ids[segment]);
    if (host?.line == null) return { offsetMs: 0, boundMs: 0 };
    return {
      offsetMs: offsetOn(host.line, monotonicMs() - host.line.offsetMs),
      boundMs: host.boundMs,
    };
  }

  /** What a latency between two agents of different hosts can be wrong by, at most, ms. */
  get worstBetweenHostsMs(): number {
    const bounds = [...new Set(this.#ids)].map((id) => this.#hosts.find((host) => host.id === id)?.boundMs ?? 0);
    const [first = 0, second = 0] = bounds.sort((a, b) => b - a);
    return bounds.length > 1 ? first + second : 0;
  }

  /** Hosts whose clock was set, stood still or drifts beyond what clocks may, by their agents' names. */
  get unsteady(): string[] {
    return this.#hosts
      .filter(({ estimate }) => estimate.jumps > 0)
      .flatMap(({ links }) => links.map(({ name }) => name));
  }

  get longestRoundTripMs(): number {
    return Math.max(0, ...this.#hosts.map(({ estimate }) => estimate.bestRoundTripMs));
  }

  #turn(): void {
    this.#turns++;
    for (const host of this.#hosts) {
      // Before the newest measurement narrows it: this was true of what was recorded since the last.
      host.boundMs = Math.max(host.boundMs, this.#boundOf(host));
      void this.#measure(host, this.#turns).then((measured) => {
        if (measured) this.#steer(host);
      });
    }
  }

  /** The agents of a host take turns. */
  async #measure(host: HostClock, turn: number): Promise<boolean> {
    const roundTrip = await host.links[turn % host.links.length]!.probe!();
    if (roundTrip !== null) host.estimate.add(roundTrip);
    return roundTrip !== null;
  }

  #steer(host: HostClock): void {
    const theirMs = this.#theirMs(host);
    if (host.line !== null && theirMs < host.line.fromMs) return;
    const line = steer(host.line, host.estimate, theirMs + (host.line === null ? 0 : AHEAD_MS));
    host.previous = host.line ?? line;
    host.line = line;
    for (const link of host.links) link.send({ type: 'clock', line });
  }

  #boundOf(host: HostClock): number {
    const theirMs = this.#theirMs(host);
    const line = host.line !== null && theirMs < host.line.fromMs ? host.previous : host.line;
    return line === null ? Number.POSITIVE_INFINITY : errorBound(line, host.estimate, theirMs);
  }

  /** Their clock now, near enough. */
  #theirMs({ estimate, line }: HostClock): number {
    if (line !== null) return monotonicMs() - line.offsetMs;
    const { lowMs, highMs } = estimate.rangeAt(0);
    return monotonicMs() - (lowMs + highMs) / 2;
  }
}
