/** What a comparison says, for renderers. `a` is what was before, `b` what is to be judged. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { Verdict } from '../../loadgen/recorder/summary.ts';
import type { FigureName } from './estimate-figure.ts';
import type { Change } from './interval.ts';

/** `not comparable`: what was asked of both sides was not the same. `too few`: not enough samples or seconds to say anything of it. `no interval`: one figure on each side, nothing to vary. */
export type RowVerdict = 'worse' | 'better' | 'no difference seen' | 'too few' | 'no interval' | 'not comparable';

export interface Tolerance {
  /** A change by less than this share is no regression. */
  share: number;
  /** Nor is one of a latency by less than this, ms. */
  ms: number;
}

export interface ComparedRow {
  /** `p99`, or the name of a figure. */
  name: string;
  /** ms; of figures, their unit. */
  a: number;
  b: number;
  /** Null for `too few`, `no interval` and `not comparable`. */
  change: Change | null;
  verdict: RowVerdict;
  /** Decides about the whole: its interval is widened so that all judged rows hold together. */
  judged: boolean;
  /** Why it could not be judged. */
  reason?: string;
}

export interface PercentileRow extends ComparedRow {
  percent: number;
}

export interface ComparedTrend {
  metric: TrendName;
  count: { a: number; b: number };
  seconds: { a: number; b: number };
  /** Mean length of the blocks that were drawn, s. */
  blockSeconds: { a: number; b: number };
  rows: PercentileRow[];
}

export interface ComparedFigure extends ComparedRow {
  name: FigureName;
  label: string;
  unit: 'per second' | 'us' | 'bytes';
  worse: 'higher' | 'lower';
}

export interface ComparedLoss {
  name: 'lost' | 'duplicated' | 'reordered';
  a: number;
  b: number;
  /** Deliveries owed. */
  of: { a: number; b: number };
  verdict: RowVerdict;
}

export interface ComparedRun {
  runId: string;
  name: string;
  tags: Record<string, string>;
  startedAtMs: number;
  status: 'running' | 'finished' | 'interrupted';
  verdict: Verdict | null;
}

export interface ComparedSide {
  /** As it was asked for. */
  label: string;
  runs: ComparedRun[];
}

/** A condition that was not the same on both sides. */
export interface UnlikeCondition {
  what: string;
  a: string;
  b: string;
}

export type ComparisonVerdict = 'worse' | 'better' | 'no difference seen' | 'not judged';

export interface Comparison {
  a: ComparedSide;
  b: ComparedSide;
  verdict: ComparisonVerdict;
  /** The whole in one sentence. */
  sentence: string;
  /** Why it could not be judged; empty unless the verdict is `not judged`. */
  obstacles: string[];
  unlike: UnlikeCondition[];
  remarks: string[];
  trends: ComparedTrend[];
  figures: ComparedFigure[];
  /** Empty when a run without a ledger is among them. */
  losses: ComparedLoss[];
  method: {
    resamples: number;
    seed: number;
    tolerance: Tolerance;
    /** Rows that decide, `delivery_latency:p99`. */
    judged: string[];
    /** 1 − level of a judged row's interval, and of any other's. */
    judgedAlpha: number;
    alpha: number;
    /** From run to run: with one run on each side it is in no interval. */
    runToRun: 'in the intervals' | 'not in the intervals' | 'taken from the other side';
  };
}
