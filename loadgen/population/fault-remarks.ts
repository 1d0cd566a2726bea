/** What the author of faults should mind: a recovery can be seen only with something before to compare it with, and time after. Pure. */
import type { CheckedFault } from '../../scenarios/scenario-faults.ts';
import { formatDuration } from '../units.ts';

/** Few seconds of load are no picture of what is normal, and few are no proof that it is back. */
const ENOUGH_MS = 5_000;

export function faultRemarks(
  faults: readonly CheckedFault[],
  { warmUpMs, steadyMs }: { warmUpMs: number; steadyMs: number },
): string[] {
  return faults.flatMap((fault) => {
    const name = `${fault.kind} at ${formatDuration(fault.at)}`;
    const lasts = 'for' in fault ? fault.for : 0;
    const before = warmUpMs + fault.at;
    const after = steadyMs - fault.at - lasts;
    return [
      ...(before < ENOUGH_MS
        ? [`${name} comes ${formatDuration(before)} after the load begins: too soon to know what is normal`]
        : []),
      ...(after < 0 ? [`${name} would outlast the steady phase, with which it ends`] : []),
      ...(after < ENOUGH_MS
        ? [`${name} leaves ${formatDuration(Math.max(after, 0))} to recover in; a run that has not recovered fails`]
        : []),
    ];
  });
}
