/**
 * An agent: opens its share of the connections, fires its share of the messages, records what it sees, and keeps the ledger
 * of what it sent and received. The coordinator tells it when.
 */
import { hostname } from 'node:os';
import { type Clock, createRealClock, type FollowedTime, followTime } from '../clock.ts';
import type { AgentLag, CoordinatorLink, FromAgent, ToAgent } from '../control/control-channel.ts';
import { DriverModuleError, loadDriver, REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import { DriverError } from '../drivers/target-driver.ts';
import { hostClockId } from '../host-clock.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { AgentRun, AssignmentError } from './agent-run.ts';

const DRAIN_TICK_MS = 100;
const TICK_MS = 1_000;

/** Runs until the coordinator says `finish` or is gone. */
export function runAgent(coordinator: CoordinatorLink): void {
  let run: AgentRun | undefined;
  let driver = REFERENCE_DRIVER;
  let ticking: NodeJS.Timeout | undefined;
  let followed: FollowedTime | undefined;
  let now = (): number => Number.NaN;
  let loading = false;
  const lag: AgentLag = { tickMs: 0, startMs: 0 };
  const tell = (message: FromAgent): void => coordinator.send(message);

  const tick = (samples: 'none' | 'whole' | 'last'): void => {
    if (run) tell({ type: 'tick', ...run.tick(samples), lag });
  };
  /** Ticks on the whole second of the wall clock, so that the seconds of all agents are the same ones. */
  const tickOnSeconds = (clock: Clock): void => {
    const nowMs = clock.nowMs();
    const waitMs = TICK_MS - (clock.toEpochMs(nowMs) % TICK_MS);
    // A timer may fire up to a millisecond early, which would end the same second twice.
    ticking = setTimeout(() => {
      if (loading) lag.tickMs = Math.max(lag.tickMs, clock.nowMs() - (nowMs + waitMs));
      tick('whole');
      tickOnSeconds(clock);
    }, Math.ceil(waitMs) + 1);
  };

  const handle = async (message: ToAgent): Promise<void> => {
    if (message.type === 'clock') {
      if (followed) followed.follow(message.line);
      else followed = followTime(message.line);
      return;
    }
    if (message.type === 'prepare') {
      const { epochOffsetMs } = message.assignment;
      const clock = createRealClock(epochOffsetMs, followed?.nowMs);
      driver = message.assignment.driver;
      run = new AgentRun(message.assignment, clock, await loadDriver(driver));
      await run.prepare();
      tickOnSeconds(clock);
      now = clock.nowMs;
      tell({ type: 'prepared' });
      return;
    }
    if (!run) return;
    if (message.type === 'connect') {
      const report = await run.connect();
      // First how many are open now: the last regular tick is up to a second old.
      tick('none');
      tell({ type: 'connected', report });
    } else if (message.type === 'load') {
      lag.startMs = Math.max(0, now() - message.startMs);
      loading = true;
      run.startLoad(message.startMs);
    } else if (message.type === 'fault') {
      const problem = run.breakClients(message.fault);
      if (problem !== null) tell({ type: 'notice', text: problem });
    } else if (message.type === 'drain') {
      run.stopLoad();
      setInterval(() => tick('none'), DRAIN_TICK_MS);
    } else if (message.type === 'fetch') run.fetchMissed();
    else {
      clearTimeout(ticking);
      tick('last');
      for (const text of run.problems()) tell({ type: 'notice', text });
      tell({ type: 'ledger', ...run.ledger() });
      await run.close();
      await coordinator.close();
      process.exit(0);
    }
  };

  const fail = (error: Error): void => {
    const side =
      error instanceof DriverModuleError || error instanceof AssignmentError
        ? 'configuration'
        : error instanceof DriverError
          ? error.side
          : 'generator';
    tell({ type: 'failed', message: error.message, side });
  };
  coordinator.onMessage((message) => {
    handle(message).catch(fail);
  });
  // A driver module may throw where nobody called it: in a callback of its own.
  process.on('uncaughtException', (error) => {
    const culprit = driver === REFERENCE_DRIVER ? '' : `with the driver ${driver} `;
    fail(new Error(`${culprit}failed: ${error.message}`, { cause: error }));
    if (process.env.PLIMSOLL_DEBUG) process.stderr.write(`${error.stack}\n`);
    void coordinator.close().then(() => process.exit(1));
  });
  coordinator.onGone(() => process.exit(1));
  const clockId = hostClockId();
  tell({ type: 'ready', version: PLIMSOLL_VERSION, pid: process.pid, host: hostname(), clockId });
}
