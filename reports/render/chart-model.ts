/** What a chart is, between the builders and the script that draws it. */
import type { Column } from './chart-series.ts';

/** Names of CSS custom properties that hold the colour in either theme. */
export type ChartColour = 'c1' | 'c2' | 'c3' | 'c4' | 'c5' | 'c6' | 'heat-line';

export interface ChartSeries {
  label: string;
  colour: ChartColour;
  values: Column;
  /** 2 for the line that matters most. */
  width?: 2;
  dashed?: true;
}

/** Samples by time and latency. Row `r` spans 2^(r ÷ rowsPerOctave) µs to the next row's. */
export interface ChartHeat {
  /** Start of the first column and width of each, s. */
  from: number;
  step: number;
  rowsPerOctave: number;
  /** Per column: its lowest occupied row, then the samples of that row and of each above it; nothing where there are none. */
  columns: number[][];
}

/** One choice of a chart's selector. */
export interface ChartVariant {
  label: string;
  unit: string;
  series: ChartSeries[];
  /** What the lines say, in words: read out in place of the picture. */
  words: string;
  /** Why there is nothing to draw. */
  empty?: string;
  /** A threshold, drawn as a line across; `neutral`: a bound that is no threshold. */
  limit?: { label: string; value: number; neutral?: true };
  logarithmic?: true;
  /** Shaded under the lines, between two columns of the same x: how sure a line is. */
  bands?: Array<{ colour: ChartColour; low: Column; high: Column }>;
  /** Drawn below the lines. */
  heat?: ChartHeat;
}

export interface Chart {
  id: string;
  title: string;
  about: string;
  kind: 'time' | 'distribution';
  variants: ChartVariant[];
}

/** Seconds on the time axis. */
export interface FaultMark {
  name: string;
  from: number;
  to: number;
}

export interface ChartData {
  /** Seconds of the time axis: `from + index × step`, counted from the start of the run. */
  time: { step: number; length: number };
  /** x of the percentile distribution, 1 ÷ (1 − p). */
  distribution: number[];
  phases: Array<{ name: string; from: number; to: number }>;
  faults: FaultMark[];
  charts: Chart[];
}
