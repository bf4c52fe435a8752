import { formatBytes, formatCosine } from '../report/index.ts';
import type { AccuracyReport, Budget, CompressedBytes, IntegerShare, LatencyReport, TaskMetric } from '../types.ts';

/** What a budget is held against. */
export interface BudgetFacts {
  /** Bytes of the artefact and of the source, external data included. */
  bytes: number;
  sourceBytes: number;
  accuracy: AccuracyReport | null;
  /** Why `accuracy` is null. */
  notMeasured?: 'no engine' | 'no samples' | undefined;
  integerShare?: IntegerShare | undefined;
  /** Of the artefact. */
  compressed?: CompressedBytes | undefined;
  latency?: LatencyReport | undefined;
}

export interface Limit {
  /** Whether the figure has to reach the limit or to stay below it; equal holds in both. */
  sense: 'at least' | 'at most';
  /** What has to be known: outputs that were compared, a metric by its name, how much of the work integers do, compressed sizes, latency. */
  needs?: 'outputs' | 'metric' | 'integerShare' | 'compressed' | 'latency';
  /** @param metric what `needs` asks for, where it is a metric */
  find(facts: BudgetFacts, metric: TaskMetric | undefined): { found: number; margin?: number | null };
  show(value: number): string;
  /** What to do when it is broken. */
  advice: string;
}

const share = (value: number): string => `${(value * 100).toFixed(2)} %`;
const figure = (value: number): string => String(Number(value.toPrecision(6)));

/** How each limit of a budget is judged (options.ts says what may be asked for); the order is the order of the results. */
export const LIMITS: Record<keyof Budget, Limit> = {
  cosine: {
    sense: 'at least',
    needs: 'outputs',
    find: ({ accuracy }) => ({ found: Math.min(...accuracy!.outputs.map((output) => output.cosine)) }),
    show: formatCosine,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or lower budget.cosine',
  },
  accuracyDrop: {
    sense: 'at most',
    needs: 'metric',
    find: (_, metric) => ({ found: metric!.source - metric!.artefact, margin: metric!.margin }),
    show: share,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or raise budget.accuracyDrop',
  },
  floors: {
    sense: 'at least',
    needs: 'metric',
    find: (_, metric) => ({ found: metric!.artefact }),
    show: figure,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or lower the floor',
  },
  ceilings: {
    sense: 'at most',
    needs: 'metric',
    find: (_, metric) => ({ found: metric!.artefact }),
    show: figure,
    advice: 'use a format that keeps more, such as int8-storage or fp16-storage, or raise the ceiling',
  },
  maxBytes: {
    sense: 'at most',
    find: ({ bytes }) => ({ found: bytes }),
    show: (value) => `${formatBytes(value)} (${value} B)`,
    advice: 'use a smaller format or raise budget.maxBytes',
  },
  compressedBytes: {
    sense: 'at most',
    needs: 'compressed',
    find: ({ compressed }) => ({ found: compressed!.gzip }),
    show: (value) => `${formatBytes(value)} (${value} B)`,
    advice: 'use a smaller format or raise budget.compressedBytes',
  },
  ratio: {
    sense: 'at most',
    find: ({ bytes, sourceBytes }) => ({ found: bytes / sourceBytes }),
    show: (value) => value.toFixed(4),
    advice: 'use a smaller format or raise budget.ratio',
  },
  latencyRatio: {
    sense: 'at most',
    needs: 'latency',
    find: ({ latency }) => ({ found: latency!.ratio.latency.ratio, margin: Math.max(0, latency!.ratio.latency.ratio - latency!.ratio.latency.low) }),
    show: (value) => value.toFixed(3),
    advice: 'use a format that is faster on this target, or raise budget.latencyRatio',
  },
  integerShare: {
    sense: 'at least',
    needs: 'integerShare',
    find: ({ integerShare }) => ({ found: integerShare!.share }),
    show: share,
    advice: 'use int8-static with integerDepthwise, exclude less, or lower budget.integerShare',
  },
};

/** One limit that was asked for. */
export interface AskedLimit extends Limit {
  /** Its name in results: `cosine`, `floors.f1`. */
  name: string;
  asked: number;
  /** Name of the metric that it is about. */
  metric: string | undefined;
}

/** The limits of a budget one by one, in the order of the table; of a table of metrics in the order of their names. */
export function askedLimits(budget: Budget): AskedLimit[] {
  return (Object.keys(LIMITS) as (keyof Budget)[]).flatMap((key): AskedLimit[] => {
    const asked = budget[key];
    const limit = LIMITS[key];
    if (asked === undefined) return [];
    if (typeof asked === 'number') return [{ ...limit, name: key, asked, metric: limit.needs === 'metric' ? 'accuracy' : undefined }];
    return Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1)).map(([metric, value]) => ({ ...limit, name: `${key}.${metric}`, asked: value, metric }));
  });
}

/** How a result's limit is judged, by the name it has there. */
export function limitOf(name: string): Limit {
  return LIMITS[name.split('.')[0] as keyof Budget];
}
