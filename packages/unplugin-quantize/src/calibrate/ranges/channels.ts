import type { TensorStatistics } from '../../quantize/index.ts';
import { planeFigures } from './planes.ts';
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
  const { low, high, sum } = planeFigures(values, inner);
  const all = { min: Infinity, max: -Infinity };
  for (let p = 0, c = 0; p < low.length; p++, c = c + 1 === min.length ? 0 : c + 1) {
    const [least, most] = [low[p]!, high[p]!];
    if (least < min[c]!) min[c] = least;
    if (most > max[c]!) max[c] = most;
    mean[c]! += sum[p]!;
    // NaN stays.
    if (least < all.min || Number.isNaN(least)) all.min = least;
    if (most > all.max || Number.isNaN(most)) all.max = most;
  }
  return all;
}
