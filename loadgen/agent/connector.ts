/**
 * Opens the agent's connections: as many at a time as allowed, at the rate asked for, each tried a few times. Later, opens
 * lost ones again, with the pauses that PROTOCOL.md asks of clients (`backoff.ts`).
 */
import type { Clock } from '../clock.ts';
import type { ConnectReport } from '../control/control-channel.ts';
import { asDriverError, type DriverError, type ReconnectAdvice, type TargetDriver } from '../drivers/target-driver.ts';
import type { Random } from '../random.ts';
import { reconnectPauseMs } from './backoff.ts';
import type { VirtualUser } from './virtual-user.ts';

const ATTEMPTS = 4;
const PACE_INTERVAL_MS = 10;

export interface ConnectorOptions {
  driver: TargetDriver<VirtualUser>;
  clock: Clock;
  random: Random;
  inFlight: number;
  /** This agent's share; null: as fast as `inFlight` lets. */
  perSecond: number | null;
  timeoutMs: number;
  /** A connection is open; `tookMs` from starting this attempt. */
  opened: (user: VirtualUser, tookMs: number, resumed: boolean) => void;
  /** A user is given up who was connected before: his connection can't come back. */
  lost: (user: VirtualUser) => void;
  /** A session could not begin yet; it is tried again. */
  attemptFailed: (error: DriverError) => void;
  /** A user is given up. */
  failed: (user: VirtualUser, error: DriverError) => void;
}

export class Connector {
  connecting = 0;
  reconnecting = 0;
  #options: ConnectorOptions;
  #stopped = false;
  /** Users who wait to try again; the call ends the wait. */
  #backingOff = new Map<VirtualUser, () => void>();

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** Open all; resolves when each is open or given up. */
  async openAll(users: readonly VirtualUser[]): Promise<ConnectReport> {
    const { clock, inFlight, perSecond } = this.#options;
    const startMs = clock.nowMs();
    const report: ConnectReport = { opened: 0, failed: { generator: 0, server: 0 }, seconds: 0, reasons: {} };
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < users.length && !this.#stopped) {
        const allowed = perSecond === null ? users.length : ((clock.nowMs() - startMs) / 1_000) * perSecond;
        if (next >= allowed) {
          await this.#pause(PACE_INTERVAL_MS);
          continue;
        }
        const user = users[next++]!;
        await this.#open(user, report);
      }
    };
    await Promise.all(Array.from({ length: Math.min(inFlight, users.length) }, worker));
    report.seconds = (clock.nowMs() - startMs) / 1_000;
    return report;
  }

  /** A connection was lost: open it again, for as long as it takes and the user wants. `advice`: what its close asked for. */
  async reopen(user: VirtualUser, advice: ReconnectAdvice): Promise<void> {
    await this.#insist(user, advice, true, () => !user.online);
  }

  /** A session begins: connect, for as long as it takes; resolves when it is open or `givenUp`. */
  async begin(user: VirtualUser, givenUp: () => boolean = () => !user.online): Promise<void> {
    // At once, as a person does who opens the application; backing off comes with the first failure.
    this.#backingOff.get(user)?.();
    await this.#insist(user, 'elsewhere', false, givenUp);
  }

  async #insist(user: VirtualUser, advice: ReconnectAdvice, resumed: boolean, givenUp: () => boolean): Promise<void> {
    if (user.reconnecting || this.#stopped) return;
    user.reconnecting = true;
    this.reconnecting++;
    for (let failures = 0; !this.#stopped && !givenUp(); failures++) {
      await this.#backOff(user, reconnectPauseMs(advice, failures, this.#options.random.uniform()));
      if (this.#stopped || givenUp()) break;
      try {
        await this.#connect(user, resumed);
        break;
      } catch (thrown) {
        // A refusal is what a restarting server answers; the ledger tells in the end whether anything was lost.
        const error = asDriverError(thrown);
        if (!resumed) this.#options.attemptFailed(error);
        if (!error.final) continue;
        this.#options.lost(user);
        break;
      }
    }
    user.reconnecting = false;
    this.reconnecting--;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #open(user: VirtualUser, report: ConnectReport): Promise<void> {
    this.connecting++;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#connect(user, false);
        report.opened++;
        break;
      } catch (thrown) {
        const error = asDriverError(thrown);
        report.reasons[error.message] = (report.reasons[error.message] ?? 0) + 1;
        if (attempt + 1 >= ATTEMPTS || error.final || this.#stopped) {
          report.failed[error.side]++;
          this.#options.failed(user, error);
          break;
        }
        await this.#pause(reconnectPauseMs('later', attempt, this.#options.random.uniform()));
      }
    }
    this.connecting--;
  }

  async #connect(user: VirtualUser, resumed: boolean): Promise<void> {
    const { driver, clock, timeoutMs, opened } = this.#options;
    const startMs = clock.nowMs();
    const connection = await driver.connect({
      user: user.name,
      device: user.device === 0 ? 'load' : `load-${user.device}`,
      context: user,
      timeoutMs,
      ...(user.position !== undefined && { after: user.position }),
    });
    user.connection = connection;
    opened(user, clock.nowMs() - startMs, resumed);
  }

  #backOff(user: VirtualUser, ms: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const over = (): void => {
        clock.cancel(timer);
        this.#backingOff.delete(user);
        resolve();
      };
      const timer = clock.after(ms, over);
      this.#backingOff.set(user, over);
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }
}
