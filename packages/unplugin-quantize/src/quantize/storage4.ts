import { intAttribute, isOperator, makeNode, weightAxis, type Use } from '../graph/index.ts';
import { upgradeOpset } from '../graph/opset/upgrade.ts';
import { arrayTensor, elementCount, tensorProto, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { MIN_BLOCK_ELEMENTS, type BlockLayout } from './blocks/layout.ts';
import { decide, remember, undecidedWeights, type Context, type Weight } from './context.ts';
import { eightBitWeights } from './mixed-bits.ts';
import { addNodes, refuseStorage, unpackInFront } from './storage.ts';
import { storeWeight, unpackConstants, unpackNodes, type UnpackConstants } from './unpack4.ts';

/** BitShift is younger than all other operators used here. */
const OPSET = 11;
/** From this many elements on (4 MB of float32) an embedding is unpacked after its rows were gathered. */
const LARGE_TABLE = 1 << 20;

/**
 * Stores weights at four bits in blocks with a float16 scale each, and unpacks them by ordinary operators (unpack4.ts).
 *
 * Most weights are unpacked in front of the graph, which onnxruntime folds once when the session is made. Large embeddings never
 * are: their rows are gathered as they are stored and then unpacked, so that the session keeps the four bits.
 *
 *     Gather(W, i)   ->  unpack(Gather(Wq, i), Gather(Ws, i))
 *
 * Blocks run along the reduced axis of a MatMul's matrix and along the elements of a row for everything else; their size is the
 * divisor of that length nearest to the wanted one. What has none, or is read as a value, is left to 8-bit storage.
 */
export function storeFourBits(context: Context): void {
  const { model, notes, options } = context;
  const all = undecidedWeights(context);
  const mixed = eightBitWeights(context, all);
  const weights = all.flatMap((weight) => {
    const layout = mixed.has(weight) ? undefined : layoutOf(context, weight);
    return layout === undefined ? [] : [{ weight, layout }];
  });
  if (weights.length === 0) return;
  const upgrade = upgradeOpset(model, OPSET);
  if (!upgrade.upgraded && upgrade.reason !== undefined) {
    notes.push(`No 4-bit storage: opset ${OPSET} is needed, and ${upgrade.reason}.`);
    return;
  }
  if (options.symmetric === false) notes.push('int4-storage has symmetric blocks: zero points would cost more memory while it is unpacked.');
  const { constants, tensors } = unpackConstants(context);
  model.proto.graph!.initializer.push(...tensors);
  const replacements = new Map<TensorProto, TensorProto[]>();
  const unpacking = new Map<GraphProto, NodeProto[]>();
  for (const { weight, layout } of weights) {
    const unpack = isLargeTable(weight) ? unpackRows : unpackWhole;
    const { tensors, nodes } = unpack(context, weight, layout, constants);
    replacements.set(weight.proto, tensors);
    addNodes(unpacking, weight.edges.scope.graph, nodes);
  }
  unpackInFront(unpacking, replacements);
}

function layoutOf(context: Context, weight: Weight): BlockLayout | undefined {
  const { tensor, uses } = weight;
  const { dims } = tensor;
  if (dims.length < 2 || elementCount(dims) < MIN_BLOCK_ELEMENTS || refuseStorage(context, weight) !== undefined) return undefined;
  if (!uses.every(({ node, index }) => weightAxis(node, index, dims.length) !== undefined)) return undefined;
  const columns = dims.length === 2 && uses.some(({ node, index }) => weightAxis(node, index, 2) === 1);
  const [outer, length, inner] = columns ? [1, dims[0]!, dims[1]!] : [dims[0]!, elementCount(dims.slice(1)), 1];
  const size = blockSize(length, context.options.block);
  return size === undefined ? undefined : { outer, length, inner, size, bits: 4, symmetric: true };
}

/** The even divisor of `length` from half to twice the wanted size, at least 16, that is nearest to it. */
function blockSize(length: number, wanted: number): number | undefined {
  const smallest = Math.max(16, wanted / 2);
  const sizes = Array.from({ length: wanted - smallest / 2 + 1 }, (_, i) => smallest + 2 * i).filter((size) => length % size === 0);
  return sizes.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];
}

function isLargeTable({ tensor, uses }: Weight): boolean {
  return tensor.dims.length === 2 && elementCount(tensor.dims) >= LARGE_TABLE && uses.every(isRowGather);
}

function isRowGather({ node, index }: Use): boolean {
  return isOperator(node, 'Gather') && index === 0 && [0, -2].includes(intAttribute(node, 'axis', 0));
}

interface Unpacked {
  tensors: TensorProto[];
  /** Nodes in front of the graph. */
  nodes: NodeProto[];
}

/** The weight under its own name, so that no reader changes. */
function unpackWhole(context: Context, weight: Weight, layout: BlockLayout, constants: UnpackConstants): Unpacked {
  const { model, names } = context;
  const { proto, tensor } = weight;
  const { packed, scales, axis, bytes } = storeWeight(context, weight, layout);
  const dims = tensorProto(model, names.fresh(`${proto.name}_d`), arrayTensor('int64', [tensor.dims.length], BigInt64Array.from(tensor.dims, BigInt)));
  decide(context, weight, 'int4-storage', bytes);
  remember(context, weight, { order: { kind: 'blocks', layout, packing: 'halves', byRows: true }, values: packed, scales });
  const parts = { packed: packed.name, scales: scales.name, axis };
  return { tensors: [packed, scales, dims], nodes: unpackNodes(context, proto.name, parts, constants, dims.name, proto.name) };
}

/** Puts nodes that gather and unpack rows in the place of every reader. */
function unpackRows(context: Context, weight: Weight, layout: BlockLayout, constants: UnpackConstants): Unpacked {
  const { model, names } = context;
  const { proto, tensor, uses } = weight;
  const { packed, scales, axis, bytes } = storeWeight(context, weight, layout);
  const columns = tensorProto(model, names.fresh(`${proto.name}_d`), arrayTensor('int64', [1], BigInt64Array.of(BigInt(tensor.dims[1]!))));
  decide(context, weight, 'int4-storage', bytes);
  remember(context, weight, { order: { kind: 'blocks', layout, packing: 'halves', byRows: true }, values: packed, scales });
  for (const { node, scope } of uses) {
    const [name, ids] = [node.output[0]!, node.input[1]!];
    const [rows, rowScales, rowShape, shape] = ['p', 's', 'n', 'd'].map((suffix) => names.fresh(`${name}_${suffix}`)) as [string, string, string, string];
    const nodes = [
      makeNode('Gather', [packed.name, ids], [rows], {}, { name: node.name }),
      makeNode('Gather', [scales.name, ids], [rowScales]),
      makeNode('Shape', [ids], [rowShape]),
      makeNode('Concat', [rowShape, columns.name], [shape], { axis: 0n }),
      ...unpackNodes(context, name, { packed: rows, scales: rowScales, axis }, constants, shape, name),
    ];
    scope.graph.node = scope.graph.node.flatMap((other) => (other === node ? nodes : [other]));
  }
  return { tensors: [packed, scales, columns], nodes: [] };
}
