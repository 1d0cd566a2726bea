/** Flags of `plimsoll serve` that bound what one user or one address may do. */
import { readWhole, withEnvironment } from './flags.ts';

/** So many seconds' worth may come at once. */
const BURST_SECONDS = 2;

export const LIMIT_FLAGS = withEnvironment({
  'user-rate': {
    type: 'number',
    default: 1_000,
    describe: 'messages per second that one user may send, twice as many at once; 0 for no limit',
  },
  'address-rate': {
    type: 'number',
    default: 0,
    describe: 'connects and requests per second from one address, twice as many at once; 0 for no limit',
  },
  'max-connections-per-user': {
    type: 'number',
    default: 32,
    describe: 'connections of one user at a time; the oldest gives way',
  },
} as const);

interface Rate {
  perSecond: number;
  burst: number;
}

/** These of the node's settings. */
export function readLimits(argv: { userRate: number; addressRate: number; maxConnectionsPerUser: number }): {
  userRate: Rate;
  addressRate: Rate;
  maxConnectionsPerUser: number;
} {
  return {
    userRate: rate('user-rate', argv.userRate),
    addressRate: rate('address-rate', argv.addressRate),
    maxConnectionsPerUser: readWhole('max-connections-per-user', argv.maxConnectionsPerUser, 1, 100_000)!,
  };
}

function rate(flag: string, value: number): Rate {
  const perSecond = readWhole(flag, value, 0, 1_000_000)!;
  return { perSecond, burst: perSecond * BURST_SECONDS };
}
