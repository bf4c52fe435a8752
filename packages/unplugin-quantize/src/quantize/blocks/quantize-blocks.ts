import { QuantizeError } from '../../errors.ts';
import { float16Bits, type Tensor } from '../../onnx/index.ts';
import { float32Chunks } from '../float-chunks.ts';
import { middleLevel, type BlockCode, type BlockQuantizer } from './block-code.ts';
import { blockCount, type BlockLayout, type Packing } from './layout.ts';

export interface BlockTensor {
  /** Bytes of the packing. */
  packed: Uint8Array;
  /** One float16 for each block. */
  scales: Uint16Array;
  /** One level for each block; empty for symmetric blocks. */
  zeroPoints: Uint8Array;
}

/**
 * Quantizes all blocks of a float32 tensor, which is read once and in pieces. The last block of a vector is filled up with zeros.
 *
 * @throws QuantizeError MODEL_INVALID when a block has NaN, an infinity, or needs a scale beyond float16
 */
export function quantizeBlocks(tensor: Tensor, layout: BlockLayout, packing: Packing, quantizeBlock: BlockQuantizer, name: string): BlockTensor {
  const { length, inner, size, symmetric } = layout;
  const count = blockCount(layout);
  const result: BlockTensor = {
    packed: new Uint8Array(packing.byteLength),
    scales: new Uint16Array(count),
    zeroPoints: new Uint8Array(symmetric ? 0 : count).fill(middleLevel(layout)),
  };
  const levels = new Uint8Array(size);
  const code: BlockCode = { scale: 0, zeroPoint: 0 };
  const whole = new Float64Array(Math.min(size, length));
  // One panel holds the next block of each of `inner` neighbouring vectors.
  const panel = new Float32Array(whole.length * inner);
  let [filled, outer, start] = [0, 0, 0];

  const flush = (): void => {
    const index = start / size;
    const rows = Math.min(size, length - start);
    const block = rows === whole.length ? whole : whole.subarray(0, rows);
    for (let column = 0; column < inner; column++) {
      for (let row = 0, at = column; row < rows; row++, at += inner) block[row] = panel[at]!;
      quantizeBlock(block, levels, code);
      const scale = float16Bits(code.scale);
      if (!isFiniteHalf(scale)) throw unusable(name);
      levels.fill(code.zeroPoint, rows);
      const at = packing.scaleAt(outer, index, column);
      result.scales[at] = scale;
      if (!symmetric) result.zeroPoints[at] = code.zeroPoint;
      packing.put(result.packed, levels, outer, index, column);
    }
    start += rows;
    if (start === length) [outer, start] = [outer + 1, 0];
    filled = 0;
  };

  for (const values of float32Chunks(tensor)) {
    for (let taken = 0; taken < values.length;) {
      const wanted = Math.min(size, length - start) * inner - filled;
      const piece = values.subarray(taken, Math.min(values.length, taken + wanted));
      panel.set(piece, filled);
      filled += piece.length;
      taken += piece.length;
      if (piece.length === wanted) flush();
    }
  }
  return result;
}

export function isFiniteHalf(bits: number): boolean {
  return (bits & 0x7c00) !== 0x7c00;
}

export function unusable(name: string): QuantizeError {
  return new QuantizeError('MODEL_INVALID', 'A weight has elements that are NaN, infinite or beyond 500,000 and cannot be quantized in blocks.', {
    node: name,
    hint: 'Exclude it by name, or export the model again if its training diverged.',
  });
}
