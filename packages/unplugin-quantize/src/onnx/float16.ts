/** IEEE 754 binary16 conversions on whole arrays. Rounding is half to even; overflow gives infinity; NaN stays a quiet NaN. */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/**
 * Converts float32 bit patterns to float16 bit patterns, as numpy's astype(float16) and onnxruntime's Cast do.
 * Below the normal range the value is scaled by 2^24 so that float addition does the rounding.
 *
 * @returns whether infinities or NaN came out
 */
export function float32BitsToFloat16(from: Uint32Array, to: Uint16Array): boolean {
  // Signed integers need no float64 for patterns with the sign bit; two results go into one word.
  const words = new Int32Array(from.buffer, from.byteOffset, from.length);
  const isPaired = IS_LITTLE_ENDIAN && to.byteOffset % 4 === 0;
  const pairs = isPaired ? words.length >> 1 : 0;
  const target = isPaired ? new Int32Array(to.buffer, to.byteOffset, pairs) : new Int32Array(0);
  let isBeyond = false;
  for (let i = 0, at = 0; i < pairs; i++, at += 2) {
    const first = words[at]!;
    const second = words[at + 1]!;
    const low = ((first & 0x7fffffff) - SMALLEST_NORMAL) | 0;
    const high = ((second & 0x7fffffff) - SMALLEST_NORMAL) | 0;
    if ((low | high) >= 0 && low < NORMAL_RANGE && high < NORMAL_RANGE) {
      target[i] = ((first >>> 16) & 0x8000) | (rounded(low) >>> 13) | (second & SIGN) | ((rounded(high) << 3) & 0x7fff0000);
    } else {
      if (low >= NORMAL_RANGE || high >= NORMAL_RANGE) isBeyond = true;
      target[i] = halfBits(first) | (halfBits(second) << 16);
    }
  }
  for (let i = 2 * pairs; i < words.length; i++) {
    if ((words[i]! & 0x7fffffff) >= OVERFLOW) isBeyond = true;
    to[i] = halfBits(words[i]!);
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

const NORMAL_RANGE = OVERFLOW - SMALLEST_NORMAL;

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

const SIGN = 0x80000000 | 0;

/**
 * Rounds the 13 lowest bits of a normal magnitude half to even; those above them are the float16. Counted from 2^-14, whose float16 pattern
 * is 0x400, the exponent needs no other change.
 */
function rounded(aboveSmallest: number): number {
  return (aboveSmallest + (0x400 << 13) + 0xfff + ((aboveSmallest >>> 13) & 1)) | 0;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= OVERFLOW) return magnitude > 0x7f800000 ? sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff) : sign | 0x7c00;
  if (magnitude >= SMALLEST_NORMAL) return sign | (rounded(magnitude - SMALLEST_NORMAL) >>> 13);
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
