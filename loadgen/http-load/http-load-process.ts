/** Entry point of the process that makes a run's HTTP calls. Runs until the coordinator says `stop` or is gone. */
import { createRealClock } from '../clock.ts';
import { DriverError } from '../drivers/target-driver.ts';
import type { FromHttpLoad, ToHttpLoad } from './http-load-messages.ts';
import { HttpRun } from './http-run.ts';

const TICK_MS = 1_000;

// Signals of the terminal reach the whole group; the coordinator decides when this process ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(1));

let run: HttpRun | undefined;
let clock = createRealClock();
let ticking: NodeJS.Timeout | undefined;

function tell(message: FromHttpLoad): void {
  if (process.connected) process.send?.(message);
}

/** `backMs` before now: a regular tick comes just after the second that it closes. */
function tick(backMs: number): void {
  const atMs = Math.floor((clock.toEpochMs(clock.nowMs()) - backMs) / TICK_MS) * TICK_MS;
  if (run) tell({ type: 'tick', usage: run.usage(), samples: run.samples(atMs) });
}

/** Ticks on the whole second of the wall clock, as agents do. */
function tickOnSeconds(): void {
  ticking = setTimeout(
    () => {
      tick(TICK_MS / 2);
      tickOnSeconds();
    },
    TICK_MS - (clock.toEpochMs(clock.nowMs()) % TICK_MS),
  );
}

async function handle(message: ToHttpLoad): Promise<void> {
  if (message.type === 'prepare') {
    clock = createRealClock(message.assignment.epochOffsetMs);
    run = new HttpRun(message.assignment, clock);
    await run.prepare();
    tickOnSeconds();
    tell({ type: 'prepared' });
  } else if (message.type === 'start') run?.start(message.startMs);
  else {
    await run?.stop();
    clearTimeout(ticking);
    tick(0);
    tell({ type: 'stopped', reasons: run?.reasons ?? {} });
    // The channel flushes what was sent before it closes.
    setTimeout(() => process.exit(0), 50);
  }
}

process.on('message', (message) => {
  handle(message as ToHttpLoad).catch((error: Error) => {
    tell({ type: 'failed', message: error.message, side: error instanceof DriverError ? 'server' : 'generator' });
  });
});
