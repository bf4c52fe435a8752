import { formatBytes, formatCosine } from '../report/index.ts';
import type { AccuracyReport, Budget } from '../types.ts';

/** What a budget is held against. */
export interface BudgetFacts {
  /** Bytes of the artefact and of the source, external data included. */
  bytes: number;
  sourceBytes: number;
  accuracy: AccuracyReport | null;
  /** Why `accuracy` is null. */
  notMeasured?: 'no engine' | 'no samples' | undefined;
}

interface Limit {
  /** Whether the figure has to reach the limit or to stay below it; equal holds in both. */
  sense: 'at least' | 'at most';
  /** The values that may be asked for, and how errors say so. */
  accepts(value: number): boolean;
  range: string;
  /** Called for `cosine` only where outputs were measured. */
  find(facts: BudgetFacts): number;
  show(value: number): string;
  /** What to do when it is broken. */
  advice: string;
}

/** Every limit of a budget; the order is the order of the results. */
export const LIMITS: Record<keyof Budget, Limit> = {
  cosine: {
    sense: 'at least',
    accepts: (value) => value >= 0 && value <= 1,
    range: 'a number from 0 to 1',
    find: ({ accuracy }) => Math.min(...accuracy!.outputs.map((output) => output.cosine)),
    show: formatCosine,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or lower budget.cosine',
  },
  maxBytes: {
    sense: 'at most',
    accepts: (value) => Number.isSafeInteger(value) && value > 0,
    range: 'a whole number of bytes above 0',
    find: ({ bytes }) => bytes,
    show: (value) => `${formatBytes(value)} (${value} B)`,
    advice: 'use a smaller format or raise budget.maxBytes',
  },
  ratio: {
    sense: 'at most',
    accepts: (value) => value > 0 && Number.isFinite(value),
    range: 'a number above 0',
    find: ({ bytes, sourceBytes }) => bytes / sourceBytes,
    show: (value) => value.toFixed(4),
    advice: 'use a smaller format or raise budget.ratio',
  },
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof Budget)[];
