import type { Format, TaskMetric } from './types.ts';

/** Limits that an artefact must hold, or the build fails. */
export interface Budget {
  /** Lowest allowed cosine similarity of any output and sample, 0 to 1. Needs samples. */
  cosine?: number;
  /**
   * Largest allowed loss of the metric `accuracy`, source minus artefact, 0 to 1: of the user's evaluator, or counted on samples with labels, or
   * without them the share of answers that differ. A loss whose 95 % interval reaches down to the limit does not break it.
   */
  accuracyDrop?: number;
  /** Lowest allowed values of the artefact's metrics, by name: `{ f1: 0.9 }`. */
  floors?: Record<string, number>;
  /** Highest allowed values of the artefact's metrics, by name: `{ wer: 0.08 }`. */
  ceilings?: Record<string, number>;
  /** Largest allowed size of the artefact in bytes. */
  maxBytes?: number;
  /** Largest allowed size of the artefact in bytes after gzip. */
  compressedBytes?: number;
  /** Largest allowed artefact size divided by source size. */
  ratio?: number;
  /** Largest allowed latency of the artefact divided by that of the source, on this machine. A ratio whose 95 % interval reaches down to the limit does not break it. */
  latencyRatio?: number;
  /** Smallest allowed share of the multiply-adds that integer kernels do, 0 to 1. */
  integerShare?: number;
}

/** One asked-for limit and what was found. */
export interface BudgetResult {
  /** A key of the budget; for tables with the metric's name, such as `floors.f1`. */
  limit: string;
  asked: number;
  found: number;
  /** Half of the 95 % interval of `found`, where it is known and counts in favour. */
  margin?: number;
  held: boolean;
}

/** An artefact that was tried on the way to the one that is used, that one included. */
export interface Attempt {
  format: Format;
  bytes: number;
  /** The lowest cosine of all outputs; null when nothing was measured. */
  cosine: number | null;
  metrics: TaskMetric[];
  /** How many weights were kept in half precision to hold the budget. */
  half?: number;
  /** Limits of the budget that it breaks. */
  broken: string[];
}

/** A figure that is another than the committed baseline's. */
export interface BaselineChange {
  /** `source`, `format`, `bytes`, `engine`, `samples`, `cosine`, or the name of a metric. */
  what: string;
  before: number | string;
  after: number | string;
  /** `changed`: told, and neither good nor bad by itself. */
  verdict: 'regressed' | 'improved' | 'changed';
}

/** How far figures may move from a baseline: sizes and metrics by a share (metrics below 1 by this much), cosines by this much. */
export interface BaselineTolerance {
  bytes?: number;
  cosine?: number;
  metrics?: number;
}
