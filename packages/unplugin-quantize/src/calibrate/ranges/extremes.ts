import { planeFigures } from './planes.ts';
import type { Range } from './range.ts';

/**
 * The smallest and the largest value. A NaN makes both NaN, so that one look at the result tells whether all values are finite.
 *
 * @returns an empty range, Infinity to -Infinity, for no values
 */
export function extremesOf(values: Float32Array): Range {
  if (values.length === 0) return { min: Infinity, max: -Infinity };
  const { low, high } = planeFigures(values, values.length);
  return { min: low[0]!, max: high[0]! };
}

/** The range that holds both. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The largest magnitude in a range. */
export function reach({ min, max }: Range): number {
  return Math.max(Math.abs(min), Math.abs(max));
}
