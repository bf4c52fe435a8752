import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIDE } from './bins.ts';
import { countValues } from './count-values.ts';
import { PIECE, PLANES, rangeKernel } from './kernel.ts';
import { planeFigures } from './planes.ts';

const kernel = rangeKernel()!;

/** Numbers of all sizes, and zeros, from a seed. */
function values(length: number, seed: number, largest = 2 ** 11): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = state / 2 ** 31 - 1;
    return state % 3 === 0 ? 0 : state % 5 === 0 ? unit * 2 ** -140 : unit * largest * 0.9999;
  });
}

function counted(given: Float32Array, inverse: number, stride: number, by: typeof kernel | null): Float64Array {
  const counts = new Float64Array(2 * SIDE);
  countValues(counts, given, inverse, stride, by);
  return counts;
}

describe('figures of planes', () => {
  it.each([[1, 7], [3, 5], [4, 4], [15, 9], [16, 960], [49, 33], [1024, 20], [1, PLANES + 3], [5, PIECE / 4], [PIECE - 1, 2], [PIECE + 5, 2], [2 * PIECE + 4, 1]])('of %i values, %i of them, are those that JavaScript finds', (inner, count) => {
    const given = values(inner * count, inner);
    expect(planeFigures(given, inner)).toEqual(planeFigures(given, inner, null));
  });

  it('are the least, the largest and the sum', () => {
    expect(planeFigures(Float32Array.of(3, -1, 2, 5, 4, 0, 8, -7, -7, -7, -7, -7), 6)).toEqual({ low: Float64Array.of(-1, -7), high: Float64Array.of(5, 8), sum: Float64Array.of(13, -27) });
  });

  it.each(['kernel', 'JavaScript'])('are NaN where a value is: %s', (by) => {
    for (let at = 0; at < 11; at++) {
      const given = values(33, 1);
      given[11 + at] = NaN;
      const { low, high } = planeFigures(given, 11, by === 'kernel' ? kernel : null);
      expect([...low].map(Number.isNaN)).toEqual([false, true, false]);
      expect([...high].map(Number.isNaN)).toEqual([false, true, false]);
    }
  });

  it.each(['kernel', 'JavaScript'])('are infinite where values are: %s', (by) => {
    const { low, high, sum } = planeFigures(Float32Array.of(1, Infinity, -Infinity, 2, 3), 5, by === 'kernel' ? kernel : null);
    expect([low[0], high[0], sum[0]]).toEqual([-Infinity, Infinity, NaN]);
  });
});

describe('counting values', () => {
  it('gives what JavaScript gives, whatever the number of values, their distance and the width', () => {
    fc.assert(fc.property(fc.integer({ min: 512, max: 6000 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: -3, max: 103 }), fc.integer(), (length, stride, exponent, seed) => {
      const given = values(length, seed, 2 ** (11 - exponent));
      expect(counted(given, 2 ** exponent, stride, kernel)).toEqual(counted(given, 2 ** exponent, stride, null));
    }), { numRuns: 60 });
  });

  it.each([1, 5, 21])('goes over the pieces of a large tensor, every %i-th value', (stride) => {
    const given = values(2 * PIECE + 1001, 3);
    expect(counted(given, 1, stride, kernel)).toEqual(counted(given, 1, stride, null));
  });

  it('keeps values on edges, and just beside them, apart', () => {
    const edges = Array.from({ length: 2 * SIDE - 1 }, (_, b) => b - SIDE + 1);
    const given = Float32Array.from([...edges, ...edges.map((edge) => edge - 2 ** -14), -1e-45, -(2 ** -126)]);
    expect(counted(given, 1, 1, kernel)).toEqual(counted(given, 1, 1, null));
  });
});
