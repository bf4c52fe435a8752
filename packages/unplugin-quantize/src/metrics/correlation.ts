import { pairsOf, type Values } from './values.ts';

/**
 * Spearman's rank correlation, -1 to 1: Pearson's of the ranks, equal values sharing the mean of theirs. 0 where one of the lists is constant,
 * which correlates with nothing.
 *
 * @throws QuantizeError SAMPLES_INVALID for lists of different lengths, and for empty ones
 */
export function spearman(found: Values, expected: Values): number {
  pairsOf('spearman', found, expected);
  return pearson(ranksOf(found), ranksOf(expected));
}

/**
 * Pearson's correlation, -1 to 1; 0 where one of the lists is constant.
 *
 * @throws QuantizeError SAMPLES_INVALID
 */
export function pearson(found: Values, expected: Values): number {
  const count = pairsOf('pearson', found, expected);
  const [meanA, meanB] = [meanOf(found), meanOf(expected)];
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [a, b] = [Number(found[i]) - meanA, Number(expected[i]) - meanB];
    aa += a * a;
    bb += b * b;
    ab += a * b;
  }
  return aa === 0 || bb === 0 ? 0 : Math.min(1, Math.max(-1, ab / (Math.sqrt(aa) * Math.sqrt(bb))));
}

function meanOf(values: Values): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Number(values[i]);
  return sum / values.length;
}

/** Ranks from 1; equal values share the mean of theirs. A NaN comes last and stays NaN. */
function ranksOf(values: Values): Float64Array {
  const numbers = Float64Array.from(values, Number);
  const order = Array.from(numbers.keys()).sort((a, b) => numbers[a]! - numbers[b]!);
  const ranks = new Float64Array(numbers.length);
  for (let first = 0; first < order.length;) {
    let last = first;
    while (last + 1 < order.length && numbers[order[last + 1]!] === numbers[order[first]!]) last++;
    for (let i = first; i <= last; i++) ranks[order[i]!] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return numbers.some(Number.isNaN) ? ranks.fill(Number.NaN) : ranks;
}
