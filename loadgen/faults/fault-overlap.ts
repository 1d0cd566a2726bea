/** Faults whose effects overlap in time: what each of them cost can't be told apart. Pure. */
import type { FaultResult } from '../recorder/summary.ts';
import { formatNumber } from '../units.ts';

/** A sentence for each group of faults that began before the effects of an earlier one were over. */
export function overlapNotes(faults: readonly FaultResult[]): string[] {
  const groups: FaultResult[][] = [];
  let endsAt = Number.NEGATIVE_INFINITY;
  const begun = faults.filter(({ problem }) => problem === undefined).sort((a, b) => a.atSeconds - b.atSeconds);
  for (const fault of begun) {
    const ends = endOf(fault);
    // Who disturbs nothing costs nothing.
    if (ends <= fault.atSeconds) continue;
    if (fault.atSeconds < endsAt) groups.at(-1)!.push(fault);
    else groups.push([fault]);
    endsAt = Math.max(endsAt, ends);
  }
  return groups
    .filter((group) => group.length > 1)
    .map((group) => {
      const names = group.map(({ kind, atSeconds }) => `${kind} at ${formatNumber(Number(atSeconds.toFixed(1)))} s`);
      return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} overlapped: what each of them cost can’t be told apart.`;
    });
}

/** Seconds since the start of the steady phase. */
function endOf({ atSeconds, recoverySeconds, forSeconds = 0 }: FaultResult): number {
  return recoverySeconds === null ? Number.POSITIVE_INFINITY : atSeconds + Math.max(recoverySeconds, forSeconds);
}
