import { blockRange, flatBlock, halfScale, middleLevel, ROUNDER, takeLevels, topLevel, type BlockQuantizer, type BlockType } from './block-code.ts';

/** Ranges tried: from one level fewer than there are, in steps of a tenth, to almost one more. */
const EXCESSES = Array.from({ length: 20 }, (_, i) => i / 10 - 1);

/**
 * The k-quant of llama.cpp as onnxruntime.quantization has it (neural_compressor/weight_only.py, quant_tensor_k_quant_cpu). The error
 * of an element counts sqrt(mean(x x)) + |x|, so that large elements matter more. For each of 21 ranges the levels are fixed, and
 * scale and minimum are those of weighted least squares over them; the zero point is the level nearest to zero.
 *
 * Symmetric blocks have the middle as zero point; only the scale is fitted, over ranges in which the extreme value is around the lowest level.
 */
export function kQuantizer(type: BlockType): BlockQuantizer {
  const top = topLevel(type);
  const middle = middleLevel(type);
  const range = { min: 0, max: 0 };
  const best: Fit = { scale: 0, min: 0, error: 0 };
  let weights = new Float64Array(0);
  return (block, levels, code) => {
    blockRange(block, range);
    const extreme = -range.min > range.max ? range.min : range.max;
    if (extreme === 0 || !Number.isFinite(range.max - range.min)) return flatBlock(levels, code, extreme, middle);
    if (weights.length !== block.length) weights = new Float64Array(block.length);
    takeImportances(block, weights);
    if (type.symmetric) fitSymmetric(block, weights, extreme, middle, top, best);
    else fitRange(block, weights, range, top, best);
    code.scale = halfScale(best.scale);
    code.zeroPoint = type.symmetric ? middle : Math.min(top, Math.max(0, -best.min / best.scale + ROUNDER - ROUNDER));
    takeLevels(block, levels, code, top);
  };
}

interface Fit {
  scale: number;
  /** The value of level 0. */
  min: number;
  error: number;
}

function takeImportances(block: Float64Array, weights: Float64Array): void {
  let squares = 0;
  for (let i = 0; i < block.length; i++) squares += block[i]! * block[i]!;
  const mean = Math.sqrt(squares / block.length);
  for (let i = 0; i < block.length; i++) weights[i] = mean + Math.abs(block[i]!);
}

function fitRange(block: Float64Array, weights: Float64Array, { min, max }: { min: number; max: number }, top: number, best: Fit): void {
  const width = max - min;
  best.scale = width === 0 ? 1 : width / top;
  best.min = min;
  best.error = weightedError(block, weights, best.scale, 1 / best.scale, min, top);
  let [w, x] = [0, 0];
  for (let i = 0; i < block.length; i++) {
    w += weights[i]!;
    x += weights[i]! * block[i]!;
  }
  for (const excess of EXCESSES) {
    // The range begins at the best minimum so far, as it does there.
    const start = best.min;
    const inverse = start === max ? 1 : (top + excess) / (max - start);
    let [l, ll, xl, xx] = [0, 0, 0, 0];
    for (let i = 0; i < block.length; i++) {
      const level = clamp(inverse * (block[i]! - start) + ROUNDER - ROUNDER, 0, top);
      const weighted = weights[i]! * level;
      l += weighted;
      ll += weighted * level;
      xl += weighted * block[i]!;
      xx += weights[i]! * block[i]! * block[i]!;
    }
    const determinant = w * ll - l * l;
    const scale = (w * xl - x * l) / determinant;
    const low = (ll * x - l * xl) / determinant;
    // The weighted squared error of scale * level + low, with its squares multiplied out.
    const error = xx + scale * scale * ll + low * low * w + 2 * (scale * low * l - scale * xl - low * x);
    if (!(error < best.error) || scale <= 0) continue;
    Object.assign(best, { scale, min: low, error });
  }
}

function weightedError(block: Float64Array, weights: Float64Array, scale: number, inverse: number, min: number, top: number): number {
  let error = 0;
  for (let i = 0; i < block.length; i++) {
    const level = clamp(inverse * (block[i]! - min) + ROUNDER - ROUNDER, 0, top);
    error += weights[i]! * (scale * level + min - block[i]!) ** 2;
  }
  return error;
}

function fitSymmetric(block: Float64Array, weights: Float64Array, extreme: number, middle: number, top: number, best: Fit): void {
  best.error = Infinity;
  for (const excess of EXCESSES) {
    const inverse = -(middle + excess) / extreme;
    let [qq, xq] = [0, 0];
    for (let i = 0; i < block.length; i++) {
      const q = clamp(inverse * block[i]! + ROUNDER - ROUNDER, -middle, top - middle);
      qq += weights[i]! * q * q;
      xq += weights[i]! * q * block[i]!;
    }
    // The error without the term that all candidates share.
    const error = qq > 0 ? -(xq * xq) / qq : 0;
    if (error >= best.error) continue;
    Object.assign(best, { scale: qq > 0 ? xq / qq : 0, min: 0, error });
  }
}

function clamp(value: number, low: number, high: number): number {
  return value > high ? high : value < low ? low : value;
}
