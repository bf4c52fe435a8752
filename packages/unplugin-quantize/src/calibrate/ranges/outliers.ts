import { reach } from './extremes.ts';
import { percentileRange } from './percentile.ts';
import type { Seen } from './range.ts';

/** The share of values, in per cent, that an ordinary range is measured by. */
const ORDINARY = 99.99;
/** How many times further than those a value has to reach to be called an outlier: by then they have 32 of 256 levels. */
const FACTOR = 8;
/** Fewer values do not tell what is ordinary. */
const ENOUGH = 100_000;

/** How far all but a few values reach, where those few take most of the range from all others; undefined otherwise. */
export function ordinaryReach(seen: Seen): number | undefined {
  if (seen.values < ENOUGH) return undefined;
  const ordinary = reach(percentileRange(seen, ORDINARY));
  return isFarFrom(ordinary, reach(seen.extremes)) ? ordinary : undefined;
}

/** Whether values that reach so far leave too few levels to ordinary ones. */
export function isFarFrom(ordinary: number, furthest: number): boolean {
  return furthest > FACTOR * ordinary;
}
