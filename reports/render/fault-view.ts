/** What every renderer says of the faults of a run: what was broken, what that did to delivery, when it was over. */
import type { FaultResult, RunSummary } from '../../loadgen/recorder/summary.ts';
import { formatCount, formatDuration, formatMs } from './format.ts';

export interface FaultRow {
  kind: string;
  /** Since the start of the steady phase. */
  at: string;
  /** `in 3.2 s`, `not by the end of the run`, … */
  recovered: string;
  bad: boolean;
  lost: string;
  /** What was done, or why it could not be. */
  detail: string;
  /** The worst that was seen meanwhile; empty when nothing was. */
  impact: string;
}

export function faultRows({ faults }: RunSummary): FaultRow[] {
  return faults.map((fault) => ({
    kind: fault.kind,
    at: formatDuration(fault.atSeconds),
    recovered: recoveryText(fault),
    bad: fault.recoverySeconds === null || fault.lost > 0,
    lost: formatCount(fault.lost),
    detail: fault.problem === undefined ? (fault.detail ?? '') : `could not be carried out: ${fault.problem}`,
    impact: impactText(fault),
  }));
}

/** Where there are several, the count of each is that of the run. */
export function faultLossNote({ faults, ledger }: RunSummary): string | null {
  if (faults.length < 2 || ledger.lost === 0) return null;
  return 'Lost messages are those of the whole run: the ledger does not know which fault lost them.';
}

function recoveryText({ recoverySeconds, problem }: FaultResult): string {
  if (problem !== undefined) return '–';
  if (recoverySeconds === null) return 'not by the end of the run';
  return recoverySeconds === 0 ? 'at once: delivery was never disturbed' : `in ${formatDuration(recoverySeconds)}`;
}

function impactText(fault: FaultResult): string {
  const { connectionsBefore, connectionsLowest, p99BeforeMs, p99WorstMs, backlogHighest, dropped, reconnects } = fault;
  const parts: string[] = [];
  if (connectionsLowest !== undefined && connectionsBefore !== undefined && connectionsLowest < connectionsBefore)
    parts.push(
      `lowest reading of a second: ${formatCount(connectionsLowest)} of ${formatCount(connectionsBefore)} connections open`,
    );
  if (reconnects) parts.push(`${formatCount(reconnects)} opened again`);
  if (p99WorstMs != null) {
    const before = p99BeforeMs == null ? '' : ` (${formatMs(p99BeforeMs)} before)`;
    parts.push(`delivery p99 up to ${formatMs(p99WorstMs)}${before}`);
  }
  if (backlogHighest) parts.push(`up to ${formatCount(backlogHighest)} deliveries overdue`);
  if (dropped) parts.push(`${formatCount(dropped)} sends not started`);
  return parts.join(', ');
}
