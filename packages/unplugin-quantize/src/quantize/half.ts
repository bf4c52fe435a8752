import { float16Bits, float32BitsToFloat16, type Tensor } from '../onnx/index.ts';
import { float32Chunks } from './float-chunks.ts';

/** The smallest magnitude that rounds to infinity in float16; the largest finite one is 65504. */
const OVERFLOWS = 65_520;

/** True when no finite value becomes infinite in float16; infinities and NaN stay what they are. */
export function fitsFloat16(tensor: Tensor): boolean {
  return !someValue(tensor, (magnitude) => magnitude >= OVERFLOWS && magnitude < Infinity);
}

/** Magnitudes from which a finite value is a mask, "minus infinity" for a softmax, and not a quantity. */
const MASK = 1e30;
/** What masks become: far below any score, and small enough that two added stay finite. */
const HALF_MASK = 1e4;

/** True when every finite value is in the range of float16 or is a mask. */
export function withinHalf(tensor: Tensor): boolean {
  return !someValue(tensor, (magnitude) => magnitude >= OVERFLOWS && magnitude < MASK);
}

/** True when a finite value is a mask. */
export function isMask(tensor: Tensor): boolean {
  return someValue(tensor, (magnitude) => magnitude >= MASK && magnitude < Infinity);
}

/** The smallest float16 is 2^-24; half of it is the largest magnitude that rounds to zero. */
const LARGEST_VANISHING = 2 ** -25;

/** True when a value other than zero becomes zero in float16. */
export function vanishes(tensor: Tensor): boolean {
  return someValue(tensor, (magnitude) => magnitude <= LARGEST_VANISHING && magnitude > 0);
}

function someValue(tensor: Tensor, holds: (magnitude: number) => boolean): boolean {
  for (const values of float32Chunks(tensor)) {
    for (const value of values) if (holds(Math.abs(value))) return true;
  }
  return false;
}

/** A float32 tensor in half precision, rounded half to even, masks brought into range, computed when it is read. */
export function toFloat16(tensor: Tensor): Tensor {
  return { dtype: 'float16', dims: tensor.dims, byteLength: tensor.byteLength / 2, chunks: () => halfChunks(tensor) };
}

function* halfChunks(tensor: Tensor): Generator<Uint8Array> {
  let output = new Uint16Array(0);
  for (const values of float32Chunks(tensor)) {
    if (output.length < values.length) output = new Uint16Array(values.length);
    const target = output.subarray(0, values.length);
    float32BitsToFloat16(new Uint32Array(values.buffer, values.byteOffset, values.length), target);
    replaceMasks(values, target);
    yield new Uint8Array(target.buffer, 0, target.byteLength);
  }
}

function replaceMasks(values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < values.length; i++) {
    if ((halves[i]! & 0x7fff) !== 0x7c00 || !Number.isFinite(values[i]!)) continue;
    halves[i] = float16Bits(values[i]! < 0 ? -HALF_MASK : HALF_MASK);
  }
}
