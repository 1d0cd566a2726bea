/**
 * An agent: opens its share of the connections, fires its share of the messages, records what it sees, and keeps the ledger
 * of what it sent and received. The coordinator tells it when.
 */
import { type Clock, createRealClock } from '../clock.ts';
import type { CoordinatorLink, FromAgent, ToAgent } from '../control/control-channel.ts';
import { loadDriver, REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import { asDriverError, DriverError } from '../drivers/target-driver.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { AgentRun } from './agent-run.ts';

const DRAIN_TICK_MS = 100;
const TICK_MS = 1_000;

/** Runs until the coordinator says `finish` or is gone. */
export function runAgent(coordinator: CoordinatorLink): void {
  let run: AgentRun | undefined;
  let ticking: NodeJS.Timeout | undefined;
  const tell = (message: FromAgent): void => coordinator.send(message);

  const tick = (samples: 'none' | 'whole' | 'last'): void => {
    if (run) tell({ type: 'tick', ...run.tick(samples) });
  };
  /** Ticks on the whole second of the wall clock, so that the seconds of all agents are the same ones. */
  const tickOnSeconds = (clock: Clock): void => {
    ticking = setTimeout(
      () => {
        tick('whole');
        tickOnSeconds(clock);
      },
      TICK_MS - (clock.toEpochMs(clock.nowMs()) % TICK_MS),
    );
  };

  const handle = async (message: ToAgent): Promise<void> => {
    if (message.type === 'prepare') {
      const clock = createRealClock(message.assignment.epochOffsetMs);
      run = new AgentRun(message.assignment, clock, await loadDriver(message.assignment.driver));
      await run.prepare().catch((thrown: unknown) => {
        const { driver } = message.assignment;
        const { side, message: why } = asDriverError(thrown);
        throw new DriverError(side, driver === REFERENCE_DRIVER ? why : `the driver ${driver} can't prepare: ${why}`);
      });
      tickOnSeconds(clock);
      tell({ type: 'prepared' });
      return;
    }
    if (!run) return;
    if (message.type === 'connect') {
      const report = await run.connect();
      // First how many are open now: the last regular tick is up to a second old.
      tick('none');
      tell({ type: 'connected', report });
    } else if (message.type === 'load') run.startLoad(message.startMs);
    else if (message.type === 'drain') {
      run.stopLoad();
      setInterval(() => tick('none'), DRAIN_TICK_MS);
    } else {
      clearTimeout(ticking);
      tick('last');
      tell({ type: 'ledger', ...run.ledger() });
      await run.close();
      // The channel flushes what was sent before it closes; then nothing keeps the process.
      setTimeout(() => process.exit(0), 50);
    }
  };

  coordinator.onMessage((message) => {
    handle(message).catch((error: Error) => {
      const side = error instanceof DriverError ? error.side : 'generator';
      tell({ type: 'failed', message: error.message, side });
    });
  });
  coordinator.onGone(() => process.exit(1));
  tell({ type: 'ready', version: PLIMSOLL_VERSION, pid: process.pid });
}
