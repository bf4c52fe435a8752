import { float16Bits, halfToNumber } from '../onnx/index.ts';

/** Added and subtracted, it rounds to the nearest integer, ties to even (3 x 2^51). */
const ROUNDER = 6_755_399_441_055_744;
/** Scales that are tried for a block: the extreme value lands on 8 + step / 10 levels. */
const STEPS = [0, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 6, 8, 10, 13, 16];

/**
 * Quantizes one block to four bits, symmetric around zero: x is about scale * q with q from -8 to 7.
 *
 * The extreme value is put on level -8 (its sign moves into the scale), and clipping ranges around that are tried. For each, the
 * integers are fixed first and the scale is the one of least squares, sum(x q) / sum(q q), so that the squared error of a
 * candidate is sum(x x) - sum(x q)^2 / sum(q q) and needs no second pass. The best scale is rounded to float16, in which it is
 * stored, and the integers are taken anew with it.
 *
 * @param block the values, in full
 * @param q receives the integers
 * @returns the scale, a number that float16 holds; 0 for a block of zeros
 */
export function quantizeBlock4(block: Float32Array, q: Int8Array): number {
  const extreme = extremeValue(block);
  if (extreme === 0) {
    q.fill(0);
    return 0;
  }
  let best = 0;
  let bestGain = -1;
  for (const step of STEPS) {
    const inverse = -(8 + step / 10) / extreme;
    let xq = 0;
    let qq = 0;
    for (let i = 0; i < block.length; i++) {
      const x = block[i]!;
      let level = x * inverse + ROUNDER - ROUNDER;
      if (level > 7) level = 7;
      else if (level < -8) level = -8;
      xq += x * level;
      qq += level * level;
    }
    // Below the range of float16 all levels can round to zero.
    const gain = qq > 0 ? (xq * xq) / qq : 0;
    if (gain > bestGain) {
      bestGain = gain;
      best = qq > 0 ? xq / qq : 0;
    }
  }
  return takeLevels(block, q, halfToNumber(float16Bits(best)));
}

function takeLevels(block: Float32Array, q: Int8Array, scale: number): number {
  for (let i = 0; i < block.length; i++) {
    const level = scale === 0 ? 0 : block[i]! / scale + ROUNDER - ROUNDER;
    q[i] = level > 7 ? 7 : level < -8 ? -8 : level;
  }
  return scale;
}

/** The value of largest magnitude, with its sign; the first of equals. */
function extremeValue(block: Float32Array): number {
  let extreme = 0;
  for (const x of block) if (Math.abs(x) > Math.abs(extreme) || Number.isNaN(x)) extreme = x;
  return extreme;
}
