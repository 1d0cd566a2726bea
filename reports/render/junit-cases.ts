/** The test cases that a run's verdict is made of. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { faultRows } from './fault-view.ts';
import { formatCount } from './format.ts';
import { ledgerGap, lossSentence, type ThresholdRow, thresholdRows, verdictReasons } from './summary-view.ts';

export interface JUnitCase {
  /** `run`, `thresholds`, `ledger`, `faults` */
  group: string;
  name: string;
  seconds: number;
  outcome: 'passed' | 'failure' | 'error' | 'skipped';
  /** One line: what was measured, and what was asked for. Empty where it passed. */
  message: string;
  detail: string;
}

/** The verdict first; its time is that of the run, all others take none. */
export function junitCases({ summary, status }: ReportModel): JUnitCase[] {
  if (summary === null) return [unfinished(status)];
  return [
    verdict(summary),
    validity(summary),
    ...thresholdRows(summary).map((row) => threshold(summary, row)),
    ...ledger(summary),
    ...faults(summary),
  ];
}

function unfinished(status: ReportModel['status']): JUnitCase {
  const running = status === 'running';
  const message = running
    ? 'the run has not ended yet, so there is no verdict'
    : 'the run was cut short before it could be judged';
  return { ...passed('run', 'verdict'), outcome: 'error', message, detail: `${message}.` };
}

function verdict(summary: RunSummary): JUnitCase {
  const took = (summary.phases.at(-1)?.endMs ?? 0) - (summary.phases[0]?.startMs ?? 0);
  const own = { ...passed('run', 'verdict'), seconds: took / 1000 };
  if (summary.verdict === 'pass') return own;
  return { ...own, ...missed(summary, summary.claim, verdictReasons(summary).join('\n')) };
}

function validity(summary: RunSummary): JUnitCase {
  const name = 'the run counts: the load generator was not the limit';
  if (summary.verdict !== 'inconclusive') return passed('run', name);
  const { reasons } = summary.validity;
  const message =
    reasons.length === 1 ? reasons[0]! : `${formatCount(reasons.length)} reasons why the run does not count`;
  return { ...passed('run', name), outcome: 'error', message, detail: reasons.join('\n') };
}

function threshold(summary: RunSummary, { outcome, metric, expression, measured }: ThresholdRow): JUnitCase {
  const own = passed('thresholds', `${metric} ${expression}`);
  if (outcome === 'held') return own;
  const message = `${metric} should meet ${expression}; measured: ${measured}`;
  if (outcome === 'unjudged') return { ...own, outcome: 'skipped', message, detail: '' };
  return { ...own, ...missed(summary, message, `measured: ${measured}\nlimit: ${expression}`) };
}

function ledger(summary: RunSummary): JUnitCase[] {
  const { ledger: totals } = summary;
  const cases = (['lost', 'duplicated', 'reordered'] as const).map((name) => {
    const own = passed('ledger', `no message ${name}`);
    if (totals[name] === 0) return own;
    const message = `${formatCount(totals[name])} of ${formatCount(totals.sent)} ${name}; limit: 0`;
    return { ...own, ...missed(summary, message, name === 'lost' ? lossSentence(totals) : message) };
  });
  const own = passed('ledger', 'every message accounted for');
  const gap = ledgerGap(totals);
  return [...cases, gap === null ? own : { ...own, ...missed(summary, gap, gap) }];
}

/** What a fault lost is in the ledger. */
function faults(summary: RunSummary): JUnitCase[] {
  return faultRows(summary).map(({ kind, at, recovered, detail, impact }, index) => {
    const { recoverySeconds, problem } = summary.faults[index]!;
    const own = passed('faults', `recovery from ${kind} at ${at}`);
    if (problem !== undefined) return { ...own, outcome: 'skipped', message: detail, detail: '' };
    if (recoverySeconds !== null) return own;
    const text = [detail, impact].filter((each) => each !== '').join('\n');
    return { ...own, ...missed(summary, `recovered from ${kind} at ${at}: ${recovered}`, text) };
  });
}

/** Held against the server, or only told where the run does not count. */
function missed(
  summary: RunSummary,
  message: string,
  detail: string,
): Pick<JUnitCase, 'outcome' | 'message' | 'detail'> {
  if (summary.verdict !== 'inconclusive') return { outcome: 'failure', message, detail };
  return { outcome: 'skipped', message: `does not count, the run is inconclusive: ${message}`, detail };
}

function passed(group: string, name: string): JUnitCase {
  return { group, name, seconds: 0, outcome: 'passed', message: '', detail: '' };
}
