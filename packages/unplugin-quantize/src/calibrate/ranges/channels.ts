import type { TensorStatistics } from '../../quantize/index.ts';
import { summarize } from './extremes.ts';
import type { Range } from './range.ts';

type ChannelFigures = NonNullable<TensorStatistics['channels']>;

/** Watches the channels of one tensor over all samples. */
export interface ChannelCollector {
  /** @returns the extremes of the values, NaN where one is, if they were seen on the way */
  add(values: Float32Array, dims: readonly number[]): Range | undefined;
  /** Undefined where the runs differ in their number of channels, or none had a value. */
  result(): ChannelFigures | undefined;
}

/**
 * Smallest value, largest value and mean of each channel.
 *
 * @param axis the axis that counts channels; from the end where negative
 */
export function channelCollector(axis: number): ChannelCollector {
  let figures: ChannelFigures | undefined;
  let seen = 0;
  let differs = false;
  return {
    add(values, dims) {
      const at = axis < 0 ? dims.length + axis : axis;
      const channels = dims[at];
      if (channels === undefined || (figures !== undefined && channels !== figures.mean.length)) {
        differs = true;
        return undefined;
      }
      figures ??= { min: new Float32Array(channels).fill(Infinity), max: new Float32Array(channels).fill(-Infinity), mean: new Float64Array(channels) };
      const inner = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
      seen += values.length / channels;
      if (inner > 1) return addPlanes(figures, values, inner);
      addRows(figures, values);
      return undefined;
    },
    result() {
      if (differs || figures === undefined) return undefined;
      return { ...figures, mean: figures.mean.map((sum) => sum / seen) };
    },
  };
}

/** Adds values whose last axis counts channels; `mean` holds sums until the end. */
function addRows({ min, max, mean }: ChannelFigures, values: Float32Array): void {
  const channels = min.length;
  for (let start = 0; start < values.length; start += channels) {
    for (let c = 0; c < channels; c++) {
      const value = values[start + c]!;
      if (value < min[c]!) min[c] = value;
      if (value > max[c]!) max[c] = value;
      mean[c]! += value;
    }
  }
}

/** Adds values of which `inner` in a row belong to one channel. */
function addPlanes({ min, max, mean }: ChannelFigures, values: Float32Array, inner: number): Range {
  const all = { min: Infinity, max: -Infinity };
  const plane = new Float64Array(3);
  for (let start = 0, c = 0; start < values.length; start += inner, c = c + 1 === min.length ? 0 : c + 1) {
    summarize(values, start, start + inner, plane);
    const low = plane[0]!;
    const high = plane[1]!;
    if (low < min[c]!) min[c] = low;
    if (high > max[c]!) max[c] = high;
    mean[c]! += plane[2]!;
    // NaN stays.
    if (low < all.min || Number.isNaN(low)) all.min = low;
    if (high > all.max || Number.isNaN(high)) all.max = high;
  }
  return all;
}
