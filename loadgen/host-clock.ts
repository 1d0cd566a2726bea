/** Which monotonic clock this process has. */
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Processes with equal ids read one and the same monotonic clock: same boot of the same kernel, same time namespace.
 * Null where the system does not tell (not Linux).
 */
export function hostClockId(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${timeNamespace()}`;
  } catch {
    return null;
  }
}

/** Kernels before 5.6 have one clock for all. */
function timeNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/time');
  } catch {
    return '';
  }
}
