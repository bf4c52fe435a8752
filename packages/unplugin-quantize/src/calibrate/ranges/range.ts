import type { Histogram } from './histogram.ts';

/** The interval of values that quantization keeps apart; what lies beyond is clipped. */
export interface Range {
  min: number;
  max: number;
}

/** What was seen of one tensor over all samples, in memory that does not grow with them. All values were finite, and there was one. */
export interface Seen {
  /** The smallest and the largest value. */
  extremes: Range;
  /** The average of the runs' extremes (moving-average.ts). */
  average: Range;
  histogram: Histogram;
  /** How many values the histogram counts: some stand for their neighbours where a run has very many. */
  counted: number;
  /** How many values there were. */
  values: number;
  runs: number;
}

/** Chooses a range: one function for each value of the option `calibrationMethod`. Its min is at most its max. */
export type ChooseRange = (seen: Seen) => Range;
