import { SIDE } from './bins.ts';
import { PIECE, rangeKernel, type RangeKernel } from './kernel.ts';

/** Where float32 multiplies as exactly as float64: nothing overflows, and nothing that is not zero becomes zero. */
const EXACT = { from: 1, to: 2 ** 100 };
/** Fewer do not make up for the tables being emptied. */
const ENOUGH = 512;

/**
 * Counts every `stride`-th value as `stride` in bin SIDE + floor(value inverse).
 *
 * @param inverse a power of two, with which all values come into the bins
 * @param by null for JavaScript
 */
export function countValues(counts: Float64Array, values: Float32Array, inverse: number, stride: number, by: RangeKernel | null = rangeKernel()): void {
  if (by !== null && inverse >= EXACT.from && inverse <= EXACT.to && values.length >= ENOUGH * stride) countByKernel(counts, values, inverse, stride, by);
  else for (let i = 0; i < values.length; i += stride) counts[Math.floor(values[i]! * inverse) + SIDE]! += stride;
}

function countByKernel(counts: Float64Array, values: Float32Array, inverse: number, stride: number, { load, tally, tables: [a, b] }: RangeKernel): void {
  let next = 0;
  for (let start = 0; start < values.length; start += PIECE) {
    const end = Math.min(values.length, start + PIECE);
    const turns = Math.floor(Math.ceil((end - next) / stride) / 4);
    if (turns > 0) {
      load(values.subarray(start, end));
      tally(next - start, stride, inverse, turns);
      next += 4 * turns * stride;
    }
    for (; next < end; next += stride) counts[Math.floor(values[next]! * inverse) + SIDE]! += stride;
  }
  for (let bin = 0; bin < counts.length; bin++) counts[bin]! += stride * (a[bin]! + b[bin]!);
  a.fill(0);
  b.fill(0);
}
