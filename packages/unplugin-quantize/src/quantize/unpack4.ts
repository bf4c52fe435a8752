import { makeNode } from '../graph/index.ts';
import { arrayTensor, dtypeCode, tensorProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { blockCount, type BlockLayout, type Packing } from './blocks/layout.ts';
import type { Context, Weight } from './context.ts';
import { weightBlocks } from './weight-blocks.ts';

/** The initializers of a weight at four bits: levels as two's complement, two a byte, the first half of a block in the low nibbles. */
export interface StoredWeight {
  /** uint8 [outer, blocks, half a block] or [blocks, half a block, inner]. */
  packed: TensorProto;
  /** float16, the same shape with 1 in the place of half a block. */
  scales: TensorProto;
  /** The axis along which the elements of a block lie, from the end. */
  axis: -1 | -2;
  /** Bytes of both. */
  bytes: number;
}

export function storeWeight(context: Context, weight: Weight, layout: BlockLayout): StoredWeight {
  const { model, names } = context;
  const { outer, length, inner, size } = layout;
  const blocks = length / size;
  // One of the outer dimensions is always 1.
  const shape = (middle: number): number[] => (inner === 1 ? [outer, blocks, middle] : [blocks, middle, inner]);
  const packing = halvesPacking(layout);
  const data = weightBlocks(context, weight, layout, packing);
  const name = (suffix: string): string => names.fresh(`${weight.proto.name}_${suffix}`);
  return {
    packed: tensorProto(model, name('q'), data.packed(shape(size / 2))),
    scales: tensorProto(model, name('s'), data.scales(shape(1))),
    axis: inner === 1 ? -1 : -2,
    bytes: packing.byteLength + 2 * blockCount(layout),
  };
}

/** Levels are written with their highest bit turned, which makes 0 to 15 the two's complement of -8 to 7. */
function halvesPacking({ outer, length, inner, size }: BlockLayout): Packing {
  const half = size / 2;
  const blocks = length / size;
  return {
    byteLength: (outer * length * inner) / 2,
    put(bytes, levels, row, index, column) {
      const start = (row * blocks + index) * half * inner + column;
      for (let i = 0; i < half; i++) bytes[start + i * inner] = (levels[i]! ^ 8) | ((levels[i + half]! ^ 8) << 4);
    },
    scaleAt: (row, index, column) => (row * blocks + index) * inner + column,
  };
}

/** Small constants that all unpacking of a graph shares. */
export interface UnpackConstants {
  /** uint8 4, the shift. */
  four: string;
  /** float32 1/16. */
  sixteenth: string;
}

export function unpackConstants({ model, names }: Context): { constants: UnpackConstants; tensors: TensorProto[] } {
  const four = tensorProto(model, names.fresh('four'), arrayTensor('uint8', [], Uint8Array.of(4)));
  const sixteenth = tensorProto(model, names.fresh('sixteenth'), arrayTensor('float32', [], Float32Array.of(1 / 16)));
  return { constants: { four: four.name, sixteenth: sixteenth.name }, tensors: [four, sixteenth] };
}

/**
 * Nodes that make float32 elements of packed bytes and scales. Each nibble is moved to the upper half of a byte, where int8 reads it
 * as 16 times its signed value:
 *
 *     bytes -> BitShift(left 4)                       -> Concat -> Cast(int8) -> Cast(float) -> Mul(scale / 16) -> Reshape
 *           -> BitShift(right 4) -> BitShift(left 4) ->
 *
 * @param shape name of the int64 dims of the result
 */
export function unpackNodes(
  { names }: Context, base: string, { packed, scales, axis }: { packed: string; scales: string; axis: number }, { four, sixteenth }: UnpackConstants, shape: string, output: string,
): NodeProto[] {
  const name = (suffix: string): string => names.fresh(`${base}_${suffix}`);
  const [low, down, high, both, signed, floats, wide, small, scaled] = ['l', 'r', 'h', 'c', 'i', 'f', 'g', 't', 'm'].map(name) as [
    string, string, string, string, string, string, string, string, string];
  const to = (dtype: 'int8' | 'float32'): { to: bigint } => ({ to: BigInt(dtypeCode(dtype)) });
  return [
    makeNode('BitShift', [packed, four], [low], { direction: 'LEFT' }),
    makeNode('BitShift', [packed, four], [down], { direction: 'RIGHT' }),
    makeNode('BitShift', [down, four], [high], { direction: 'LEFT' }),
    makeNode('Concat', [low, high], [both], { axis: BigInt(axis) }),
    makeNode('Cast', [both], [signed], to('int8')),
    makeNode('Cast', [signed], [floats], to('float32')),
    makeNode('Cast', [scales], [wide], to('float32')),
    makeNode('Mul', [wide, sixteenth], [small]),
    makeNode('Mul', [floats, small], [scaled]),
    makeNode('Reshape', [scaled, shape], [output]),
  ];
}
