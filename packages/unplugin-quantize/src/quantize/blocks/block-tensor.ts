import type { Tensor } from '../../onnx/index.ts';
import type { BlockType } from './block-code.ts';
import { blockCount, type BlockLayout, type Packing } from './layout.ts';
import type { BlockTensor } from './quantize-blocks.ts';

/** The parts of a weight in blocks as tensors of the given dims; they are computed together, when the first of them is read. */
export interface BlockTensors {
  packed(dims: number[]): Tensor;
  scales(dims: number[]): Tensor;
  /** `rows` rows of whole bytes: two zero points of 4 bits a byte, the first in the low nibble, or one of 8 bits. */
  zeroPoints(rows: number): Tensor;
}

/** @param quantize gives all parts at once; called again when the packed levels are read a second time */
export function blockTensors(layout: BlockLayout, packing: Packing, quantize: () => BlockTensor): BlockTensors {
  let small: Omit<BlockTensor, 'packed'> | undefined;
  let waiting: Uint8Array | undefined;
  const compute = (): BlockTensor => (small = quantize()) as BlockTensor;
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
        // Written once, the levels are not needed again; scales and zero points are small and stay.
        waiting = undefined;
        smallParts();
        return [packed];
      },
    }),
    scales: (dims) => ({ dtype: 'float16', dims, byteLength: 2 * count, chunks: () => [new Uint8Array(smallParts().scales.buffer)] }),
    zeroPoints: (rows) => {
      const columns = zeroPointBytes(layout, count / rows);
      const pack = layout.bits === 8 ? (values: Uint8Array): Uint8Array => values : packNibbles;
      return { dtype: 'uint8', dims: [rows, columns], byteLength: rows * columns, chunks: () => [pack(smallParts().zeroPoints, rows)] };
    },
  };
}

/** Bytes of the zero points of one row of blocks. */
export function zeroPointBytes({ bits, symmetric }: BlockType, blocks: number): number {
  return symmetric ? 0 : Math.ceil((blocks * bits) / 8);
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
