import type { CalibrationMethod } from '../../options.ts';
import type { Tap, TensorStatistics } from '../../quantize/index.ts';
import { channelCollector } from './channels.ts';
import { distributionOf } from './distribution.ts';
import { extremesOf, reach, union } from './extremes.ts';
import { addToHistogram, emptyHistogram } from './histogram.ts';
import { METHODS, UNCLIPPED } from './methods.ts';
import { moveAverage } from './moving-average.ts';
import { ordinaryReach } from './outliers.ts';
import type { Seen } from './range.ts';

/** Watches one tensor over all samples. */
export interface TensorCollector {
  /**
   * Takes the tensor of one run.
   *
   * @returns false for values that are not all finite; nothing of them was taken
   */
  add(values: Float32Array, dims: readonly number[]): boolean;
  /** Undefined when no run had a value. */
  result(): { statistics: TensorStatistics; notes: string[] } | undefined;
}

export function tensorCollector({ name, channelAxis }: Tap, method: CalibrationMethod): TensorCollector {
  const channels = channelAxis === null ? undefined : channelCollector(channelAxis);
  let seen: Seen | undefined;
  return {
    add(values, dims) {
      if (values.length === 0) return true;
      const extremes = extremesOf(values);
      if (!Number.isFinite(extremes.min) || !Number.isFinite(extremes.max)) return false;
      if (seen === undefined) seen = { extremes, average: extremes, histogram: emptyHistogram(), values: 0, runs: 0 };
      else seen = { ...seen, extremes: union(seen.extremes, extremes), average: moveAverage(seen.average, extremes) };
      addToHistogram(seen.histogram, values, reach(extremes));
      seen.values += values.length;
      seen.runs++;
      channels?.add(values, dims);
      return true;
    },
    result() {
      if (seen === undefined) return undefined;
      const figures = channels?.result();
      const range = METHODS[method](seen);
      const distribution = distributionOf(seen.histogram, seen.extremes, range);
      const statistics = { ...range, elements: seen.values / seen.runs, distribution, ...(figures !== undefined && { channels: figures }) };
      const ordinary = UNCLIPPED.includes(method) ? ordinaryReach(seen) : undefined;
      const notes = ordinary === undefined ? [] : [outliers(name, reach(seen.extremes), ordinary)];
      return { statistics, notes };
    },
  };
}

function outliers(name: string, furthest: number, ordinary: number): string {
  const [all, most] = [furthest, ordinary].map((value) => value.toPrecision(3));
  return `Values of "${name}" reach ${all}, but 99.99 % of them no further than ${most}: 8 bits are coarse for those. Another calibrationMethod clips the few.`;
}
