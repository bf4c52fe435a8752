import { forgetTypes, intAttribute, intsAttribute, isOperator, makeNode, replaceInitializers, scopesOf, type Use } from '../graph/index.ts';
import { dtypeCode, elementCount, requireOpset, tensorProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { blockTensors, type BlockLayout, type Packing } from './block-tensor.ts';
import { decide, undecidedWeights, weightName, type Context, type Weight } from './context.ts';
import { gemmToMatMul, isPlainGemm } from './gemm-to-matmul.ts';
import { refuseStorage } from './storage.ts';

const DOMAIN = 'com.microsoft';
const BLOCK = 32;
const BLOCK_BYTES = BLOCK / 2;
/** Below this many elements the file hardly shrinks. */
const MIN_ELEMENTS = 4096;

/**
 * Keeps weights at four bits in memory, in blocks of 32 along the reduced axis with a float16 scale and a zero point each (block-search.ts):
 *
 *     MatMul(A, W)   ->  MatMulNBits(A, Wq, Cast(Ws), Wz)               Wq: uint8 [N, K / 32, 16], low nibble first
 *     Gather(W, i)   ->  GatherBlockQuantized(Wq, i, Cast(Ws), Wz)      Wq: uint8 [rows, columns / 2]
 *
 * An embedding that is also read
 * transposed by a product, as tied heads are, stays one tensor: both operators lay out its bytes alike. Activations stay float32.
 * (onnxruntime, docs/ContribOperators.md: com.microsoft.MatMulNBits, com.microsoft.GatherBlockQuantized)
 */
export function keepFourBits(context: Context): void {
  const { model } = context;
  gemmToMatMul(context, undecidedWeights(context).filter((weight) => canBePacked(context, weight) && isPlainGemm(weight.uses[0]!, weight)));
  const replacements = new Map<TensorProto, TensorProto[]>();
  const readers = new Map<NodeProto, PackedWeight>();
  for (const weight of undecidedWeights(context)) {
    const byRows = orientation(context, weight);
    if (byRows === undefined) continue;
    const packed = pack(context, weight, byRows, replacements);
    for (const { node } of weight.uses) readers.set(node, packed);
    // A transposed reading is made by the node behind the Transpose.
    for (const { node, scope } of weight.uses) {
      if (node.opType !== 'Transpose') continue;
      for (const use of weight.edgesAt(scope).uses(node.output[0]!)) readers.set(use.node, packed);
    }
  }
  if (readers.size === 0) return;
  for (const { graph } of scopesOf(model)) {
    replaceInitializers(graph, replacements);
    const casts = graph.initializer.flatMap((proto) => [...new Set(readers.values())].filter((packed) => packed.halves === proto.name));
    graph.node = [
      ...casts.map(({ halves, scales }) => makeNode('Cast', [halves], [scales], { to: BigInt(dtypeCode('float32')) })),
      ...graph.node.flatMap((node) => rewrite(context, node, readers.get(node))),
    ];
  }
  requireOpset(model.proto, DOMAIN, 1);
  forgetTypes(model);
}

/** The initializers and the cast that stand for one weight of N rows with K elements each. */
interface PackedWeight {
  /** uint8 [N, K / 32, 16], or [N, K / 2] where a Gather reads it. */
  values: string;
  gathered: boolean;
  /** uint8 [N, K / 64], two a byte. */
  zeroPoints: string;
  halves: string;
  scales: string;
  N: number;
  K: number;
}

/** Whether a weight's rows (true) or columns (false) are the reduced vectors, or undefined where a reader has no four-bit form. */
function orientation(context: Context, weight: Weight): boolean | undefined {
  if (!canBePacked(context, weight)) return undefined;
  const ways = new Set(weight.uses.map((use) => readsRows(use, weight)));
  const [only] = ways;
  return ways.size === 1 ? only : undefined;
}

function canBePacked(context: Context, weight: Weight): boolean {
  const { dims } = weight.tensor;
  return dims.length === 2 && elementCount(dims) >= MIN_ELEMENTS && refuseStorage(context, weight) === undefined;
}

function readsRows(use: Use, { tensor, edges, edgesAt }: Weight): boolean | undefined {
  const { node, index, scope } = use;
  if (isOperator(node, 'MatMul')) return index === 1 ? false : undefined;
  if (isOperator(node, 'Gather')) return index === 0 && intAttribute(node, 'axis', 0) === 0 && tensor.dims[1]! % BLOCK === 0 ? true : undefined;
  if (!isOperator(node, 'Transpose') || intsAttribute(node, 'perm')?.join() === '0,1' || edges.outputs.has(node.output[0]!)) return undefined;
  const readers = edgesAt(scope).uses(node.output[0]!);
  return readers.length > 0 && readers.every((reader) => reader.node.opType === 'MatMul' && reader.index === 1) ? true : undefined;
}

function pack(context: Context, weight: Weight, byRows: boolean, replacements: Map<TensorProto, TensorProto[]>): PackedWeight {
  const { model, names } = context;
  const { tensor, proto, uses } = weight;
  const [rows, columns] = tensor.dims as [number, number];
  const [N, K] = byRows ? [rows, columns] : [columns, rows];
  const layout: BlockLayout = byRows ? { outer: N, length: K, inner: 1, size: BLOCK, asymmetric: true } : { outer: 1, length: K, inner: N, size: BLOCK, asymmetric: true };
  const blocks = Math.ceil(K / BLOCK);
  const tensors = blockTensors(tensor, layout, rowPacking(N, blocks, byRows), weightName(weight));
  const gathered = uses.some(({ node }) => node.opType === 'Gather');
  const values = tensorProto(model, names.fresh(`${proto.name}_q`), tensors.packed(gathered ? [N, K / 2] : [N, blocks, BLOCK_BYTES]));
  const scales = tensorProto(model, names.fresh(`${proto.name}_s`), tensors.scales([N, blocks]));
  const zeroPoints = tensorProto(model, names.fresh(`${proto.name}_z`), tensors.zeroPoints(N));
  replacements.set(proto, [values, scales, zeroPoints]);
  decide(context, weight, 'int4', N * (blocks * (BLOCK_BYTES + 2) + Math.ceil(blocks / 2)));
  return { values: values.name, gathered, zeroPoints: zeroPoints.name, halves: scales.name, scales: names.fresh(`${proto.name}_f`), N, K };
}

/** Blocks of a row follow one another, low nibble first. A row is `outer` where rows are contiguous in the source, else `inner`. */
function rowPacking(N: number, blocks: number, byRows: boolean): Packing {
  const at = (outer: number, index: number, inner: number): number => (byRows ? outer : inner) * blocks + index;
  return {
    byteLength: N * blocks * BLOCK_BYTES,
    put(bytes, levels, outer, index, inner) {
      const start = at(outer, index, inner) * BLOCK_BYTES;
      for (let i = 0; i < BLOCK_BYTES; i++) bytes[start + i] = levels[2 * i]! | (levels[2 * i + 1]! << 4);
    },
    scaleAt: at,
  };
}

function rewrite({ model, names }: Context, node: NodeProto, weight: PackedWeight | undefined): NodeProto[] {
  if (weight === undefined) return [node];
  const options = { name: node.name, domain: DOMAIN };
  const { N, K, values, scales, zeroPoints } = weight;
  if (node.opType === 'Gather') {
    const attributes = { bits: 4n, block_size: BigInt(BLOCK), gather_axis: 0n, quantize_axis: 1n };
    return [makeNode('GatherBlockQuantized', [values, node.input[1]!, scales, zeroPoints], [node.output[0]!], attributes, options)];
  }
  if (node.opType === 'Transpose') return [];
  const attributes = { K: BigInt(K), N: BigInt(N), bits: 4n, block_size: BigInt(BLOCK) };
  const product = (matrix: string): NodeProto => makeNode('MatMulNBits', [node.input[0]!, matrix, scales, zeroPoints], [node.output[0]!], attributes, options);
  if (!weight.gathered) return [product(values)];
  const [shaped, shape] = [names.fresh(`${values}_b`), names.fresh(`${values}_n`)];
  const dims = { dtype: 'int64' as const, dims: [3], byteLength: 24, chunks: () => [new Uint8Array(BigInt64Array.of(BigInt(N), BigInt(K / BLOCK), BigInt(BLOCK_BYTES)).buffer)] };
  model.proto.graph!.initializer.push(tensorProto(model, shape, dims));
  return [makeNode('Reshape', [values, shape], [shaped]), product(shaped)];
}
