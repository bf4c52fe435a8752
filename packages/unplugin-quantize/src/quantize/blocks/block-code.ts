import { float16Bits, halfToNumber } from '../../onnx/index.ts';

/** Added and subtracted, it rounds a float64 below 2^51 to the nearest integer, ties to even (3 x 2^51). */
export const ROUNDER = 6_755_399_441_055_744;

/** How the numbers of a block are stored. */
export interface BlockType {
  readonly bits: 4 | 8;
  /** Whether all zero points are the middle of the range, which operators take when none are given; else each block has its own. */
  readonly symmetric: boolean;
}

/** How the levels of a block are read: x is about scale * (level - zeroPoint). */
export interface BlockCode {
  /** 0 for a block of zeros; not finite for one that has NaN or an infinity. It is stored as float16. */
  scale: number;
  /** A level. */
  zeroPoint: number;
}

/**
 * Quantizes one block to levels from 0 to 2^bits - 1.
 *
 * @param block at least one element, all of them float32
 * @param levels receives the levels, at least as many as the block has elements
 * @param code receives how they are read
 */
export type BlockQuantizer = (block: Float64Array, levels: Uint8Array, code: BlockCode) => void;

/** An algorithm for a type; the quantizer has working memory of its own and is used by one caller at a time. */
export type MakeQuantizer = (type: BlockType) => BlockQuantizer;

export function topLevel({ bits }: BlockType): number {
  return 2 ** bits - 1;
}

/** The zero point of symmetric blocks. */
export function middleLevel({ bits }: BlockType): number {
  return 2 ** (bits - 1);
}

/** A block without a range: zeros get scale 0; NaN and infinities a scale that is no number. */
export function flatBlock(levels: Uint8Array, code: BlockCode, extreme: number, zeroPoint: number): void {
  levels.fill(zeroPoint);
  code.scale = extreme === 0 ? 0 : NaN;
  code.zeroPoint = zeroPoint;
}

/** A scale as it will be stored. */
export function halfScale(scale: number): number {
  return halfToNumber(float16Bits(scale));
}

/** Levels nearest to the elements of a block, ties to the even distance from the zero point. */
export function takeLevels(block: Float64Array, levels: Uint8Array, { scale, zeroPoint }: BlockCode, top: number): void {
  // A scale that float16 rounds to zero makes the block zero.
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < block.length; i++) {
    const level = block[i]! * inverse + ROUNDER - ROUNDER + zeroPoint;
    levels[i] = level > top ? top : level < 0 ? 0 : level;
  }
}

/** Smallest and largest element; both NaN where an element is. */
export function blockRange(block: Float64Array, range: { min: number; max: number }): void {
  let [min, max, sum] = [block[0]!, block[0]!, 0];
  for (let i = 0; i < block.length; i++) {
    const x = block[i]!;
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x;
  }
  // Only the sum shows a NaN: nothing is smaller or larger than it. Float32 elements cannot make it overflow.
  const isNumber = sum === sum;
  range.min = isNumber ? min : NaN;
  range.max = isNumber ? max : NaN;
}
