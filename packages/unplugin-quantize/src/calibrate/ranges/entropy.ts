import { sidesOf } from './histogram.ts';
import type { Range, Seen } from './range.ts';

/** Levels on each side of zero, as int8 has them. */
const LEVELS = 128;
/** Every so many-th range is tried first, and then those around the best: neighbours hardly differ. */
const STEP = 8;
/** Divergences that differ by less are equal: they are sums of thousands of roundings. */
const EQUAL = 1e-12;

/**
 * The range [-i width, i width] that loses least information, after TensorRT ("8-bit Inference with TensorRT", 2017): for i from
 * 128 bins to all, P is the histogram in which values beyond bin i count in the outermost bin that is not empty, and Q the histogram
 * without them, in 128 groups of bins on each side whose counts are spread evenly over those bins that are not empty; the i with the
 * smallest Kullback-Leibler divergence
 *
 *     sum over bins  p ln(p / q)      both divided by their sums
 *
 * is taken, the largest of equals; every eighth i is tried, then those around the best. Group g of i bins goes from ceil(g i / 128) on. The result is cut to the values that were seen, so
 * that a side without values takes none of the range.
 */
export function entropyRange({ histogram, extremes }: Seen): Range {
  const { width } = histogram;
  if (width === 0) return extremes;
  const { negative, positive } = sidesOf(histogram);
  const sides = [negative, positive].map(summed).filter(({ total }) => total > 0);
  const all = Math.max(...sides.map(({ used }) => used));
  let [best, least] = [all, Infinity];
  const search = (from: number, to: number, step: number): void => {
    for (let i = from; i >= to; i -= step) {
      const divergence = divergenceOf(sides, i, least);
      if (divergence < least - EQUAL) [best, least] = [i, divergence];
    }
  };
  search(all, LEVELS, STEP);
  search(Math.min(all, best + STEP - 1), Math.max(LEVELS, best - STEP + 1), 1);
  return { min: Math.max(extremes.min, -best * width), max: Math.min(extremes.max, best * width) };
}

/** A side's running sums up to, and without, each bin: a group of bins costs two look-ups then, however long it is. */
interface Side {
  counts: Float64Array;
  sums: Float64Array;
  filled: Float64Array;
  /** Of c ln c. */
  logs: Float64Array;
  /** The outermost of these bins that is not empty; -1 where there is none. */
  last: Int32Array;
  total: number;
  /** Bins up to the last that is not empty. */
  used: number;
}

function summed(counts: Float64Array): Side {
  const [sums, filled, logs] = [new Float64Array(counts.length + 1), new Float64Array(counts.length + 1), new Float64Array(counts.length + 1)];
  const last = new Int32Array(counts.length + 1).fill(-1);
  for (let b = 0; b < counts.length; b++) {
    const count = counts[b]!;
    sums[b + 1] = sums[b]! + count;
    filled[b + 1] = filled[b]! + (count > 0 ? 1 : 0);
    logs[b + 1] = logs[b]! + timesLog(count);
    last[b + 1] = count > 0 ? b : last[b]!;
  }
  return { counts, sums, filled, logs, last, total: sums[counts.length]!, used: last[counts.length]! + 1 };
}

/**
 * sum p ln(p / q) with p divided by P and q by Q is (sum p ln p - sum p ln q) / P + ln(Q / P).
 *
 * @param enough a result that is larger may be Infinity
 */
function divergenceOf(sides: readonly Side[], i: number, enough: number): number {
  let [total, inside] = [0, 0];
  for (const side of sides) {
    total += side.total;
    inside += side.sums[i]!;
  }
  if (inside === 0) return Infinity;
  const lost = Math.log(inside / total);
  let sum = 0;
  for (const side of sides) sum += sideDivergence(side, i, (enough - lost) * total - sum);
  return sum / total + lost;
}

/** Of one side sum p ln p - sum p ln q; infinite when all its values lie outside, and when it is more than enough: no group takes anything off. */
function sideDivergence({ counts, sums, filled, logs, last, total }: Side, i: number, enough: number): number {
  let sum = 0;
  let groupCount = 1;
  let groupBins = 1;
  for (let g = 0, from = 0; g < LEVELS; g++) {
    const to = Math.ceil(((g + 1) * i) / LEVELS);
    const count = sums[to]! - sums[from]!;
    if (count > 0) {
      groupCount = count;
      groupBins = filled[to]! - filled[from]!;
      // Nothing is spread where one bin has all.
      if (groupBins > 1) sum += logs[to]! - logs[from]! - count * Math.log(count / groupBins);
      if (sum > enough) return Infinity;
    }
    from = to;
  }
  const outside = total - sums[i]!;
  if (outside === 0) return sum;
  if (last[i]! < 0) return Infinity;
  // The group of the outermost bin that is not empty is the last that was met.
  const edge = counts[last[i]!]!;
  return sum + timesLog(edge + outside) - timesLog(edge) - outside * Math.log(groupCount / groupBins);
}

function timesLog(count: number): number {
  return count === 0 ? 0 : count * Math.log(count);
}
