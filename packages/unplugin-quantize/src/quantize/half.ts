import { float32BitsToFloat16, type Tensor } from '../onnx/index.ts';
import { float32Chunks } from './float-chunks.ts';

/** The largest finite float16. Values up to 65520 round to it. */
const LARGEST_HALF = 65_504;

/** True when no finite value becomes infinite in float16; infinities and NaN stay what they are. */
export function fitsFloat16(tensor: Tensor): boolean {
  for (const values of float32Chunks(tensor)) {
    for (const value of values) {
      if (Math.abs(value) >= 65_520 && Number.isFinite(value)) return false;
    }
  }
  return true;
}

/**
 * A float32 tensor in half precision, rounded half to even, computed when it is read.
 *
 * @param saturate finite values beyond the range become the largest finite half, as masks of -3.4e38 need
 */
export function toFloat16(tensor: Tensor, saturate = false): Tensor {
  return { dtype: 'float16', dims: tensor.dims, byteLength: tensor.byteLength / 2, chunks: () => halfChunks(tensor, saturate) };
}

function* halfChunks(tensor: Tensor, saturate: boolean): Generator<Uint8Array> {
  let output = new Uint16Array(0);
  for (const values of float32Chunks(tensor)) {
    if (output.length < values.length) output = new Uint16Array(values.length);
    const target = output.subarray(0, values.length);
    const source = saturate ? values.map(saturated) : values;
    float32BitsToFloat16(new Uint32Array(source.buffer, source.byteOffset, source.length), target);
    yield new Uint8Array(target.buffer, 0, target.byteLength);
  }
}

function saturated(value: number): number {
  return Number.isFinite(value) ? Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, value)) : value;
}
