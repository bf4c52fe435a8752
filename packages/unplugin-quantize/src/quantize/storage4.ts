import { makeNode, weightAxis } from '../graph/index.ts';
import { upgradeOpset } from '../graph/opset/upgrade.ts';
import { arrayTensor, dtypeCode, elementCount, tensorProto, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { blockTensors, type BlockLayout, type Packing } from './block-tensor.ts';
import { decide, undecidedWeights, weightName, type Context, type Weight } from './context.ts';
import { addNodes, refuseStorage, unpackInFront } from './storage.ts';

/** BitShift is younger than all other operators used here. */
const OPSET = 11;
/** Below this many elements ten nodes cost more than four bits save. */
const MIN_ELEMENTS = 4096;

/**
 * Stores weights at four bits in blocks with a float16 scale each, and unpacks them by ordinary operators that onnxruntime folds
 * once when the session is made. Both nibbles are moved to the upper half of a byte, where int8 reads them as 16 times their signed value:
 *
 *     bytes -> BitShift(left 4)                       -> Concat -> Cast(int8) -> Cast(float) -> Mul(scale / 16) -> Reshape -> W
 *           -> BitShift(right 4) -> BitShift(left 4) ->
 *
 * Blocks run along the reduced axis of a MatMul's matrix and along the elements of a row for everything else; their size is the
 * divisor of that length nearest to 32. What has none, or is read as a value, is left to 8-bit storage.
 */
export function storeFourBits(context: Context): void {
  const { model, notes } = context;
  const weights = undecidedWeights(context).flatMap((weight) => {
    const layout = layoutOf(context, weight);
    return layout === undefined ? [] : [{ weight, layout }];
  });
  if (weights.length === 0) return;
  const upgrade = upgradeOpset(model, OPSET);
  if (!upgrade.upgraded && upgrade.reason !== undefined) {
    notes.push(`No 4-bit storage: opset ${OPSET} is needed, and ${upgrade.reason}.`);
    return;
  }
  const replacements = new Map<TensorProto, TensorProto[]>();
  const unpacking = new Map<GraphProto, NodeProto[]>();
  for (const { weight, layout } of weights) {
    const { tensors, nodes } = unpack(context, weight, layout);
    replacements.set(weight.proto, tensors);
    addNodes(unpacking, weight.edges.scope.graph, nodes);
  }
  unpackInFront(unpacking, replacements);
}

function layoutOf(context: Context, weight: Weight): BlockLayout | undefined {
  const { tensor, uses } = weight;
  const { dims } = tensor;
  if (dims.length < 2 || elementCount(dims) < MIN_ELEMENTS || refuseStorage(context, weight) !== undefined) return undefined;
  if (!uses.every(({ node, index }) => weightAxis(node, index, dims.length) !== undefined)) return undefined;
  const columns = dims.length === 2 && uses.some(({ node, index }) => weightAxis(node, index, 2) === 1);
  const [outer, length, inner] = columns ? [1, dims[0]!, dims[1]!] : [dims[0]!, elementCount(dims.slice(1)), 1];
  const size = blockSize(length);
  return size === undefined ? undefined : { outer, length, inner, size, asymmetric: false };
}

/** The even divisor of `length` from 16 to 64 that is nearest to 32. */
function blockSize(length: number): number | undefined {
  const sizes = Array.from({ length: 25 }, (_, i) => 16 + 2 * i).filter((size) => length % size === 0);
  return sizes.sort((a, b) => Math.abs(a - 32) - Math.abs(b - 32))[0];
}

function unpack(context: Context, weight: Weight, layout: BlockLayout): { tensors: TensorProto[]; nodes: NodeProto[] } {
  const { model, names } = context;
  const { proto, tensor } = weight;
  const { outer, length, inner, size } = layout;
  const blocks = length / size;
  const half = size / 2;
  // [outer, blocks, half, inner]: one of the outer dimensions is always 1.
  const shape = (middle: number): number[] => (inner === 1 ? [outer, blocks, middle] : [blocks, middle, inner]);
  const axis = inner === 1 ? 2 : 1;
  const name = (suffix: string): string => names.fresh(`${proto.name}_${suffix}`);
  const data = blockTensors(tensor, layout, halvesPacking(layout), weightName(weight));
  const packed = tensorProto(model, name('q'), data.packed(shape(half)));
  const scales = tensorProto(model, name('s'), data.scales(shape(1)));
  const four = tensorProto(model, name('4'), arrayTensor('uint8', [], Uint8Array.of(4)));
  const sixteenth = tensorProto(model, name('16'), arrayTensor('float32', [], Float32Array.of(1 / 16)));
  const dims = tensorProto(model, name('d'), arrayTensor('int64', [tensor.dims.length], BigInt64Array.from(tensor.dims, BigInt)));
  const [low, down, high, both, signed, floats, floatScales, smallScales, scaled] = ['l', 'r', 'h', 'c', 'i', 'f', 'g', 't', 'm'].map(name) as [
    string, string, string, string, string, string, string, string, string];
  const to = (dtype: 'int8' | 'float32'): { to: bigint } => ({ to: BigInt(dtypeCode(dtype)) });
  const nodes = [
    makeNode('BitShift', [packed.name, four.name], [low], { direction: 'LEFT' }),
    makeNode('BitShift', [packed.name, four.name], [down], { direction: 'RIGHT' }),
    makeNode('BitShift', [down, four.name], [high], { direction: 'LEFT' }),
    makeNode('Concat', [low, high], [both], { axis: BigInt(axis) }),
    makeNode('Cast', [both], [signed], to('int8')),
    makeNode('Cast', [signed], [floats], to('float32')),
    makeNode('Cast', [scales.name], [floatScales], to('float32')),
    makeNode('Mul', [floatScales, sixteenth.name], [smallScales]),
    makeNode('Mul', [floats, smallScales], [scaled]),
    makeNode('Reshape', [scaled, dims.name], [proto.name]),
  ];
  decide(context, weight, 'int4-storage', packedBytes(layout) + 2 * outer * blocks * inner);
  return { tensors: [packed, scales, four, sixteenth, dims], nodes };
}

function packedBytes({ outer, length, inner }: BlockLayout): number {
  return (outer * length * inner) / 2;
}

/** The first half of a block is in the low nibbles, the second in the high ones, as two's complement, which is the level with its highest bit turned. */
function halvesPacking(layout: BlockLayout): Packing {
  const { length, inner, size } = layout;
  const half = size / 2;
  const blocks = length / size;
  return {
    byteLength: packedBytes(layout),
    put(bytes, levels, outer, index, column) {
      const start = (outer * blocks + index) * half * inner + column;
      for (let i = 0; i < half; i++) bytes[start + i * inner] = (levels[i]! ^ 8) | ((levels[i + half]! ^ 8) << 4);
    },
    scaleAt: (outer, index, column) => (outer * blocks + index) * inner + column,
  };
}
