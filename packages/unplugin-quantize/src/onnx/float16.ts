/** IEEE 754 binary16 conversions on whole arrays. Rounding is half to even; overflow gives infinity; NaN stays a quiet NaN. */

import { createHalfKernel, type HalfKernel } from './float16-simd.ts';

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** Made with the first conversion of many numbers. */
let kernel: HalfKernel | undefined | null = null;

/** Below it a conversion one by one is as fast. */
const MANY = 1024;

/**
 * Converts float32 bit patterns to float16 bit patterns, as numpy's astype(float16) and onnxruntime's Cast do.
 * Below the normal range 0.5 is added, so that float addition does the rounding.
 *
 * @returns whether infinities or NaN came out
 */
export function float32BitsToFloat16(from: Uint32Array, to: Uint16Array): boolean {
  // Signed integers need no float64 for patterns with the sign bit.
  const words = new Int32Array(from.buffer, from.byteOffset, from.length);
  if (words.length < MANY) return convertEach(words, to);
  if (kernel === null) kernel = createHalfKernel();
  if (kernel === undefined) return convertEach(words, to);
  let isBeyond = false;
  for (let start = 0; start < words.length; start += kernel.capacity) {
    const [some, target] = [words.subarray(start, start + kernel.capacity), to.subarray(start, start + kernel.capacity)];
    if (!kernel.convert(some, target) && convertEach(some, target)) isBeyond = true;
  }
  return isBeyond;
}

function convertEach(words: Int32Array, to: Uint16Array): boolean {
  let isBeyond = false;
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!;
    to[i] = halfBits(bits);
    if ((bits & 0x7fffffff) >= OVERFLOW) isBeyond = true;
  }
  return isBeyond;
}

/** The float16 bits of a number that is first rounded to float32. */
export function float16Bits(value: number): number {
  float[0] = value;
  return halfBits(word[0]!);
}

/** 2^-14 and 65520 as float32 patterns: what lies between them is a normal float16, 65520 rounds up to infinity. */
const SMALLEST_NORMAL = 0x38800000;
const OVERFLOW = 0x477ff000;

/** Rebiases the exponent by 112 and rounds the 13 dropped bits half to even. */
function normalHalf(magnitude: number): number {
  return (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= OVERFLOW) return magnitude > 0x7f800000 ? sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff) : sign | 0x7c00;
  if (magnitude >= SMALLEST_NORMAL) return sign | normalHalf(magnitude);
  // Denormals: adding 0.5 aligns the last kept bit with the last bit of a float32 mantissa, so the FPU rounds.
  word[0] = magnitude;
  float[0] = float[0]! + 0.5;
  return sign | (word[0]! - 0x3f000000);
}

/** Converts float16 bit patterns to float32 values; exact. */
export function float16ToFloat32(from: Uint16Array, to: Float32Array): void {
  for (let i = 0; i < from.length; i++) to[i] = halfToNumber(from[i]!);
}

export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
