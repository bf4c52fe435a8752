import type { Tensor } from '../../onnx/index.ts';
import { ROUNDER } from '../affine.ts';
import { float32Chunks } from '../float-chunks.ts';
import type { ActivationType, Parameters } from './parameters.ts';

/** A constant in the integers of activations: clip(round_half_even(x / scale) + zero point), the division in float32 (QuantizeLinear). */
export function quantizedConstant(tensor: Tensor, { scale, zeroPoint }: Parameters, { dtype, min, max }: ActivationType): Tensor {
  return {
    dtype, dims: tensor.dims, byteLength: tensor.byteLength / 4,
    *chunks() {
      for (const values of float32Chunks(tensor)) {
        // A negative integer wraps to its two's complement byte.
        yield Uint8Array.from(values, (value) => Math.max(min, Math.min(max, Math.fround(value / scale) + ROUNDER - ROUNDER + zeroPoint)));
      }
    },
  };
}
