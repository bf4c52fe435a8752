import { forgetTypes, intAttribute, intsAttribute, isHandedOut, isOperator, replaceInitializers, scopesOf, type Use } from '../graph/index.ts';
import { upgradeOpset } from '../graph/opset/upgrade.ts';
import { arrayTensor, elementCount, opsetVersion, tensorProto, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import type { DynamicOp } from '../options.ts';
import { INT8, quantizeSymmetric, UINT8, type QuantType } from './affine.ts';
import { decide, isExcluded, remember, undecidedWeights, weightName, type Context, type Weight } from './context.ts';
import { gemmToMatMul, isPlainGemm } from './gemm-to-matmul.ts';
import { integerConv, integerGather, integerMatMul, integerTranspose, type IntegerNodes, type IntegerWeight } from './integer-nodes.ts';
import { quantizeProduct } from './product-scales.ts';

/** DynamicQuantizeLinear is younger than all other operators used here. */
const OPSET = 11;
/** Below this many elements the quantizing of the activation costs more than the product saves. */
const MIN_ELEMENTS = 1024;

/**
 * Computes products in integers: activations are quantized to uint8 while the model runs (DynamicQuantizeLinear), weights are int8
 * with a symmetric scale for each output channel. Node shapes are those that onnxruntime fuses to DynamicQuantizeMatMul.
 *
 *     MatMul(A, W)   ->  Mul(Cast(MatMulInteger(Aq, Wq, Az)), Mul(As, Ws))   with Aq, As, Az = DynamicQuantizeLinear(A)
 *                        where Ws is float16, Cast(Ws), which engines compute once, when the session is made
 *     Gather(W, i)   ->  Mul(Cast(Gather(Wq, i)), Cast(Gather(Ws, i)))       one float16 scale for each row
 *     Conv(X, W, b)  ->  Add(Mul(Cast(ConvInteger(Xq, Wq, Xz, 128)), Mul(Xs, Ws)), b)
 *
 * Gemm becomes MatMul and Add first. A weight is taken when every reader of it can be rewritten along the same axis; a weight that
 * is read through a Transpose, as tied embeddings are, stays one tensor.
 */
export function computeInIntegers(context: Context): void {
  const { model, notes } = context;
  const found = candidatesOf(context);
  if (found.length === 0) return;
  const isRecent = (opsetVersion(model.proto) ?? 0) >= OPSET;
  const upgrade = upgradeOpset(model, OPSET);
  if (!upgrade.upgraded && upgrade.reason !== undefined) {
    notes.push(`No integer arithmetic: opset ${OPSET} is needed, and ${upgrade.reason}.`);
    return;
  }
  const gemms = (isRecent ? found : candidatesOf(context)).filter(({ weight }) => weight.uses[0]!.node.opType === 'Gemm');
  const fromGemm = gemmToMatMul(context, gemms.map(({ weight }) => weight));
  // Looked for again only where the graph has changed: to find them takes an index of all edges.
  const candidates = isRecent && gemms.length === 0 ? found : candidatesOf(context, fromGemm);
  const replacements = new Map<TensorProto, TensorProto[]>();
  const weights = new Map(candidates.map(({ weight, way }) => [weight.proto, integerWeight(context, weight, way, replacements)]));
  for (const { graph } of scopesOf(model)) replaceInitializers(graph, replacements);
  rewrite(context, candidates.map(({ weight }) => weight), weights);
  forgetTypes(model);
}

/** Weights whose readers all have an integer form along the same axis. Products that were made of Gemm count as Gemm among the allowed operators. */
function candidatesOf(context: Context, fromGemm: ReadonlySet<NodeProto> = new Set()): { weight: Weight; way: Way }[] {
  return undecidedWeights(context).flatMap((weight) => {
    const way = wayOf(context, weight, fromGemm);
    return way === undefined ? [] : [{ weight, way }];
  });
}

interface Way {
  axis: number;
  type: QuantType;
  rows: boolean;
}

/** How a reader wants the weight quantized, for each operator that has an integer form. */
const WAYS: Record<Exclude<DynamicOp, 'LSTM'> | 'Transpose', (use: Use, rank: number, weight: Weight) => Way | undefined> = {
  MatMul: ({ index }, rank) => (index === 1 && rank === 2 ? { axis: 1, type: INT8, rows: false } : undefined),
  Gemm: (use, _, weight) => (isPlainGemm(use, weight) ? { axis: intAttribute(use.node, 'transB', 0) === 0 ? 1 : 0, type: INT8, rows: false } : undefined),
  Gather: ({ node, index }, rank) => {
    const axis = intAttribute(node, 'axis', 0);
    return index === 0 && rank >= 2 && (axis === 0 || axis === -rank) ? { axis: 0, type: INT8, rows: true } : undefined;
  },
  // Releases before 1.24 have ConvInteger for uint8 weights only.
  Conv: ({ index }, rank) => (index === 1 && rank >= 3 ? { axis: 0, type: UINT8, rows: false } : undefined),
  Transpose: ({ node, index, scope }, rank, { edges }) => {
    const swaps = index === 0 && rank === 2 && intsAttribute(node, 'perm')?.join() !== '0,1';
    const readers = scope === edges.scope ? edges.uses(node.output[0]!) : [];
    const isProduct = readers.length > 0 && readers.every((use) => isOperator(use.node, 'MatMul') && use.index === 1 && use.scope === scope);
    return swaps && isProduct && !isHandedOut(node.output[0]!, edges) ? { axis: 0, type: INT8, rows: false } : undefined;
  },
};

function wayOf(context: Context, weight: Weight, fromGemm: ReadonlySet<NodeProto>): Way | undefined {
  const { tensor, uses, edges, proto } = weight;
  const rank = tensor.dims.length;
  if (uses.length === 0 || elementCount(tensor.dims) < MIN_ELEMENTS) return undefined;
  if (isHandedOut(proto.name, edges) || isExcluded(context, weight)) return undefined;
  const { ops } = context.options;
  const allowed = new Set<string>([...ops, ...(ops.includes('MatMul') ? ['Transpose'] : [])]);
  const ways = uses.map((use) => {
    const { opType } = use.node;
    const isAllowed = allowed.has(fromGemm.has(use.node) ? 'Gemm' : opType);
    return isAllowed && isOperator(use.node, opType) && opType in WAYS ? WAYS[opType as keyof typeof WAYS](use, rank, weight) : undefined;
  });
  const [first] = ways;
  if (first === undefined || !ways.every((way) => way?.axis === first.axis && way.type === first.type)) return undefined;
  return { ...first, rows: ways.some((way) => way!.rows) };
}

/** Quantizes a weight, records the decision and what stands in the place of the float tensor. */
function integerWeight(
  context: Context, weight: Weight, { axis, type, rows }: Way, replacements: Map<TensorProto, TensorProto[]>,
): IntegerWeight {
  const { model, names } = context;
  const { tensor, proto } = weight;
  const name = weightName(weight);
  const { values, scales } = rows ? quantizeSymmetric(tensor, axis, type, name, 'float16') : quantizeProduct(tensor, axis, type, name);
  const rank = tensor.dims.length;
  const channels = tensor.dims[axis]!;
  const isConv = type === UINT8;
  // Rows are gathered, so the scale keeps the weight's rank; a convolution's scale broadcasts over the positions behind the channel.
  const dims = rows ? [channels, ...Array<number>(rank - 1).fill(1)] : isConv ? [channels, ...Array<number>(rank - 2).fill(1)] : [channels];
  const q = tensorProto(model, names.fresh(`${proto.name}_q`), values);
  const scale = tensorProto(model, names.fresh(`${proto.name}_s`), { ...scales, dims });
  replacements.set(proto, [q, scale]);
  decide(context, weight, 'int8-dynamic', values.byteLength + scales.byteLength);
  remember(context, weight, { order: { kind: 'channels', axis, zeroPoint: type.zeroPoint }, values: q, scales: scale });
  return { values: q.name, scale: scale.name, isHalf: scales.dtype === 'float16', rows, rank };
}

/** Rewrites every reader of the given weights, scope by scope, in place. */
function rewrite(context: Context, weights: Weight[], quantized: ReadonlyMap<TensorProto, IntegerWeight>): void {
  const readers = new Map<NodeProto, IntegerWeight>();
  const graphs = new Map<GraphProto, Use['scope']>();
  for (const { proto, uses } of weights) {
    for (const { node, scope } of uses) {
      readers.set(node, quantized.get(proto)!);
      graphs.set(scope.graph, scope);
    }
  }
  for (const graph of graphs.keys()) rewriteGraph(context, graph, readers);
}

type Rewriter = (nodes: IntegerNodes, node: NodeProto, weight: IntegerWeight) => NodeProto[];

const REWRITERS: Record<string, Rewriter> = {
  MatMul: integerMatMul,
  Gather: integerGather,
  Conv: integerConv,
};

function rewriteGraph(context: Context, graph: GraphProto, readers: ReadonlyMap<NodeProto, IntegerWeight>): void {
  const { model, names } = context;
  const transposed = new Map<string, IntegerWeight>();
  const activations = new Map<string, string[]>();
  let zeroPoint: string | undefined;
  const nodes: IntegerNodes = {
    names,
    activations,
    convZeroPoint: () => {
      if (zeroPoint === undefined) {
        zeroPoint = names.fresh('zero_point_128');
        graph.initializer.push(tensorProto(model, zeroPoint, arrayTensor('uint8', [], Uint8Array.of(UINT8.zeroPoint))));
      }
      return zeroPoint;
    },
    addInts: (base, values) => {
      const name = names.fresh(base);
      graph.initializer.push(tensorProto(model, name, arrayTensor('int64', [values.length], BigInt64Array.from(values, BigInt))));
      return name;
    },
  };
  graph.node = graph.node.flatMap((node) => {
    const weight = readers.get(node);
    if (weight !== undefined && node.opType === 'Transpose') {
      const { node: turned, weight: result } = integerTranspose(nodes, weight);
      transposed.set(node.output[0]!, result);
      return [turned];
    }
    const read = weight ?? (node.opType === 'MatMul' ? transposed.get(node.input[1]!) : undefined);
    return read === undefined ? [node] : REWRITERS[node.opType]!(nodes, node, read);
  });
}
