import type { TensorStatistics } from '../../quantize/index.ts';

type ChannelFigures = NonNullable<TensorStatistics['channels']>;

/** Watches the channels of one tensor over all samples. */
export interface ChannelCollector {
  add(values: Float32Array, dims: readonly number[]): void;
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
        return;
      }
      figures ??= { min: new Float32Array(channels).fill(Infinity), max: new Float32Array(channels).fill(-Infinity), mean: new Float64Array(channels) };
      const inner = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
      if (inner === 1) addRows(figures, values);
      else addPlanes(figures, values, inner);
      seen += values.length / channels;
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
      min[c] = Math.min(min[c]!, value);
      max[c] = Math.max(max[c]!, value);
      mean[c]! += value;
    }
  }
}

/** Adds values of which `inner` in a row belong to one channel. */
function addPlanes({ min, max, mean }: ChannelFigures, values: Float32Array, inner: number): void {
  for (let start = 0, c = 0; start < values.length; start += inner, c = c + 1 === min.length ? 0 : c + 1) {
    let [low, high, sum] = [min[c]!, max[c]!, 0];
    for (let i = start; i < start + inner; i++) {
      const value = values[i]!;
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    min[c] = low;
    max[c] = high;
    mean[c]! += sum;
  }
}
