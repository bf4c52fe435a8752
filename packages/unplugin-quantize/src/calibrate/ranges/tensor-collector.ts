import type { CalibrationMethod } from '../../options.ts';
import type { Tap, TensorStatistics } from '../../quantize/index.ts';
import { channelCollector } from './channels.ts';
import { distributionOf } from './distribution.ts';
import { extremesOf, reach, union } from './extremes.ts';
import { addToHistogram, emptyHistogram } from './histogram.ts';
import { METHODS, UNCLIPPED } from './methods.ts';
import { moveAverage } from './moving-average.ts';
import { isFarFrom, ordinaryReach } from './outliers.ts';
import type { Seen } from './range.ts';
import { reducedCollector } from './reduced-collector.ts';

/** Watches one tensor over all samples. */
export interface TensorCollector {
  /**
   * Takes the tensor of one run.
   *
   * @returns false for values that are not all finite: of no use after that
   */
  add(values: Float32Array, dims: readonly number[]): boolean;
  /** Undefined when no run had a value. */
  result(): { statistics: TensorStatistics; notes: string[] } | undefined;
}

export function tensorCollector(tap: Tap, method: CalibrationMethod): TensorCollector {
  if (tap.isReduced === true) return reducedCollector(method);
  const { name, channelAxis } = tap;
  const channels = channelAxis === null ? undefined : channelCollector(channelAxis);
  const isClipped = !UNCLIPPED.includes(method);
  let seen: Seen | undefined;
  return {
    add(values, dims) {
      if (values.length === 0) return true;
      const extremes = channels?.add(values, dims) ?? extremesOf(values);
      if (!Number.isFinite(extremes.min) || !Number.isFinite(extremes.max)) return false;
      if (seen === undefined) seen = { extremes, average: extremes, histogram: emptyHistogram(), counted: 0, values: 0, runs: 0 };
      else seen = { ...seen, extremes: union(seen.extremes, extremes), average: moveAverage(seen.average, extremes) };
      const stride = strideOf(values.length);
      addToHistogram(seen.histogram, values, reach(extremes), stride);
      seen.counted += Math.ceil(values.length / stride) * stride;
      seen.values += values.length;
      seen.runs++;
      return true;
    },
    result() {
      if (seen === undefined) return undefined;
      const figures = channels?.result();
      const range = METHODS[method](seen);
      const distribution = distributionOf(seen.histogram, seen.extremes, range);
      const statistics = { ...range, elements: seen.values / seen.runs, distribution, ...(figures !== undefined && { channels: figures }) };
      const ordinary = ordinaryReach(seen);
      const notes = ordinary === undefined ? [] : [outliers({ name, furthest: reach(seen.extremes), ordinary, chosen: reach(range), isClipped })];
      return { statistics, notes };
    },
  };
}

/** So many of a run's values tell how they lie; the smallest and the largest are looked for among all. */
const ENOUGH = 32_768;

/** The distance of values that are counted: it has no factor in common with the tensor's dims, so that no channel is passed over. */
function strideOf(length: number): number {
  let stride = Math.ceil(length / ENOUGH);
  while (greatestCommonDivisor(stride, length) > 1) stride++;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

interface Outliers {
  name: string;
  /** How far all values, all but a few, and the chosen range reach. */
  furthest: number;
  ordinary: number;
  chosen: number;
  isClipped: boolean;
}

function outliers({ name, furthest, ordinary, chosen, isClipped }: Outliers): string {
  const [all, most, end] = [furthest, ordinary, chosen].map((value) => value.toPrecision(3));
  const coarse = `8 bits are coarse for those. ${isClipped ? `The range ends at ${end}.` : 'Another calibrationMethod clips the few.'}`;
  return `Values of "${name}" reach ${all}, but 99.99 % of them no further than ${most}: ${isFarFrom(ordinary, chosen) ? coarse : `the few are clipped at ${end}.`}`;
}
