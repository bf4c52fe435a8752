import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHalfKernel } from './float16-simd.ts';
import { float16Bits } from './float16.ts';

const kernel = createHalfKernel()!;
const float = new Float32Array(1);
const word = new Int32Array(float.buffer);
const BEYOND = 0x477ff000;

/** One by one, by the scalar conversion. */
function slow(bits: number): number {
  word[0] = bits;
  return float16Bits(float[0]!);
}

it('rounds as the scalar conversion does: every exponent, ties and their neighbours, both signs', () => {
  const patterns: number[] = [];
  for (let exponent = 0; exponent < 143; exponent++) {
    for (const low of [0, 1, 0x0fff, 0x1000, 0x1001, 0x1fff, 0x2fff, 0x3000, 0x3001, 0x400000, 0x555555, 0x7fefff, 0x7fffff]) {
      const bits = (exponent << 23) | low;
      if (bits < BEYOND) patterns.push(bits, bits | 0x80000000);
    }
  }
  const found = new Uint16Array(patterns.length);
  expect(kernel.convert(Int32Array.from(patterns), found)).toBe(true);
  expect([...found]).toEqual(patterns.map(slow));
});

it('converts any number of values and writes no others', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: BEYOND - 1 }), { maxLength: 40 }), fc.boolean(), (patterns, isNegative) => {
    const signed = patterns.map((bits) => (isNegative ? bits | 0x80000000 : bits));
    const found = new Uint16Array(patterns.length + 1).fill(7);
    // A run before it leaves other values behind.
    kernel.convert(new Int32Array(48).fill(0x3f800000), new Uint16Array(48));
    expect(kernel.convert(Int32Array.from(signed), found.subarray(0, patterns.length))).toBe(true);
    expect([...found]).toEqual([...signed.map(slow), 7]);
  }));
});

it('tells of values beyond the range wherever they are', () => {
  for (const beyond of [BEYOND, 0x7f800000, 0x7fc00000]) {
    for (const sign of [0, 0x80000000]) {
      for (let at = 0; at < 11; at++) expect(kernel.convert(new Int32Array(11).with(at, beyond | sign), new Uint16Array(11))).toBe(false);
    }
  }
  expect(kernel.convert(new Int32Array(kernel.capacity), new Uint16Array(kernel.capacity))).toBe(true);
});
