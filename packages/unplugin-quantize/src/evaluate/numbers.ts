import type { SampleTensor } from '../calibrate/index.ts';
import { float16ToFloat32 } from '../onnx/index.ts';

/**
 * The elements of a tensor as numbers, or null for text. Types that are numbers already are not copied; float16 is widened exactly,
 * 64-bit integers beyond 2^53 round to the nearest double.
 */
export function numbersOf(tensor: SampleTensor): ArrayLike<number> | null {
  const { data, dtype } = tensor;
  if (Array.isArray(data)) return null;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (dtype === 'float16' && data instanceof Uint16Array) {
    const floats = new Float32Array(data.length);
    float16ToFloat32(data, floats);
    return floats;
  }
  return data;
}
