import { float16Bits, float32BitsToFloat16, type Tensor } from '../onnx/index.ts';
import { float32Chunks } from './float-chunks.ts';

/** Magnitudes as float32 bit patterns, which are in the order of the numbers. */
const BITS = {
  smallest: 0x0000_0001,
  /** 2^-25, half of the smallest float16 and the largest magnitude that rounds to zero, and the next one. */
  aboveVanishing: 0x3300_0001,
  /** 65520, the smallest magnitude that rounds to infinity in float16; the largest finite one is 65504. */
  overflow: 0x477f_f000,
  /** 1e30, from which on a finite value is a mask, "minus infinity" for a softmax, and not a quantity. */
  mask: 0x7149_f2ca,
  infinity: 0x7f80_0000,
} as const;

/** True when no finite value becomes infinite in float16; infinities and NaN stay what they are. */
export function fitsFloat16(tensor: Tensor): boolean {
  return !hasMagnitude(tensor, BITS.overflow, BITS.infinity);
}

/** What masks become: far below any score, and small enough that two added stay finite. */
const HALF_MASK = 1e4;

/** True when every finite value is in the range of float16 or is a mask. */
export function withinHalf(tensor: Tensor): boolean {
  return !hasMagnitude(tensor, BITS.overflow, BITS.mask);
}

/** What is presumed of values that nobody looked at: all finite ones are in the range of float16, or all but masks. */
export type Presumption = 'fits' | 'within';

/** Thrown while weights are computed of which more was presumed than is so: the artefact has to be made again without presuming. */
export class PresumptionFailed extends Error {}

/** Below it weights are looked at beforehand, which is quick. */
const LARGE_BYTES = 1 << 16;

/** Whether a tensor is so large that reading it an extra time costs more than a rare second attempt. */
export function isWorthPresuming({ byteLength }: Tensor): boolean {
  return byteLength >= LARGE_BYTES;
}

/** True when a finite value is a mask. */
export function isMask(tensor: Tensor): boolean {
  return hasMagnitude(tensor, BITS.mask, BITS.infinity);
}

/** True when a value other than zero becomes zero in float16. */
export function vanishes(tensor: Tensor): boolean {
  return hasMagnitude(tensor, BITS.smallest, BITS.aboveVanishing);
}

function hasMagnitude(tensor: Tensor, from: number, below: number): boolean {
  for (const values of float32Chunks(tensor)) if (isAmong(values, from, below)) return true;
  return false;
}

const MAGNITUDE = 0x7fff_ffff;

/**
 * Whether a magnitude has a bit pattern of at least `from` and less than `below`. Eight at a time are put together by OR, which is no
 * less than the largest of them: where that stays below `from`, as it does for weights below 2, none has to be looked at alone.
 */
function isAmong(values: Float32Array, from: number, below: number): boolean {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  const whole = words.length - (words.length % 8);
  for (let i = 0; i < whole; i += 8) {
    const any = words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]! | words[i + 4]! | words[i + 5]! | words[i + 6]! | words[i + 7]!;
    if ((any & MAGNITUDE) >= from && isAmongSome(words, i, i + 8, from, below)) return true;
  }
  return isAmongSome(words, whole, words.length, from, below);
}

function isAmongSome(words: Int32Array, start: number, end: number, from: number, below: number): boolean {
  for (let i = start; i < end; i++) {
    const magnitude = words[i]! & MAGNITUDE;
    if (magnitude >= from && magnitude < below) return true;
  }
  return false;
}

/**
 * A float32 tensor in half precision, rounded half to even, masks brought into range, computed when it is read.
 *
 * @param presumed what is made sure of when it is read, with a PresumptionFailed
 */
export function toFloat16(tensor: Tensor, presumed?: Presumption): Tensor {
  return { dtype: 'float16', dims: tensor.dims, byteLength: tensor.byteLength / 2, chunks: () => halfChunks(tensor, presumed) };
}

function* halfChunks(tensor: Tensor, presumed: Presumption | undefined): Generator<Uint8Array> {
  let output = new Uint16Array(0);
  for (const values of float32Chunks(tensor)) {
    if (output.length < values.length) output = new Uint16Array(values.length);
    const target = output.subarray(0, values.length);
    const isBeyond = float32BitsToFloat16(new Uint32Array(values.buffer, values.byteOffset, values.length), target);
    if (isBeyond && presumed !== undefined && isAmong(values, BITS.overflow, presumed === 'fits' ? BITS.infinity : BITS.mask)) throw new PresumptionFailed();
    if (isBeyond) replaceMasks(values, target);
    yield new Uint8Array(target.buffer, 0, target.byteLength);
  }
}

function replaceMasks(values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < values.length; i++) {
    if ((halves[i]! & 0x7fff) !== 0x7c00 || !Number.isFinite(values[i]!)) continue;
    halves[i] = float16Bits(values[i]! < 0 ? -HALF_MASK : HALF_MASK);
  }
}
