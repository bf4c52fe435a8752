import { tensorProto, type TensorProto } from '../onnx/index.ts';
import { zeroPointBytes } from './blocks/block-tensor.ts';
import { blockBytes, type BlockLayout, type Packing } from './blocks/layout.ts';
import type { Context, Weight } from './context.ts';
import { weightBlocks } from './weight-blocks.ts';

/** How a weight of N rows with K elements each is packed: N columns of a product's matrix, or N rows of an embedding. */
export interface RowLayout {
  N: number;
  K: number;
  bits: 4 | 8;
  /** Elements of a block. */
  size: number;
  symmetric: boolean;
  /** Whether rows are contiguous in the source; else they are its columns. */
  byRows: boolean;
  /** Whether a Gather reads it, which wants K to be whole blocks and the bytes in two dimensions. */
  gathered: boolean;
}

/** The initializers that stand for one weight, and the value that a cast makes of its scales. */
export interface PackedWeight extends RowLayout {
  /** uint8 [N, blocks, block bytes], or [N, K bits / 8] where a Gather reads it. */
  values: string;
  /** uint8 [N, blocks bits / 8], empty for symmetric blocks. */
  zeroPoints: string;
  /** float16 [N, blocks]. */
  halves: string;
  /** float32 [N, blocks]. */
  scales: string;
}

/** Initializers for a weight, computed when they are written. */
export function packWeight(context: Context, weight: Weight, rows: RowLayout): { packed: PackedWeight; tensors: TensorProto[]; blocks: BlockLayout; bytes: number } {
  const { model, names } = context;
  const { proto } = weight;
  const { N, K, bits, size, symmetric, byRows, gathered } = rows;
  const layout: BlockLayout = { ...(byRows ? { outer: N, length: K, inner: 1 } : { outer: 1, length: K, inner: N }), size, bits, symmetric };
  const blocks = blocksOf(rows);
  const data = weightBlocks(context, weight, layout, rowPacking(rows));
  const named = (suffix: string): string => names.fresh(`${proto.name}_${suffix}`);
  const values = tensorProto(model, named('q'), data.packed(gathered ? [N, (K * bits) / 8] : [N, blocks, blockBytes(rows)]));
  const scales = tensorProto(model, named('s'), data.scales([N, blocks]));
  const zeroPoints = symmetric ? [] : [tensorProto(model, named('z'), data.zeroPoints(N))];
  return {
    packed: { ...rows, values: values.name, zeroPoints: zeroPoints[0]?.name ?? '', halves: scales.name, scales: named('f') },
    tensors: [values, scales, ...zeroPoints],
    blocks: layout,
    bytes: N * rowBytes(rows),
  };
}

/** Bytes of levels, scales and zero points of one row. */
export function rowBytes(rows: Pick<RowLayout, 'K' | 'size' | 'bits' | 'symmetric'>): number {
  const blocks = blocksOf(rows);
  return blocks * (blockBytes(rows) + 2) + zeroPointBytes(rows, blocks);
}

export function blocksOf({ K, size }: Pick<RowLayout, 'K' | 'size'>): number {
  return Math.ceil(K / size);
}

/** Blocks of a row follow one another; of two 4-bit levels the first is in the low half of a byte. A row is `outer` where rows are contiguous in the source, else `inner`. */
function rowPacking(rows: RowLayout): Packing {
  const bytesOfBlock = blockBytes(rows);
  const blocks = blocksOf(rows);
  const at = (outer: number, index: number, inner: number): number => (rows.byRows ? outer : inner) * blocks + index;
  return {
    byteLength: rows.N * blocks * bytesOfBlock,
    put(bytes, levels, outer, index, inner) {
      const start = at(outer, index, inner) * bytesOfBlock;
      if (rows.bits === 8) bytes.set(levels, start);
      else for (let i = 0; i < bytesOfBlock; i++) bytes[start + i] = levels[2 * i]! | (levels[2 * i + 1]! << 4);
    },
    scaleAt: at,
  };
}
