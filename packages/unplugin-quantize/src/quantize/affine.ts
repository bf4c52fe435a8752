import { QuantizeError } from '../errors.ts';
import { float16Bits, halfToNumber, rawByteLength, type Tensor } from '../onnx/index.ts';
import { channelLayout, channelWalk, float32Chunks, type ChannelLayout } from './float-chunks.ts';
import { quantizeRows, quantizeRun, ROUNDER, runMaximum } from './row-runs.ts';

export { ROUNDER } from './row-runs.ts';

/** An 8-bit type with the values that symmetric quantization uses, as in onnxruntime.quantization's quant_utils.py. */
export interface QuantType {
  readonly dtype: 'int8' | 'uint8';
  /** Smallest and largest value; the smallest int8 is not used, so that the range is symmetric. */
  readonly min: number;
  readonly max: number;
  readonly zeroPoint: number;
}

export const INT8: QuantType = { dtype: 'int8', min: -127, max: 127, zeroPoint: 0 };
export const UINT8: QuantType = { dtype: 'uint8', min: 0, max: 255, zeroPoint: 128 };

/** Rows of more elements are read twice, for their scales and for their values; shorter ones are held in memory in between. */
const MOST_IN_ROW = 1 << 18;
/** The smallest normal float32; a smaller scale would lose precision, so such a channel gets scale 1 (quant_utils.compute_scale_zp). */
export const SMALLEST_SCALE = 1.175_494_350_822_287_5e-38;

/** An 8-bit tensor and the scale of each channel; both are computed when they are first read. */
export interface QuantizedTensor {
  readonly values: Tensor;
  /** Shape [channels]. */
  readonly scales: Tensor;
}

/**
 * Symmetric quantization along an axis, or of the whole tensor for undefined: scale = 2 max|x| / (max - min) in float64, kept as
 * float32; q = clip(round_half_even(x / scale) + zero point), the division in float32 (QuantizeLinear; quant_utils.quantize_nparray).
 *
 * @throws QuantizeError MODEL_INVALID when a weight is NaN or infinite
 */
export function quantizeSymmetric(
  tensor: Tensor, axis: number | undefined, type: QuantType, name: string, scaleType: 'float32' | 'float16' = 'float32',
): QuantizedTensor {
  const layout = channelLayout(tensor.dims, axis);
  let known: Float32Array | undefined;
  const { values, scales } = quantizeWithScales(tensor, axis, type, () => (known ??= symmetricScales(tensor, layout, type, name, scaleType)), scaleType);
  if (axis !== 0 || layout.inner === 1 || layout.inner > MOST_IN_ROW) return { values, scales };
  const inOnePass = function* (): Generator<Uint8Array> {
    const found = new Float32Array(layout.channels);
    yield* quantizeRows(tensor, layout.inner, (max) => symmetricScale(max, type, name, scaleType), found, type);
    known = found;
  };
  return { values: { ...values, chunks: () => (known === undefined ? inOnePass() : values.chunks()) }, scales };
}

/** The same with scales that the caller knows, none of them below `symmetricScales`; they are asked for again and again. */
export function quantizeWithScales(
  tensor: Tensor, axis: number | undefined, type: QuantType, scales: () => Float32Array, scaleType: 'float32' | 'float16' = 'float32',
): QuantizedTensor {
  const layout = channelLayout(tensor.dims, axis);
  return {
    values: {
      dtype: type.dtype,
      dims: tensor.dims,
      byteLength: tensor.byteLength / 4,
      chunks: () => quantizeChunks(tensor, layout, scales(), type),
    },
    scales: {
      dtype: scaleType,
      dims: [layout.channels],
      byteLength: rawByteLength(scaleType, layout.channels),
      chunks: () => [scaleType === 'float32' ? new Uint8Array(scales().buffer) : halfBytes(scales())],
    },
  };
}

/** One scale for each channel, so that the largest magnitude is the largest integer. */
export function symmetricScales(tensor: Tensor, layout: ChannelLayout, type: QuantType, name: string, scaleType: 'float32' | 'float16' = 'float32'): Float32Array {
  return channelMaxima(tensor, layout).map((max) => symmetricScale(max, type, name, scaleType));
}

function symmetricScale(max: number, type: QuantType, name: string, scaleType: 'float32' | 'float16'): number {
  const exact = (2 * max) / (type.max - type.min);
  const scale = exact < SMALLEST_SCALE ? 1 : scaleType === 'float16' ? ceilToHalf(exact) : exact;
  // NaN and infinity have no integer that stands for them.
  if (Number.isFinite(scale)) return scale;
  throw new QuantizeError('MODEL_INVALID', 'A weight has elements that are NaN, infinite or beyond 8 million and cannot be quantized.', {
    node: name,
    hint: 'Exclude it by name, or export the model again if its training diverged.',
  });
}

/** The smallest float16 that is not below a positive number, so that no quantized value overflows; infinity beyond 65504. */
export function ceilToHalf(value: number): number {
  const bits = float16Bits(value);
  return halfToNumber(halfToNumber(bits) < value ? bits + 1 : bits);
}

function halfBytes(scales: Float32Array): Uint8Array {
  return new Uint8Array(Uint16Array.from(scales, float16Bits).buffer);
}

/** The largest magnitude in each channel; NaN where a channel has one. */
export function channelMaxima(tensor: Tensor, layout: ChannelLayout): Float32Array {
  const maxima = new Float32Array(layout.channels);
  const walk = channelWalk(layout);
  for (const values of float32Chunks(tensor)) {
    walk(values.length, (from, to, channel, step) => {
      if (step === 0) maxima[channel] = runMaximum(values, from, to, maxima[channel]!);
      else raiseMaxima(values, from, to, channel, maxima);
    });
  }
  return maxima;
}

function raiseMaxima(values: Float32Array, from: number, to: number, channel: number, maxima: Float32Array): void {
  for (let i = from, c = channel; i < to; i++, c++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > maxima[c]! || Number.isNaN(magnitude)) maxima[c] = magnitude;
  }
}

function* quantizeChunks(tensor: Tensor, layout: ChannelLayout, scales: Float32Array, type: QuantType): Generator<Uint8Array> {
  let output = new Uint8Array(0);
  const walk = channelWalk(layout);
  for (const values of float32Chunks(tensor)) {
    if (output.length < values.length) output = new Uint8Array(values.length);
    const target = output;
    walk(values.length, (from, to, channel, step) => {
      if (step === 0) quantizeRun(values, target, from, to, scales[channel]!, type);
      else quantizeAcross(values, target, from, to, channel, scales, type);
    });
    yield target.subarray(0, values.length);
  }
}

/** A run across neighbouring channels, one element each. */
function quantizeAcross(
  values: Float32Array, target: Uint8Array, from: number, to: number, channel: number, scales: Float32Array, { zeroPoint, max }: QuantType,
): void {
  const high = max - zeroPoint;
  for (let i = from, c = channel; i < to; i++, c++) {
    const rounded = Math.fround(values[i]! / scales[c]!) + ROUNDER - ROUNDER;
    target[i] = (rounded > high ? high : rounded) + zeroPoint;
  }
}
