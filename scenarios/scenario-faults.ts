/** Schema of `faults`: what is broken on purpose, and when. */
import { z } from 'zod';
import { duration, share } from './scenario-fields.ts';

const at = duration;
const span = duration.refine((ms) => ms > 0, 'must be above 0');
const shard = z.int('must be a whole number').min(0, 'must be 0 or more').default(0);
const someOf = share.refine((value) => value > 0, 'must be above 0');

export const fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kill-shard'), at, shard }),
  z.strictObject({ kind: z.literal('freeze-shard'), at, for: span, shard }),
  z.strictObject({ kind: z.literal('cut-network'), at, for: span }),
  z.strictObject({
    kind: z.literal('delay-network'),
    at,
    for: span,
    delay: duration,
    jitter: duration.default(0),
    loss: share.default(0),
  }),
  z.strictObject({ kind: z.literal('slow-consumers'), at, for: span, share: someOf }),
  z.strictObject({ kind: z.literal('half-open'), at, share: someOf }),
  z.strictObject({ kind: z.literal('reconnect-storm'), at, share: someOf }),
  z.strictObject({ kind: z.literal('message-store-outage'), at, for: span }),
  z.strictObject({ kind: z.literal('results-store-outage'), at, for: span }),
]);

/** A checked fault: times in ms from the start of the steady phase. */
export type CheckedFault = z.output<typeof fault>;
