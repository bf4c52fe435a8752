import type { LatencyReport, SpeedFigures } from '../types.ts';
import { medianOf, percentileOf, ratioOf } from './ratio.ts';
import type { TurnTimes } from './turns.ts';

/**
 * @param rows samples in one run, the size of its batch
 */
export function speedFigures({ loads, rounds, memory }: TurnTimes, rows: number): SpeedFigures {
  const times = rounds.flat();
  const total = times.reduce((sum, time) => sum + time, 0);
  return {
    median: medianOf(times),
    p95: percentileOf(times, 0.95),
    throughput: (1000 * rows * times.length) / total,
    load: medianOf(loads),
    peakMemory: memory.peak,
    modelMemory: Math.max(0, memory.peak - memory.idle),
    runs: times.length,
  };
}

/** Artefact / source: the medians of rounds pair by pair, loads pair by pair, and what the models added to their processes. */
export function speedRatios(source: TurnTimes, artefact: TurnTimes): LatencyReport['ratio'] {
  const [a, b] = [speedFigures(source, 1), speedFigures(artefact, 1)];
  return {
    latency: ratioOf(source.rounds.map(medianOf), artefact.rounds.map(medianOf)),
    load: ratioOf(source.loads, artefact.loads),
    memory: b.modelMemory / Math.max(1, a.modelMemory),
  };
}
