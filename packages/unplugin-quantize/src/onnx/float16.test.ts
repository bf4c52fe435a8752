import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float16Bits, float16ToFloat32, float32BitsToFloat16, halfToNumber } from './float16.ts';

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

function toHalf(bits: number): number {
  const to = new Uint16Array(1);
  float32BitsToFloat16(Uint32Array.of(bits), to);
  return to[0]!;
}

/** Rounding by its definition: the distance of neighbours is a power of two, so the division is exact and only the tie needs care. */
function slowHalf(bits: number): number {
  word[0] = bits;
  const value = Math.abs(float[0]!);
  const sign = bits >>> 31 << 15;
  if (value === Infinity) return sign | 0x7c00;
  let exponent = -14;
  while (exponent < 16 && value >= 2 ** (exponent + 1)) exponent++;
  const step = 2 ** (exponent - 10);
  const steps = value / step;
  let count = Math.floor(steps);
  const rest = steps - count;
  if (rest > 0.5 || (rest === 0.5 && count % 2 === 1)) count++;
  const rounded = count * step;
  if (rounded >= 65536) return sign | 0x7c00;
  // Patterns of positive numbers count up without a gap: 1024 for each exponent.
  return sign | (rounded < 2 ** -14 ? rounded * 2 ** 24 : (exponent + 14) * 1024 + count);
}

const isNaNPattern = (bits: number): boolean => (bits & 0x7fffffff) > 0x7f800000;

describe('float16', () => {
  it('holds all 65536 patterns exactly: to float32 and back', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const floats = new Float32Array(65536);
    float16ToFloat32(halves, floats);
    const back = new Uint16Array(65536);
    float32BitsToFloat16(new Uint32Array(floats.buffer), back);
    const isNaN = (half: number): boolean => (half & 0x7fff) > 0x7c00;
    expect(halves.every((half, i) => (isNaN(half) ? isNaN(back[i]!) : back[i] === half))).toBe(true);
    expect(halves.every((half, i) => Number.isNaN(floats[i]) === isNaN(half))).toBe(true);
  });

  it('converts many numbers as it does few, and tells of infinities and NaN wherever they are', () => {
    // Longer than what is converted at once, with every kind of number.
    const from = Uint32Array.from({ length: 150_001 }, (_, i) => ((i * 2654435761) >>> 0) % 0x477ff000 | (i % 3 === 0 ? 0x80000000 : 0));
    const to = new Uint16Array(from.length);
    expect(float32BitsToFloat16(from, to)).toBe(false);
    for (let i = 0; i < from.length; i += 500) expect([...to.subarray(i, i + 500)]).toEqual(Array.from(from.subarray(i, i + 500), toHalf));
    for (const at of [0, 70_000, 150_000]) {
      for (const beyond of [0x477ff000, 0xff800000, 0x7fc00000]) {
        const some = from.with(at, beyond);
        expect(float32BitsToFloat16(some, to)).toBe(true);
        expect([...to.subarray(Math.max(0, at - 1), at + 2)]).toEqual(Array.from(some.subarray(Math.max(0, at - 1), at + 2), toHalf));
      }
    }
  });

  it('reads known values', () => {
    expect([0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x3555, 0xc000, 0x7bff, 0x7c00, 0xfc00].map(halfToNumber))
      .toEqual([0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, 0.333251953125, -2, 65504, Infinity, -Infinity]);
  });

  it('rounds as numpy does: every exponent, ties, denormals, infinities', () => {
    const bytes = new Uint8Array(readFileSync(new URL('../../../../test/reference/float16.bin', import.meta.url)));
    const count = bytes.length / 6;
    const patterns = new Uint32Array(bytes.buffer, 0, count);
    const expected = new Uint16Array(bytes.buffer, count * 4, count);
    const found = new Uint16Array(count);
    float32BitsToFloat16(patterns, found);
    expect(found).toEqual(expected);
  });

  it('agrees with the definition on any number', () => {
    const nearHalf = fc.integer({ min: 0x32000000, max: 0x48000000 });
    fc.assert(fc.property(fc.oneof(nearHalf, fc.integer({ min: 0, max: 0x7f800000 })), fc.boolean(), (magnitude, negative) => {
      const bits = (negative ? magnitude | 0x80000000 : magnitude) >>> 0;
      expect(toHalf(bits)).toBe(slowHalf(bits));
    }), { numRuns: 5000 });
  });

  it('agrees with the definition on both sides of every tie', () => {
    let wrong = 0;
    for (let half = 0; half < 0x7c00; half++) {
      // The middle of two neighbours has one bit more than either, so it is exact in float32.
      float[0] = (halfToNumber(half) + (half === 0x7bff ? 65536 : halfToNumber(half + 1))) / 2;
      const tie = word[0]!;
      for (const bits of [tie - 1, tie, tie + 1]) if (toHalf(bits) !== slowHalf(bits)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('keeps NaN a quiet NaN of the same sign', () => {
    for (const bits of [0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffc01234]) {
      expect(isNaNPattern(bits)).toBe(true);
      expect(toHalf(bits) & 0x7e00).toBe(0x7e00);
      expect(toHalf(bits) >>> 15).toBe(bits >>> 31);
    }
  });

  it('takes numbers', () => {
    expect([1, -2, 65504, 65520, 0.1, 2 ** -25, 2 ** -24 * 1.5].map(float16Bits)).toEqual([0x3c00, 0xc000, 0x7bff, 0x7c00, 0x2e66, 0, 2]);
  });
});
