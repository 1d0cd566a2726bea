/**
 * Notices an agent that says nothing any more though its process lives: something in it never returns, a target driver perhaps.
 * Agents report every second from the moment they are prepared.
 */

const CHECK_MS = 1_000;

export class SilenceWatch<Agent> {
  readonly #limitMs: number;
  readonly #silent: (agent: Agent) => void;
  /** Checks since each was heard. Counted, not measured: where this process stood still, so may they have. */
  readonly #checks = new Map<Agent, number>();
  #timer: NodeJS.Timeout | undefined;

  /** `silent` is called once for an agent that has not been heard for `limitMs`. */
  constructor(limitMs: number, silent: (agent: Agent) => void) {
    this.#limitMs = limitMs;
    this.#silent = silent;
  }

  start(agents: readonly Agent[]): void {
    for (const agent of agents) this.#checks.set(agent, 0);
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS);
  }

  heard(agent: Agent): void {
    if (this.#checks.has(agent)) this.#checks.set(agent, 0);
  }

  stop(): void {
    this.#checks.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    for (const [agent, checks] of this.#checks) {
      this.#checks.set(agent, checks + 1);
      if ((checks + 1) * CHECK_MS < this.#limitMs) continue;
      this.#checks.delete(agent);
      this.#silent(agent);
    }
  }
}
