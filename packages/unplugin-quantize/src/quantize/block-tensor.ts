import { QuantizeError } from '../errors.ts';
import { float16Bits, type Tensor } from '../onnx/index.ts';
import { quantizeBlock4 } from './block-search.ts';
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
}

/** Where the block of four-bit numbers goes in the packed bytes. */
export interface Packing {
  byteLength: number;
  /** Writes levels of -8 to 7 of one block: `outer` and `inner` say which vector, `index` which block of it. */
  put(bytes: Uint8Array, levels: Int8Array, outer: number, index: number, inner: number): void;
  /** Position of a block's scale in the scales. */
  scaleAt(outer: number, index: number, inner: number): number;
}

export interface BlockTensor {
  /** uint8 bytes of the packing. */
  packed: Uint8Array;
  /** One float16 for each block. */
  scales: Uint16Array;
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
  const { length, inner, size } = layout;
  const result = { packed: new Uint8Array(packing.byteLength), scales: new Uint16Array(blockCount(layout)) };
  const block = new Float32Array(size);
  const levels = new Int8Array(size);
  // One panel holds the next block of each of `inner` neighbouring vectors.
  const panel = new Float32Array(size * inner);
  let [filled, outer, start] = [0, 0, 0];

  const flush = (): void => {
    const index = start / size;
    const rows = Math.min(size, length - start);
    for (let column = 0; column < inner; column++) {
      block.fill(0);
      for (let row = 0; row < rows; row++) block[row] = panel[row * inner + column]!;
      const scale = quantizeBlock4(block, levels);
      if (!Number.isFinite(scale)) throw unusable(name);
      result.scales[packing.scaleAt(outer, index, column)] = float16Bits(scale);
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

/** The packed numbers and scales of a weight as tensors; they are computed together, when the first of them is read. */
export function blockTensors(
  tensor: Tensor, layout: BlockLayout, packing: Packing, name: string,
): { packed: (dims: number[]) => Tensor; scales: (dims: number[]) => Tensor } {
  let scales: Uint16Array | undefined;
  let waiting: Uint8Array | undefined;
  const compute = (): BlockTensor => {
    const result = quantizeBlocks4(tensor, layout, packing, name);
    scales = result.scales;
    return result;
  };
  return {
    packed: (dims) => ({
      dtype: 'uint8',
      dims,
      byteLength: packing.byteLength,
      chunks: () => {
        const packed = waiting ?? compute().packed;
        // Written once, the numbers are not needed again; the scales are small and stay.
        waiting = undefined;
        return [packed];
      },
    }),
    scales: (dims) => ({
      dtype: 'float16',
      dims,
      byteLength: 2 * blockCount(layout),
      chunks: () => {
        if (scales === undefined) waiting = compute().packed;
        return [new Uint8Array(scales!.buffer)];
      },
    }),
  };
}
