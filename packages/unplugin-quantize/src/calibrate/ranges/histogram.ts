import { SIDE } from './bins.ts';
import { countValues } from './count-values.ts';

/**
 * How many values fell where. Bin b counts those in [(b - SIDE) width, (b - SIDE + 1) width).
 *
 * The width is a power of two and only grows, by doubling, in which pairs of bins become one. Edges are exact and those of a wider
 * histogram are among those of a finer one: so no earlier sample has to run again, and the order of the samples makes no difference.
 */
export interface Histogram {
  counts: Float64Array;
  /** 0 as long as no value other than zero was seen. */
  width: number;
  /** Values that were zero while the width was not known. */
  zeros: number;
}

export function emptyHistogram(): Histogram {
  return { counts: new Float64Array(2 * SIDE), width: 0, zeros: 0 };
}

/**
 * Counts finite values.
 *
 * @param reach the largest magnitude among them
 * @param stride counts every so many-th value, as so many
 */
export function addToHistogram(histogram: Histogram, values: Float32Array, reach: number, stride = 1): void {
  if (reach === 0 && histogram.width === 0) {
    histogram.zeros += Math.ceil(values.length / stride) * stride;
    return;
  }
  widen(histogram, reach);
  countValues(histogram.counts, values, 1 / histogram.width, stride);
}

function widen(histogram: Histogram, reach: number): void {
  if (histogram.width === 0) {
    histogram.width = startWidth(reach);
    histogram.counts[SIDE]! += histogram.zeros;
    histogram.zeros = 0;
  }
  while (reach >= SIDE * histogram.width) {
    mergePairs(histogram.counts);
    histogram.width *= 2;
  }
}

/** The smallest power of two of which SIDE bins hold the value. */
function startWidth(reach: number): number {
  let width = 2 ** Math.floor(Math.log2(reach) - Math.log2(SIDE));
  while (reach >= SIDE * width) width *= 2;
  while (reach < (SIDE * width) / 2) width /= 2;
  return width;
}

/** Bins 2b and 2b + 1, counted from zero, become bin b. */
function mergePairs(counts: Float64Array): void {
  const old = counts.slice();
  counts.fill(0);
  for (let b = -SIDE; b < SIDE; b++) counts[SIDE + Math.floor(b / 2)]! += old[SIDE + b]!;
}

/**
 * The counts by distance from zero, one array for each side: element m counts magnitudes from m to m + 1 widths. The bin that holds zero
 * counts as many as its neighbour: most of its values are zeros of a Relu, of which every range keeps an exact image.
 */
export function sidesOf({ counts }: Histogram): { negative: Float64Array; positive: Float64Array } {
  const positive = counts.slice(SIDE);
  const negative = counts.slice(0, SIDE).reverse();
  positive[0] = Math.min(positive[0]!, positive[1]!);
  return { negative, positive };
}
