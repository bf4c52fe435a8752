import { blockRange, flatBlock, halfScale, middleLevel, ROUNDER, takeLevels, topLevel, type BlockQuantizer, type BlockType } from './block-code.ts';

/** Constants of the authors' code: the norm's power, the penalty and its growth, the largest number of rounds. */
const POWER = 0.7;
const PENALTY = 10;
const GROWTH = 1.01;
const ROUNDS = 20;

/**
 * Half-Quadratic Quantization (Badri and Shaji, 2023): the error |x - dequantized| to the power 0.7 is made small, which lets few elements be
 * far off so that most are near. Rounds alternate between
 *
 *     e = shrink(x - scale (q - zero))                 the errors that are let be, sign(d) max(|d| - |d|^(0.7 - 1) / penalty, 0)
 *     zero, scale = those that fit x - e best          over fixed levels q
 *
 * and end when the mean absolute error no longer falls. The original moves a real zero point and keeps the scale; engines want
 * zero points that are levels, so here the zero point is rounded and the scale is fitted by least squares. The penalty
 * counts in units of the block's root mean square, so that it means the same for every tensor.
 */
export function hqqQuantizer(type: BlockType): BlockQuantizer {
  const top = topLevel(type);
  const middle = middleLevel(type);
  const range = { min: 0, max: 0 };
  const next = { scale: 0, zeroPoint: 0, error: 0 };
  return (block, levels, code) => {
    blockRange(block, range);
    const extreme = -range.min > range.max ? range.min : range.max;
    if (extreme === 0 || !Number.isFinite(range.max - range.min)) return flatBlock(levels, code, extreme, middle);
    const low = Math.min(range.min, 0);
    const width = Math.max(range.max, 0) - low;
    next.scale = type.symmetric ? extreme / -middle : width / top;
    next.zeroPoint = type.symmetric ? middle : Math.round(((0 - low) / width) * top);
    let best = Infinity;
    // shrink() of elements that are divided by r is shrink() with a penalty divided by r^(2 - power).
    let penalty = PENALTY / rootMeanSquare(block) ** (2 - POWER);
    for (let round = 0; round < ROUNDS; round++, penalty *= GROWTH) {
      const { scale, zeroPoint } = next;
      improve(block, type, penalty, top, next);
      if (!(next.error < best)) break;
      best = next.error;
      code.scale = scale;
      code.zeroPoint = zeroPoint;
    }
    code.scale = halfScale(code.scale);
    takeLevels(block, levels, code, top);
  };
}

function rootMeanSquare(block: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < block.length; i++) squares += block[i]! * block[i]!;
  return Math.sqrt(squares / block.length);
}

/** Measures the mean absolute error of a scale and zero point and replaces them by the next round's. */
function improve(block: Float64Array, { symmetric }: BlockType, penalty: number, top: number, code: { scale: number; zeroPoint: number; error: number }): void {
  const { scale, zeroPoint } = code;
  const inverse = 1 / scale;
  let [error, shift, xq, qq, q1, x1] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < block.length; i++) {
    const x = block[i]!;
    const level = Math.min(top, Math.max(0, x * inverse + ROUNDER - ROUNDER + zeroPoint));
    const q = level - zeroPoint;
    const distance = x - scale * q;
    const target = x - shrink(distance, penalty);
    error += Math.abs(distance);
    shift += level - target * inverse;
    xq += target * q;
    qq += q * q;
    q1 += q;
    x1 += target;
  }
  const moved = symmetric ? zeroPoint : Math.min(top, Math.max(0, Math.round(shift / block.length)));
  // Sums over q become sums over level - moved zero point.
  const by = zeroPoint - moved;
  const squares = qq + 2 * by * q1 + by * by * block.length;
  const fitted = squares > 0 ? (xq + by * x1) / squares : scale;
  code.error = error / block.length;
  code.scale = fitted === 0 ? scale : fitted;
  code.zeroPoint = moved;
}

/** The proximal operator of the power norm, in the approximation of the authors. */
function shrink(distance: number, penalty: number): number {
  const magnitude = Math.abs(distance);
  if (magnitude === 0) return 0;
  return Math.sign(distance) * Math.max(0, magnitude - magnitude ** (POWER - 1) / penalty);
}
