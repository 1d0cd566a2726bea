/** `--live [host:port|port]`: where a page shows the run while it goes on. */
import type { Options } from 'yargs';
import type { LiveAddress } from '../../reports/live/live-server.ts';
import { UsageError } from './exit-codes.ts';
import { withEnvironment } from './flags.ts';

/** As k6's dashboard. Whoever is to see it from elsewhere is told the address by name. */
export const DEFAULT_LIVE: LiveAddress = { host: '127.0.0.1', port: 5_665 };

export const LIVE_FLAG = withEnvironment({
  live: {
    type: 'string',
    describe:
      'show the run as it goes on a page: at 127.0.0.1:5665, at another [host:]port, or at any free port (--live 0)',
  },
} as const satisfies Record<string, Options>).live;

/** Null: no page. `--live` alone, and PLIMSOLL_LIVE=true, mean the default address. */
export function readLive(written: string | undefined): LiveAddress | null {
  if (written === undefined || written === 'false') return null;
  if (written === '' || written === 'true') return DEFAULT_LIVE;
  const match = ADDRESS.exec(written);
  const port = Number(match?.groups?.port);
  if (match === null || port > 65_535) {
    throw new UsageError(`--live must be written --live, --live port or --live host:port, not "${written}"`);
  }
  const { plain, bracketed } = match.groups!;
  return { host: plain ?? bracketed ?? DEFAULT_LIVE.host, port };
}

const ADDRESS = /^(?:(?:(?<plain>[\w.-]+)|\[(?<bracketed>[\da-f:.]+)\]):)?(?<port>\d{1,5})$/i;

/** What follows `--live` belongs to it only if it is an address: in `run --live smoke` it is the scenario. */
export function joinLive(args: string[]): string[] {
  return args.flatMap((arg, index) => {
    const next = args[index + 1];
    if (arg === '--live') return next !== undefined && ADDRESS.test(next) ? [`--live=${next}`] : ['--live='];
    return args[index - 1] === '--live' && ADDRESS.test(arg) ? [] : [arg];
  });
}
