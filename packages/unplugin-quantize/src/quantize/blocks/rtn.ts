import { blockRange, flatBlock, middleLevel, topLevel, type BlockQuantizer, type BlockType } from './block-code.ts';

/**
 * Rounds to nearest as onnxruntime's MatMulNBits quantizer does, in float32 (onnxruntime, core/mlas/lib/q4_dq.cpp).
 *
 * Symmetric: scale = extreme value / -middle, so that the largest magnitude lands on level 0, whatever its sign.
 * Asymmetric: scale = (max(x, 0) - min(x, 0)) / (2^bits - 1), zero point = round(-min / scale).
 * Levels are round(x * (1 / scale) + zero point), ties away from zero.
 */
export function rtnQuantizer(type: BlockType): BlockQuantizer {
  const { fround } = Math;
  const top = topLevel(type);
  const middle = middleLevel(type);
  const range = { min: 0, max: 0 };
  return (block, levels, code) => {
    blockRange(block, range);
    const { min, max } = range;
    const extreme = Math.abs(max) > Math.abs(min) ? max : min;
    if (extreme === 0 || !Number.isFinite(max - min)) return flatBlock(levels, code, extreme, type.symmetric ? middle : 0);
    const low = Math.min(min, 0);
    const scale = type.symmetric ? fround(extreme / -middle) : fround(fround(Math.max(max, 0) - low) / top);
    const zeroPoint = type.symmetric ? middle : scale === 0 ? 0 : roundAway(Math.min(top, fround(-low / scale)));
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    for (let i = 0; i < block.length; i++) {
      const level = roundAway(fround(fround(block[i]! * inverse) + zeroPoint));
      levels[i] = level > top ? top : level < 0 ? 0 : level;
    }
    code.scale = scale;
    code.zeroPoint = zeroPoint;
  };
}

/** C's roundf: to the nearest integer, ties away from zero. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}
