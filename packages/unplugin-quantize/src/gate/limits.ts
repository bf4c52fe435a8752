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
  /** Called for `cosine` only where outputs were measured. */
  find(facts: BudgetFacts): number;
  show(value: number): string;
  /** What to do when it is broken. */
  advice: string;
}

/** How each limit of a budget is judged (options.ts says what may be asked for); the order is the order of the results. */
export const LIMITS: Record<keyof Budget, Limit> = {
  cosine: {
    sense: 'at least',
    find: ({ accuracy }) => Math.min(...accuracy!.outputs.map((output) => output.cosine)),
    show: formatCosine,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or lower budget.cosine',
  },
  maxBytes: {
    sense: 'at most',
    find: ({ bytes }) => bytes,
    show: (value) => `${formatBytes(value)} (${value} B)`,
    advice: 'use a smaller format or raise budget.maxBytes',
  },
  ratio: {
    sense: 'at most',
    find: ({ bytes, sourceBytes }) => bytes / sourceBytes,
    show: (value) => value.toFixed(4),
    advice: 'use a smaller format or raise budget.ratio',
  },
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof Budget)[];
