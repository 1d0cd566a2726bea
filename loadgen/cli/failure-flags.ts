/** Flags of `plimsoll serve` that say when a shard process is taken for hung, and when others take its volumes over. */
import { readWhole, withEnvironment } from './flags.ts';

export const FAILURE_FLAGS = withEnvironment({
  'unresponsive-after': {
    type: 'number',
    default: 30,
    describe: 'seconds of silence after which a shard process is killed and started again',
  },
  'takeover-after': {
    type: 'number',
    default: 3,
    describe: 'vain starts in a row after which other processes take over what a shard process served',
  },
} as const);

/** These of the node's settings. A process speaks once a second: less than 3 s would take a busy one for hung. */
export function readFailure(argv: { unresponsiveAfter: number; takeoverAfter: number }): {
  unresponsiveMs: number;
  takeoverAfterFailures: number;
} {
  return {
    unresponsiveMs: readWhole('unresponsive-after', argv.unresponsiveAfter, 3, 86_400)! * 1_000,
    takeoverAfterFailures: readWhole('takeover-after', argv.takeoverAfter, 1, 1_000)!,
  };
}
