import type { RatioEstimate } from '../types.ts';

/** The least number of pairs whose extremes are a 95 % interval of the median: 1 - 2 / 2^6 = 96.9 %. */
export const LEAST_PAIRS = 6;

/**
 * The median of artefact / source, pair by pair, with the interval between the order statistics that the true median lies between in at least
 * 95 % of cases, whatever the distribution (sign test). Noise that slows down both of a pair leaves its quotient as it is.
 *
 * @throws RangeError for fewer than six pairs
 */
export function ratioOf(source: readonly number[], artefact: readonly number[]): RatioEstimate {
  const ratios = artefact.map((value, i) => value / source[i]!).sort((a, b) => a - b);
  if (ratios.length < LEAST_PAIRS || source.length !== artefact.length) throw new RangeError(`${ratios.length} pairs tell no interval.`);
  const skipped = skippedAtEachEnd(ratios.length);
  return { ratio: medianOf(ratios), low: ratios[skipped]!, high: ratios.at(-1 - skipped)! };
}

/** The largest k with P(Binomial(n, 1/2) <= k - 1) <= 2.5 %: so many of the smallest and of the largest lie outside the interval. */
function skippedAtEachEnd(n: number): number {
  let [term, sum, k] = [2 ** -n, 0, 0];
  for (;;) {
    sum += term;
    if (sum > 0.025) return Math.max(0, k - 1);
    k++;
    term *= (n - k + 1) / k;
  }
}

/** Of unsorted values; the mean of the middle two where there is no middle one. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that at least the given share of all values does not exceed (nearest rank). */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
