import type { Tensor } from '../../onnx/index.ts';
import { float32Chunks } from '../float-chunks.ts';
import type { TensorStatistics } from '../static/statistics.ts';

/** One product's weight, with what samples told of the channels that it reads. */
export interface ReadInput {
  readonly tensor: Tensor;
  /** The weight is [channels, outputs], else [outputs, channels]. */
  readonly rowsFirst: boolean;
  readonly channels: NonNullable<TensorStatistics['channels']>;
}

/** Exponents that are tried: 0 leaves everything, 1 makes all channels of the activation equally large (Xiao et al. 2022, eq. 4). */
const STRENGTHS = [0.25, 0.375, 0.5, 0.625, 0.75, 1];
/** Levels of an activation and, on each side, of a weight. */
const [ACTIVATION_LEVELS, WEIGHT_LEVELS] = [255, 127];
/** The range of a channel over its standard deviation: what long tails leave of it. */
const RANGE_IN_DEVIATIONS = 8;
/** Less gain than this is within what the estimate knows. */
const WORTHWHILE = 0.9;
/** Channels are scaled by at most this power of two. */
const LARGEST_EXPONENT = 16;

/**
 * The factor of each channel of an activation that several products read, as whole logarithms to base 2. For each strength a, channels are
 * divided by max|x_c|^a / max|w_c|^(1 - a); the strength with the least estimated error is taken, none where it gains less than a tenth.
 *
 * The error of a product is that of two roundings, evenly distributed within a step s with variance s^2 / 12: the activation's, which the
 * weights multiply, and each weight column's, which the activation multiplies.
 */
export function chooseSmoothing(inputs: readonly ReadInput[]): Float64Array {
  const { channels } = inputs[0]!;
  const count = channels.mean.length;
  const largest = Float64Array.from({ length: count }, (_, c) => Math.max(Math.abs(channels.min[c]!), Math.abs(channels.max[c]!)));
  const rows = new Float64Array(count);
  for (const input of inputs) forEachWeight(input, (value, c) => (rows[c] = Math.max(rows[c]!, Math.abs(value))));
  const none = new Float64Array(count);
  let best: Float64Array = none;
  let least = errorOf(inputs, none) * WORTHWHILE;
  for (const strength of STRENGTHS) {
    const logs = exponents(largest, rows, strength);
    const error = errorOf(inputs, logs);
    if (error < least) [best, least] = [logs, error];
  }
  return best;
}

/** Whole numbers around zero; 0 for channels that are always zero or that nothing reads. */
function exponents(largest: Float64Array, rows: Float64Array, strength: number): Float64Array {
  const exact = largest.map((range, c) => (1 - strength) * Math.log2(rows[c]!) - strength * Math.log2(range));
  const finite = exact.filter(Number.isFinite).sort();
  const middle = finite[finite.length >> 1] ?? 0;
  return exact.map((log) => (Number.isFinite(log) ? Math.max(-LARGEST_EXPONENT, Math.min(LARGEST_EXPONENT, Math.round(log - middle))) : 0));
}

function errorOf(inputs: readonly ReadInput[], logs: Float64Array): number {
  const factors = logs.map((log) => 2 ** log);
  return inputs.reduce((sum, input) => sum + productError(input, factors), 0);
}

/** The squared error of one row of outputs, times 12. */
function productError(input: ReadInput, factors: Float64Array): number {
  const { min, max, mean } = input.channels;
  const outputs = input.tensor.byteLength / 4 / factors.length;
  const columns = new Float64Array(outputs);
  let squares = 0;
  forEachWeight(input, (value, c, output) => {
    const scaled = value / factors[c]!;
    squares += scaled * scaled;
    const magnitude = Math.abs(scaled);
    if (magnitude > columns[output]!) columns[output] = magnitude;
  });
  let [low, high, power] = [0, 0, 0];
  for (let c = 0; c < factors.length; c++) {
    const factor = factors[c]!;
    low = Math.min(low, min[c]! * factor);
    high = Math.max(high, max[c]! * factor);
    power += (mean[c]! ** 2 + ((max[c]! - min[c]!) / RANGE_IN_DEVIATIONS) ** 2) * factor * factor;
  }
  const steps = columns.reduce((sum, largest) => sum + (largest / WEIGHT_LEVELS) ** 2, 0);
  return ((high - low) / ACTIVATION_LEVELS) ** 2 * squares + steps * power;
}

function forEachWeight({ tensor, rowsFirst }: ReadInput, visit: (value: number, channel: number, output: number) => void): void {
  const inner = tensor.dims[1]!;
  let [outer, at] = [0, 0];
  for (const values of float32Chunks(tensor)) {
    for (let i = 0; i < values.length; i++) {
      if (rowsFirst) visit(values[i]!, outer, at);
      else visit(values[i]!, at, outer);
      if (++at === inner) {
        at = 0;
        outer++;
      }
    }
  }
}
