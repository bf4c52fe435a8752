import { PIECE, PLANES, rangeKernel, type RangeKernel } from './kernel.ts';

/** What there is to know of runs of values: three arrays with an element for each. */
export interface PlaneFigures {
  /** NaN where a value is. */
  low: Float64Array;
  high: Float64Array;
  /** In float64, of four partial sums of every fourth value. */
  sum: Float64Array;
}

/**
 * Looks at planes of values that lie one after the other.
 *
 * @param inner values in a plane; a divisor of their number
 * @param by null for JavaScript: both add the same numbers in the same order
 */
export function planeFigures(values: Float32Array, inner: number, by: RangeKernel | null = rangeKernel()): PlaneFigures {
  const count = values.length / inner;
  const figures = { low: new Float64Array(count).fill(Infinity), high: new Float64Array(count).fill(-Infinity), sum: new Float64Array(count) };
  const summarize = by === null ? summarizePiece : kernelPiece(by);
  const step = Math.max(1, Math.min(PLANES, Math.floor(PIECE / inner)));
  for (let plane = 0; plane < count; plane += step) {
    const [start, planes] = [plane * inner, Math.min(step, count - plane)];
    for (let from = 0; from < inner; from += PIECE) {
      const piece = values.subarray(start + from, start + Math.min(planes * inner, from + PIECE));
      summarize(piece, plane, planes, figures);
      if (planes > 1) break;
    }
  }
  settle(values, inner, figures);
  return figures;
}

type SummarizePiece = (values: Float32Array, plane: number, planes: number, figures: PlaneFigures) => void;

function kernelPiece({ load, summarize, ends, sums }: RangeKernel): SummarizePiece {
  return (values, plane, planes, { low, high, sum }) => {
    load(values);
    summarize(values.length / planes, planes);
    for (let p = 0; p < planes; p++) {
      if (ends[4 * p]! < low[plane + p]!) low[plane + p] = ends[4 * p]!;
      if (ends[4 * p + 1]! > high[plane + p]!) high[plane + p] = ends[4 * p + 1]!;
      sum[plane + p]! += sums[2 * p + 1]!;
    }
  };
}

function summarizePiece(values: Float32Array, plane: number, planes: number, { low, high, sum }: PlaneFigures): void {
  const inner = values.length / planes;
  const sums = new Float64Array(4);
  for (let p = plane, i = 0; p < plane + planes; p++) {
    const end = i + inner;
    const whole = i + (inner & ~3);
    sums.fill(0);
    for (let chain = 0; i < end; i++, chain = i < whole ? (chain + 1) & 3 : 0) {
      const value = values[i]!;
      // A fifth of Math.min's time. Comparing passes over NaN: the sum tells of it, as no sum of float32 values is too large for a float64.
      if (value < low[p]!) low[p] = value;
      if (value > high[p]!) high[p] = value;
      sums[chain]! += value;
    }
    sum[p]! += sums[0]! + sums[2]! + (sums[1]! + sums[3]!);
  }
}

/** Which of two zeros was met first makes no difference; infinities of both signs make a sum NaN too, without any value that is. */
function settle(values: Float32Array, inner: number, { low, high, sum }: PlaneFigures): void {
  for (let p = 0; p < sum.length; p++) {
    low[p]! += 0;
    high[p]! += 0;
    if (!Number.isNaN(sum[p]) || !values.subarray(p * inner, (p + 1) * inner).some(Number.isNaN)) continue;
    low[p] = NaN;
    high[p] = NaN;
  }
}
