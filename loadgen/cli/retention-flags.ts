/** Flags of `plimsoll serve` that say how long messages are kept. */
import { UsageError } from './exit-codes.ts';
import { readCount, readDuration, withEnvironment } from './flags.ts';

export const RETENTION_FLAGS = withEnvironment({
  'retention-entries': {
    type: 'string',
    describe: 'newest entries kept of each timeline, e.g. 10k; 0 (the default) keeps all',
  },
  'retention-age': {
    type: 'string',
    describe: 'age at which entries are removed, e.g. 30d; 0 (the default) keeps all',
  },
} as const);

/** These of the node's settings. */
export function readRetention(argv: { retentionEntries?: string | undefined; retentionAge?: string | undefined }): {
  maxEntries: number;
  maxAgeSeconds: number;
} {
  const maxEntries = readCount('retention-entries', argv.retentionEntries) ?? 0;
  const maxAgeSeconds = (readDuration('retention-age', argv.retentionAge) ?? 0) / 1_000;
  // A count of 0.5 or an age below a second is a slip, and what it would remove does not come back.
  if (!Number.isInteger(maxEntries) || maxEntries < 0)
    throw new UsageError(`--retention-entries must be a whole number from 0, not ${argv.retentionEntries}`);
  if (maxAgeSeconds !== 0 && maxAgeSeconds < 1)
    throw new UsageError(`--retention-age must be 0 or at least 1s, not ${argv.retentionAge}`);
  return { maxEntries, maxAgeSeconds };
}
