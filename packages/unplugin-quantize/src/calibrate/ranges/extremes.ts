import type { Range } from './range.ts';

/**
 * The smallest and the largest value. A NaN makes both NaN, so that one look at the result tells whether all values are finite.
 *
 * @returns an empty range, Infinity to -Infinity, for no values
 */
export function extremesOf(values: Float32Array): Range {
  // Four chains side by side: a processor starts the next minimum before the last one is there. Math.min passes NaN on, `<` would not.
  const whole = values.length & ~3;
  let [min0, min1, min2, min3] = [Infinity, Infinity, Infinity, Infinity];
  let [max0, max1, max2, max3] = [-Infinity, -Infinity, -Infinity, -Infinity];
  for (let i = 0; i < whole; i += 4) {
    const [a, b, c, d] = [values[i]!, values[i + 1]!, values[i + 2]!, values[i + 3]!];
    min0 = Math.min(min0, a);
    min1 = Math.min(min1, b);
    min2 = Math.min(min2, c);
    min3 = Math.min(min3, d);
    max0 = Math.max(max0, a);
    max1 = Math.max(max1, b);
    max2 = Math.max(max2, c);
    max3 = Math.max(max3, d);
  }
  for (let i = whole; i < values.length; i++) {
    min0 = Math.min(min0, values[i]!);
    max0 = Math.max(max0, values[i]!);
  }
  return { min: Math.min(min0, min1, min2, min3), max: Math.max(max0, max1, max2, max3) };
}

/** The range that holds both. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The largest magnitude in a range. */
export function reach({ min, max }: Range): number {
  return Math.max(Math.abs(min), Math.abs(max));
}
