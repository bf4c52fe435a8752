import { QuantizeError } from '../errors.ts';
import { float16Bits, type Tensor } from '../onnx/index.ts';
import { MIDDLE, quantizeBlock4 } from './block-search.ts';
import { float32Chunks } from './float-chunks.ts';

/**
 * A weight seen as [outer, length, inner] with blocks along `length`: a MatMul's [K, N] is [1, K, N], an embedding's
 * [rows, columns] is [rows, columns, 1].
 */
export interface BlockLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly size: number;
  /** Whether blocks have zero points of their own; else it is 8 for all. */
  readonly asymmetric: boolean;
}

/** Where the block of four-bit numbers goes in the packed bytes. */
export interface Packing {
  byteLength: number;
  /** Writes levels of 0 to 15 of one block: `outer` and `inner` say which vector, `index` which block of it. */
  put(bytes: Uint8Array, levels: Uint8Array, outer: number, index: number, inner: number): void;
  /** Position of a block's scale and zero point in theirs. */
  scaleAt(outer: number, index: number, inner: number): number;
}

export interface BlockTensor {
  /** uint8 bytes of the packing. */
  packed: Uint8Array;
  /** One float16 for each block. */
  scales: Uint16Array;
  /** One number from 0 to 15 for each block; empty for symmetric blocks. */
  zeroPoints: Uint8Array;
}

export function blockCount({ outer, length, inner, size }: BlockLayout): number {
  return outer * Math.ceil(length / size) * inner;
}

/**
 * Quantizes all blocks of a float32 tensor, which is read once and in pieces. The last block of a vector is filled up with zeros.
 *
 * @throws QuantizeError MODEL_INVALID when a block has NaN, an infinity, or needs a scale beyond float16
 */
export function quantizeBlocks4(tensor: Tensor, layout: BlockLayout, packing: Packing, name: string): BlockTensor {
  const { length, inner, size, asymmetric } = layout;
  const count = blockCount(layout);
  const result: BlockTensor = {
    packed: new Uint8Array(packing.byteLength),
    scales: new Uint16Array(count),
    zeroPoints: new Uint8Array(asymmetric ? count : 0).fill(MIDDLE),
  };
  const block = new Float32Array(size);
  const levels = new Uint8Array(size);
  // One panel holds the next block of each of `inner` neighbouring vectors.
  const panel = new Float32Array(size * inner);
  let [filled, outer, start] = [0, 0, 0];

  const flush = (): void => {
    const index = start / size;
    const rows = Math.min(size, length - start);
    for (let column = 0; column < inner; column++) {
      block.fill(0);
      for (let row = 0; row < rows; row++) block[row] = panel[row * inner + column]!;
      const { scale, zeroPoint } = quantizeBlock4(block, levels, asymmetric);
      if (!Number.isFinite(scale)) throw unusable(name);
      const at = packing.scaleAt(outer, index, column);
      result.scales[at] = float16Bits(scale);
      if (asymmetric) result.zeroPoints[at] = zeroPoint;
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

function unusable(name: string): QuantizeError {
  return new QuantizeError('MODEL_INVALID', 'A weight has elements that are NaN, infinite or beyond 500,000 and cannot be quantized to 4 bits.', {
    node: name,
    hint: 'Exclude it by name, or export the model again if its training diverged.',
  });
}

/** The parts of a weight in blocks as tensors of the given dims; they are computed together, when the first of them is read. */
export interface BlockTensors {
  packed(dims: number[]): Tensor;
  scales(dims: number[]): Tensor;
  /** Two zero points a byte, the first in the low nibble; `rows` rows of whole bytes. */
  zeroPoints(rows: number): Tensor;
}

export function blockTensors(tensor: Tensor, layout: BlockLayout, packing: Packing, name: string): BlockTensors {
  let small: Omit<BlockTensor, 'packed'> | undefined;
  let waiting: Uint8Array | undefined;
  const compute = (): BlockTensor => (small = quantizeBlocks4(tensor, layout, packing, name)) as BlockTensor;
  const smallParts = (): Omit<BlockTensor, 'packed'> => {
    if (small === undefined) waiting = compute().packed;
    const { scales, zeroPoints } = small!;
    return (small = { scales, zeroPoints });
  };
  const count = blockCount(layout);
  return {
    packed: (dims) => ({
      dtype: 'uint8',
      dims,
      byteLength: packing.byteLength,
      chunks: () => {
        const packed = waiting ?? compute().packed;
        // Written once, the numbers are not needed again; scales and zero points are small and stay.
        waiting = undefined;
        smallParts();
        return [packed];
      },
    }),
    scales: (dims) => ({ dtype: 'float16', dims, byteLength: 2 * count, chunks: () => [new Uint8Array(smallParts().scales.buffer)] }),
    zeroPoints: (rows) => {
      const bytes = Math.ceil(count / rows / 2);
      return { dtype: 'uint8', dims: [rows, bytes], byteLength: rows * bytes, chunks: () => [packNibbles(smallParts().zeroPoints, rows)] };
    },
  };
}

function packNibbles(values: Uint8Array, rows: number): Uint8Array {
  const columns = values.length / rows;
  const bytes = new Uint8Array(rows * Math.ceil(columns / 2));
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += 2, at++) {
      const high = column + 1 < columns ? values[row * columns + column + 1]! : 0;
      bytes[at] = values[row * columns + column]! | (high << 4);
    }
  }
  return bytes;
}
