import { float16Bits, halfToNumber } from '../onnx/index.ts';

/** Added and subtracted, it rounds to the nearest integer, ties to even (3 x 2^51). */
const ROUNDER = 6_755_399_441_055_744;
/** Symmetric candidates: the extreme value lands on 8 + step / 10 levels from zero. */
const STEPS = [0, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 6, 8, 10, 13, 16];
/** Asymmetric candidates: shares of the range from smallest to largest value that the 16 levels cover, and shifts of the zero point. */
const SHARES = [1, 1.05, 0.95, 0.9, 0.86, 0.82, 0.77];
const SHIFTS = [0, -1, 1];
/** The zero point of symmetric blocks, which operators take when none is given. */
export const MIDDLE = 8;

/** How the levels of a block are read: x is about scale * (level - zeroPoint). */
export interface BlockCode {
  /** A number that float16 holds; 0 for a block of zeros. */
  scale: number;
  /** 0 to 15. */
  zeroPoint: number;
}

/**
 * Quantizes one block to levels from 0 to 15.
 *
 * Several ranges are tried. For each, the levels are fixed first and the scale is the one of least squares over them, with
 * q = level - zero point: scale = sum(x q) / sum(q q), whose squared error is sum(x x) - sum(x q)^2 / sum(q q), so that a candidate needs
 * one pass. Symmetric candidates put the extreme value on level 0, so that its sign moves into the scale; asymmetric ones cover
 * the range from the smallest to the largest value. The best scale is rounded to float16, in which it is stored, and the levels
 * are taken anew with it.
 *
 * @param levels receives the levels
 */
export function quantizeBlock4(block: Float32Array, levels: Uint8Array, asymmetric: boolean): BlockCode {
  const { min, max } = range(block);
  const extreme = -min > max ? min : max;
  if (extreme === 0) {
    levels.fill(MIDDLE);
    return { scale: 0, zeroPoint: MIDDLE };
  }
  const best = { gain: -1, scale: 0, zeroPoint: MIDDLE };
  for (const step of STEPS) tryCode(block, -(8 + step / 10) / extreme, MIDDLE, best);
  if (asymmetric) {
    for (const share of SHARES) {
      const inverse = 15 / ((Math.max(max, 0) - Math.min(min, 0)) * share);
      const zeroPoint = Math.round(-Math.min(min, 0) * share * inverse);
      for (const shift of SHIFTS) if (zeroPoint + shift >= 0 && zeroPoint + shift <= 15) tryCode(block, inverse, zeroPoint + shift, best);
    }
  }
  const scale = halfToNumber(float16Bits(best.scale));
  takeLevels(block, levels, scale, best.zeroPoint);
  return { scale, zeroPoint: best.zeroPoint };
}

function tryCode(block: Float32Array, inverse: number, zeroPoint: number, best: BlockCode & { gain: number }): void {
  const low = -zeroPoint;
  const high = 15 - zeroPoint;
  let xq = 0;
  let qq = 0;
  for (let i = 0; i < block.length; i++) {
    const x = block[i]!;
    let q = x * inverse + ROUNDER - ROUNDER;
    if (q > high) q = high;
    else if (q < low) q = low;
    xq += x * q;
    qq += q * q;
  }
  const gain = qq > 0 ? (xq * xq) / qq : 0;
  if (gain <= best.gain) return;
  best.gain = gain;
  best.scale = qq > 0 ? xq / qq : 0;
  best.zeroPoint = zeroPoint;
}

function takeLevels(block: Float32Array, levels: Uint8Array, scale: number, zeroPoint: number): void {
  for (let i = 0; i < block.length; i++) {
    // A scale below the range of float16 is zero, and so is the block.
    const level = (scale === 0 ? 0 : block[i]! / scale + ROUNDER - ROUNDER) + zeroPoint;
    levels[i] = level > 15 ? 15 : level < 0 ? 0 : level;
  }
}

function range(block: Float32Array): { min: number; max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (const x of block) {
    // Nothing is smaller or larger than NaN, so a NaN stays and is found in the scale.
    if (x < min || Number.isNaN(x)) min = x;
    if (x > max || Number.isNaN(x)) max = x;
  }
  return { min, max };
}
