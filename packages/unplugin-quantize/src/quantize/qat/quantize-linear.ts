import { QuantizeError } from '../../errors.ts';
import { rawByteLength, type Tensor } from '../../onnx/index.ts';
import { ROUNDER } from '../affine.ts';
import { channelLayout, channelWalk, float32Chunks } from '../float-chunks.ts';

/** Integer types that weights are trained for. */
export const TRAINED_TYPES = {
  int8: { min: -128, max: 127, make: (buffer: ArrayBuffer) => new Int8Array(buffer) },
  uint8: { min: 0, max: 255, make: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  int16: { min: -32768, max: 32767, make: (buffer: ArrayBuffer) => new Int16Array(buffer) },
  uint16: { min: 0, max: 65535, make: (buffer: ArrayBuffer) => new Uint16Array(buffer) },
} as const;

export type TrainedType = keyof typeof TRAINED_TYPES;

/** The parameters of a QuantizeLinear, and the bounds of a Clip behind it. */
export interface LinearParameters {
  readonly dtype: TrainedType;
  /** The axis of the scales; undefined for one scale. */
  readonly axis: number | undefined;
  readonly scales: Float32Array;
  /** As many as scales. */
  readonly zeroPoints: ArrayLike<number>;
  readonly low: number;
  readonly high: number;
}

/**
 * What QuantizeLinear makes of a float32 tensor, computed when it is read: saturate(round_half_even(x / scale) + zero point), the division in
 * float32 (ONNX QuantizeLinear), then clipped.
 *
 * @throws QuantizeError MODEL_INVALID where an element is NaN, when it is read
 */
export function quantizeLinear(tensor: Tensor, { dtype, axis, scales, zeroPoints, low, high }: LinearParameters, name: string): Tensor {
  const layout = channelLayout(tensor.dims, axis);
  const { min, max, make } = TRAINED_TYPES[dtype];
  const [least, most] = [Math.max(min, low), Math.min(max, high)];
  const level = (value: number, channel: number): number => {
    const exact = Math.fround(value / scales[channel]!) + ROUNDER - ROUNDER + zeroPoints[channel]!;
    if (Number.isNaN(exact)) throw new QuantizeError('MODEL_INVALID', 'A weight has elements that are NaN and cannot be quantized.', { node: name });
    return exact > most ? most : exact < least ? least : exact;
  };
  return {
    dtype, dims: tensor.dims, byteLength: rawByteLength(dtype, tensor.byteLength / 4),
    *chunks() {
      const walk = channelWalk(layout);
      for (const values of float32Chunks(tensor)) {
        const levels = make(new ArrayBuffer(rawByteLength(dtype, values.length)));
        walk(values.length, (from, to, channel, step) => {
          for (let i = from, c = channel; i < to; i++, c += step) levels[i] = level(values[i]!, c);
        });
        yield new Uint8Array(levels.buffer);
      }
    },
  };
}
