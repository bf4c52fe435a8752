import { forgetTypes, intAttribute, intsAttribute, isHandedOut, isOperator, makeNode, replaceInitializers, scopesOf, type Use } from '../graph/index.ts';
import { dtypeCode, elementCount, requireOpset, type NodeProto, type TensorProto } from '../onnx/index.ts';
import type { BlockType } from './blocks/block-code.ts';
import { MIN_BLOCK_ELEMENTS } from './blocks/layout.ts';
import { decide, remember, undecidedWeights, type Context, type Weight } from './context.ts';
import { gemmToMatMul, isPlainGemm } from './gemm-to-matmul.ts';
import { eightBitWeights } from './mixed-bits.ts';
import { DOMAIN, packedNodes } from './packed-nodes.ts';
import { packWeight, rowBytes, type PackedWeight, type RowLayout } from './packed-weight.ts';
import { refuseStorage } from './storage.ts';

/** The smallest block that the operators take. */
const MIN_BLOCK = 16;

/**
 * Keeps weights at four or eight bits in memory, in blocks along the reduced axis with a float16 scale and, unless they are symmetric,
 * a zero point each:
 *
 *     MatMul(A, W)   ->  MatMulNBits(A, Wq, Cast(Ws), Wz)               Wq: uint8 [N, blocks, block bytes]
 *     Gather(W, i)   ->  GatherBlockQuantized(Wq, i, Cast(Ws), Wz)      Wq: uint8 [rows, row bytes]
 *
 * An embedding that is also read transposed by a product, as tied heads are, stays one tensor: both operators lay out its bytes alike.
 * Activations stay float32. (onnxruntime, docs/ContribOperators.md: com.microsoft.MatMulNBits, com.microsoft.GatherBlockQuantized)
 */
export function keepPacked(context: Context, bits: 4 | 8): void {
  const { model } = context;
  gemmToMatMul(context, undecidedWeights(context).filter((weight) => isPackableGemm(context, weight)));
  const replacements = new Map<TensorProto, TensorProto[]>();
  const casts = new Map<TensorProto, NodeProto>();
  const readers = new Map<NodeProto, PackedWeight>();
  const weights = undecidedWeights(context);
  const mixed = eightBitWeights(context, weights);
  for (const weight of weights) {
    const layout = layoutOf(context, weight, mixed.has(weight) ? 8 : bits);
    if (layout === undefined) continue;
    const { packed, tensors, blocks, bytes } = packWeight(context, weight, layout);
    replacements.set(weight.proto, tensors);
    casts.set(weight.proto, makeNode('Cast', [packed.halves], [packed.scales], { to: BigInt(dtypeCode('float32')) }));
    for (const node of readersOf(weight)) readers.set(node, packed);
    decide(context, weight, layout.bits === 4 ? 'int4' : 'int8-weight', bytes);
    const [values, scales, zeroPoints] = tensors;
    remember(context, weight, { order: { kind: 'blocks', layout: blocks, packing: 'neighbours', byRows: layout.byRows }, values: values!, scales, zeroPoints });
  }
  if (readers.size === 0) return;
  for (const { graph } of scopesOf(model)) {
    const scales = graph.initializer.flatMap((proto) => casts.get(proto) ?? []);
    replaceInitializers(graph, replacements);
    graph.node = [...scales, ...graph.node.flatMap((node) => {
      const weight = readers.get(node);
      return weight === undefined ? [node] : packedNodes(context, node, weight);
    })];
  }
  requireOpset(model.proto, DOMAIN, 1);
  forgetTypes(model);
}

/** The nodes that change; a transposed reading is made by the nodes behind the Transpose. */
function readersOf({ uses, edgesAt }: Weight): NodeProto[] {
  return uses.flatMap(({ node, scope }) => (node.opType === 'Transpose' ? [node, ...edgesAt(scope).uses(node.output[0]!).map((use) => use.node)] : [node]));
}

/** How a weight is packed, or undefined where a reader has no form for it. */
function layoutOf(context: Context, weight: Weight, bits: 4 | 8): RowLayout | undefined {
  if (!canBePacked(context, weight)) return undefined;
  const [byRows, ...others] = new Set(weight.uses.map((use) => readsRows(use, weight)));
  if (byRows === undefined || others.length > 0) return undefined;
  const { options } = context;
  const [rows, columns] = weight.tensor.dims as [number, number];
  const [N, K] = byRows ? [rows, columns] : [columns, rows];
  const gathered = weight.uses.some(({ node }) => node.opType === 'Gather');
  const type: BlockType = { bits, symmetric: options.symmetric ?? bits === 8 };
  const size = gathered ? wholeBlocks(K, options.block) : paddedBlocks(K, options.block, type);
  return size === undefined ? undefined : { N, K, ...type, size, byRows, gathered };
}

/** The largest size up to the wanted one that divides a row. */
function wholeBlocks(length: number, wanted: number): number | undefined {
  for (let size = wanted; size >= MIN_BLOCK; size /= 2) if (length % size === 0) return size;
  return undefined;
}

/** The size up to the wanted one that takes the fewest bytes: where the last block is filled up with zeros, smaller blocks may. */
function paddedBlocks(K: number, wanted: number, type: BlockType): number | undefined {
  if (K < MIN_BLOCK) return undefined;
  const sizes: number[] = [];
  for (let size = wanted; size >= MIN_BLOCK; size /= 2) sizes.push(size);
  const bytes = sizes.map((size) => rowBytes({ ...type, K, size }));
  return sizes[bytes.indexOf(Math.min(...bytes))];
}

function canBePacked(context: Context, weight: Weight): boolean {
  const { dims } = weight.tensor;
  return dims.length === 2 && elementCount(dims) >= MIN_BLOCK_ELEMENTS && refuseStorage(context, weight) === undefined;
}

/** True for the matrix of a Gemm that can be packed once the Gemm is a MatMul. */
function isPackableGemm(context: Context, weight: Weight): boolean {
  const use = weight.uses[0];
  if (use === undefined || !canBePacked(context, weight) || !isPlainGemm(use, weight)) return false;
  const reduced = weight.tensor.dims[intAttribute(use.node, 'transB', 0) === 0 ? 0 : 1]!;
  return reduced >= MIN_BLOCK;
}

/** Whether a reader's vectors are the rows (true) or the columns (false) of the weight; undefined for one that has no packed form. */
function readsRows(use: Use, { edgesAt }: Weight): boolean | undefined {
  const { node, index, scope } = use;
  if (isOperator(node, 'MatMul')) return index === 1 ? false : undefined;
  if (isOperator(node, 'Gather')) return index === 0 && [0, -2].includes(intAttribute(node, 'axis', 0)) ? true : undefined;
  if (!isOperator(node, 'Transpose') || intsAttribute(node, 'perm')?.join() === '0,1' || isHandedOut(node.output[0]!, edgesAt(scope))) return undefined;
  const readers = edgesAt(scope).uses(node.output[0]!);
  return readers.length > 0 && readers.every((reader) => isOperator(reader.node, 'MatMul') && reader.index === 1) ? true : undefined;
}
