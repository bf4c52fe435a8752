import { alignColumns, formatBytes, printable } from '../report/index.ts';
import type { EnergyEstimate, EngineName, LatencyReport, RatioEstimate, SpeedFigures } from '../types.ts';

/** What `bench --json` prints. */
export interface BenchResult {
  engine: EngineName;
  engineVersion: string;
  /** Null is the engine's own choice. */
  threads: number | null;
  /** How often the models took turns. */
  rounds: number;
  /** True when the input was generated. */
  synthetic: boolean;
  models: (SpeedFigures & {
    name: string;
    bytes: number;
    /** Null where the engine gives no profile. */
    energy: EnergyEstimate | null;
    /** To the first model; null for that one. */
    ratio: LatencyReport['ratio'] | null;
  })[];
}

const HEAD = ['', 'size', 'median', 'p95', 'per second', 'load', 'memory', 'time to the first', 'load', 'energy (estimate)'];
const RIGHT = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The figures as text for a terminal. */
export function formatBench({ engine, engineVersion, threads, rounds, synthetic, models }: BenchResult): string {
  const rows = models.map(({ name, bytes, median, p95, throughput, load, modelMemory, ratio, energy }) => [
    printable(name), formatBytes(bytes), milliseconds(median), milliseconds(p95), throughput.toPrecision(3), milliseconds(load), formatBytes(modelMemory),
    ratio === null ? '' : interval(ratio.latency), ratio === null ? '' : interval(ratio.load), energy === null ? '' : joules(energy),
  ]);
  const how = [`${engine} ${engineVersion}`, threads === null ? 'its own choice of threads' : `${threads} thread${threads === 1 ? '' : 's'}`, `${rounds} rounds in turn`, synthetic ? 'generated input' : 'the first sample'];
  return [...alignColumns([HEAD, ...rows], RIGHT), how.join(', ')].join('\n');
}

/** `0.52 (0.50 to 0.54)`: the ratio and its 95 % interval. */
function interval({ ratio, low, high }: RatioEstimate): string {
  return `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

function joules({ arithmetic, memory }: EnergyEstimate): string {
  return `${((arithmetic + memory) / 1e9).toPrecision(3)} mJ`;
}
