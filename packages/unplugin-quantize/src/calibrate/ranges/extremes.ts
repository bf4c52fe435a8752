import type { Range } from './range.ts';

/**
 * The smallest and the largest value. A NaN makes both NaN, so that one look at the result tells whether all values are finite.
 *
 * @returns an empty range, Infinity to -Infinity, for no values
 */
export function extremesOf(values: Float32Array): Range {
  const found = new Float64Array(3);
  summarize(values, 0, values.length, found);
  return { min: found[0]!, max: found[1]! };
}

/**
 * Looks at the values from `start` to before `end`.
 *
 * @param into gets the smallest, the largest, and the sum; all three are NaN where a value is
 */
export function summarize(values: Float32Array, start: number, end: number, into: Float64Array): void {
  // Two chains side by side: a processor starts the next step before the last one is done. Comparing takes a fifth of Math.min's time, but
  // does not see NaN: the sum tells of it, as no sum of float32 values is too large for a float64.
  const even = start + ((end - start) & ~1);
  let min0 = Infinity;
  let min1 = Infinity;
  let max0 = -Infinity;
  let max1 = -Infinity;
  let sum0 = 0;
  let sum1 = 0;
  for (let i = start; i < even; i += 2) {
    const a = values[i]!;
    const b = values[i + 1]!;
    if (a < min0) min0 = a;
    if (a > max0) max0 = a;
    sum0 += a;
    if (b < min1) min1 = b;
    if (b > max1) max1 = b;
    sum1 += b;
  }
  if (even < end) {
    const last = values[even]!;
    if (last < min0) min0 = last;
    if (last > max0) max0 = last;
    sum0 += last;
  }
  const sum = sum0 + sum1;
  // Infinities of both signs make a sum NaN too, without any value that is.
  const isNaN = sum !== sum && values.subarray(start, end).some(Number.isNaN);
  into[0] = isNaN ? NaN : min0 < min1 ? min0 : min1;
  into[1] = isNaN ? NaN : max0 > max1 ? max0 : max1;
  into[2] = sum;
}

/** The range that holds both. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The largest magnitude in a range. */
export function reach({ min, max }: Range): number {
  return Math.max(Math.abs(min), Math.abs(max));
}
