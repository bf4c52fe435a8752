import { SIDE } from './bins.ts';
import type { Range, Seen } from './range.ts';

/** The share of values, in per cent, that the range holds; the rest is cut off in equal parts at both ends. */
export const PERCENTILE = 99.999;

/**
 * The range from the ((100 - p) / 2)th to the ((100 + p) / 2)th percentile, each taken at the outer edge of the bin that it falls into, and
 * never beyond the values that were seen.
 */
export function percentileRange({ histogram, extremes, counted }: Seen, percentile = PERCENTILE): Range {
  const { counts, width } = histogram;
  if (width === 0) return extremes;
  const cut = (counted * (100 - percentile)) / 200;
  let [low, high] = [0, counts.length - 1];
  for (let below = counts[low]!; below <= cut && low < high; below += counts[low]!) low++;
  for (let above = counts[high]!; above <= cut && high > low; above += counts[high]!) high--;
  return { min: Math.max(extremes.min, (low - SIDE) * width), max: Math.min(extremes.max, (high - SIDE + 1) * width) };
}
