import { elementCount, type Tensor } from '../../onnx/index.ts';
import { ROUNDER } from '../affine.ts';
import { float32Chunks } from '../float-chunks.ts';

/** A product's weight seen as runs of elements of one output and one input channel. */
export interface WeightGeometry {
  /** Elements in a row that share both channels. */
  readonly run: number;
  output(run: number): number;
  input(run: number): number;
}

/** Conv: [M, C / group, kernel...]. */
export function convGeometry(dims: readonly number[], groups: number): WeightGeometry {
  const [outputs = 0, inputs = 0] = dims;
  const perGroup = outputs / groups;
  const output = (run: number): number => Math.floor(run / inputs);
  return { run: elementCount(dims.slice(2)), output, input: (run) => Math.floor(output(run) / perGroup) * inputs + (run % inputs) };
}

/** MatMul and Gemm: [K, N], or [N, K] for channels along axis 0. */
export function matrixGeometry([, columns = 0]: readonly number[], axis: number): WeightGeometry {
  const [row, column] = [(run: number): number => Math.floor(run / columns), (run: number): number => run % columns];
  return axis === 0 ? { run: 1, output: row, input: column } : { run: 1, output: column, input: row };
}

/** The same for a weight whose integers are known. */
export function roundedShift(weight: Tensor, { run, output, input }: WeightGeometry, integers: Int8Array, scales: Float32Array, mean: Float64Array, channels: number): Float64Array {
  const shift = new Float64Array(channels);
  let at = 0;
  for (const values of float32Chunks(weight)) {
    for (let i = 0; i < values.length; i++, at++) {
      const place = Math.floor(at / run);
      const channel = output(place);
      shift[channel]! += (integers[at]! * scales[scales.length === 1 ? 0 : channel]! - values[i]!) * mean[input(place)]!;
    }
  }
  return shift;
}

/**
 * How far rounding a weight moves the mean of each output channel: the sum of (quantized - original) times the mean of the input channel
 * (Nagel et al. 2019, "Data-Free Quantization through Weight Equalization and Bias Correction", section 4.2, with means that were observed).
 * Subtracted from the bias, outputs are right on average. Padding is taken to have the mean of the rest.
 *
 * @param scales one for each output channel, or one for all
 * @param mean of each input channel
 * @param largest integer of the weight's type
 */
export function meanShift(weight: Tensor, { run, output, input }: WeightGeometry, scales: Float32Array, mean: Float64Array, largest: number, channels: number): Float64Array {
  const shift = new Float64Array(channels);
  let at = 0;
  for (const values of float32Chunks(weight)) {
    for (let i = 0; i < values.length;) {
      const place = Math.floor((at + i) / run);
      const end = Math.min(values.length, (place + 1) * run - at);
      const channel = output(place);
      const scale = scales.length === 1 ? scales[0]! : scales[channel]!;
      let error = 0;
      for (; i < end; i++) {
        const rounded = Math.fround(values[i]! / scale) + ROUNDER - ROUNDER;
        error += Math.max(-largest, Math.min(largest, rounded)) * scale - values[i]!;
      }
      shift[channel]! += error * mean[input(place)]!;
    }
    at += values.length;
  }
  return shift;
}
