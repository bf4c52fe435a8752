import { makeNode, replaceInitializers } from '../graph/index.ts';
import { dtypeCode, elementCount, tensorProto, type GraphProto, type NodeProto, type Tensor, type TensorProto } from '../onnx/index.ts';
import { INT8, quantizeSymmetric } from './affine.ts';
import { channelAxis } from './channel-axis.ts';
import { decide, remember, undecidedWeights, weightName, type Context, type Weight } from './context.ts';
import { HALF } from './exclusions.ts';
import { fitsFloat16, isWorthPresuming, toFloat16, vanishes } from './half.ts';

/** Bytes that the two nodes and the names of an unpacked weight cost; smaller weights would grow. */
const NODE_BYTES = 160;
/** From this many elements on a constant that is no weight, such as a table of positions, is stored in half precision. */
const TABLE_ELEMENTS = 4096;

/**
 * Stores weights small and unpacks them by ordinary operators, which onnxruntime folds once when the session is made:
 *
 *     int8-storage:  W -> read        becomes   Wq (int8) -> Cast(float) -> Mul(scale of each channel) -> read
 *     fp16-storage:  W -> read        becomes   Wh (float16) -> Cast(float) -> read
 *
 * The unpacked value keeps the weight's name, so no reader changes. int8 takes weights of at least two dimensions that operators
 * read as weights, with one symmetric scale for each output channel, and stores large constants that are none in half precision; fp16 takes every
 * float32 initializer whose values float16 can hold. Weights that are graph outputs, excluded, or would not become smaller stay.
 */
export function storeSmall(context: Context, type: 'int8' | 'float16'): void {
  store(context, undecidedWeights(context), type);
}

/** Stores the weights that the user names for it in half precision. */
export function storeHalves(context: Context): void {
  if (context.options.half.length > 0) store(context, undecidedWeights(context).filter(({ proto }) => context.exclusions.get(proto) === HALF), 'float16');
}

function store(context: Context, weights: readonly Weight[], type: 'int8' | 'float16'): void {
  const replacements = new Map<TensorProto, TensorProto[]>();
  const unpacking = new Map<GraphProto, NodeProto[]>();
  for (const weight of weights) {
    const packed = type === 'int8' && context.exclusions.get(weight.proto) !== HALF ? packInt8(context, weight) : packFloat16(context, weight);
    const reason = typeof packed === 'string' ? packed : packed.bytes + NODE_BYTES >= weight.tensor.byteLength ? 'too small to gain' : undefined;
    if (typeof packed === 'string' || reason !== undefined) {
      decide(context, weight, 'kept', weight.tensor.byteLength, reason);
      continue;
    }
    decide(context, weight, packed.scales === undefined ? 'fp16-storage' : 'int8-storage', packed.bytes);
    const { tensors, nodes } = unpack(context, weight.proto.name, packed);
    const [values, scales] = tensors;
    remember(context, weight, { order: scales === undefined ? { kind: 'half' } : { kind: 'channels', axis: packed.axis, zeroPoint: 0 }, values: values!, scales });
    replacements.set(weight.proto, tensors);
    addNodes(unpacking, weight.edges.scope.graph, nodes);
  }
  unpackInFront(unpacking, replacements);
}

export function addNodes(unpacking: Map<GraphProto, NodeProto[]>, graph: GraphProto, nodes: readonly NodeProto[]): void {
  const before = unpacking.get(graph);
  if (before === undefined) unpacking.set(graph, [...nodes]);
  else before.push(...nodes);
}

/** Puts packed tensors in the place of weights and the nodes that unpack them in front of all others. */
export function unpackInFront(unpacking: ReadonlyMap<GraphProto, NodeProto[]>, replacements: ReadonlyMap<TensorProto, TensorProto[]>): void {
  for (const [graph, nodes] of unpacking) {
    replaceInitializers(graph, replacements);
    graph.node = [...nodes, ...graph.node];
  }
}

interface Packed {
  values: Tensor;
  /** Multiplied after the cast; shaped to broadcast along the channel axis. */
  scales: Tensor | undefined;
  axis?: number;
  bytes: number;
}

function packInt8(context: Context, weight: Weight): Packed | string {
  const { tensor, uses, edgesAt } = weight;
  const refusal = refuseStorage(context, weight);
  if (refusal !== undefined) return refusal;
  const rank = tensor.dims.length;
  if (rank < 2) return 'has one dimension';
  const axes = uses.map((use) => channelAxis(use, tensor.dims, edgesAt));
  const other = uses[axes.indexOf(undefined)];
  // Tables that are added or multiplied have no channels, but half precision is enough for them.
  if (other !== undefined && elementCount(tensor.dims) >= TABLE_ELEMENTS) return packFloat16(context, weight);
  if (other !== undefined) return `read by ${other.node.opType} as a value, not as a weight`;
  const axis = axes[0]!;
  const { values, scales } = quantizeSymmetric(tensor, axis, INT8, weightName(weight));
  const dims = [tensor.dims[axis]!, ...tensor.dims.slice(axis + 1).map(() => 1)];
  return { values, scales: { ...scales, dims }, axis, bytes: values.byteLength + scales.byteLength };
}

function packFloat16(context: Context, weight: Weight): Packed | string {
  const { tensor } = weight;
  const refusal = refuseStorage(context, weight, true);
  if (refusal !== undefined) return refusal;
  const isPresumed = context.presumes && isWorthPresuming(tensor);
  if (!isPresumed && tensor.byteLength / 2 > NODE_BYTES && !fitsFloat16(tensor)) return 'has values beyond the range of float16';
  if (weight.uses.some(({ node, index }) => node.opType === 'Div' && index === 1) && vanishes(tensor)) return 'has divisors that float16 would round to zero';
  return { values: toFloat16(tensor, isPresumed ? 'fits' : undefined), scales: undefined, bytes: tensor.byteLength / 2 };
}

/**
 * Why a weight cannot be stored in another form, whatever the form.
 *
 * @param isHalf for half precision, which weights may be named for
 */
export function refuseStorage(context: Context, weight: Weight, isHalf = false): string | undefined {
  const excluded = context.exclusions.get(weight.proto);
  if (excluded !== undefined && !(isHalf && excluded === HALF)) return excluded;
  if (weight.edges.outputs.has(weight.proto.name)) return 'is an output of the graph';
  if (weight.edges.leavesSubgraph(weight.proto.name)) return 'is an output of a subgraph';
  if (weight.uses.length === 0 || elementCount(weight.tensor.dims) === 0) return 'is read by no node';
  return undefined;
}

/** Tensors and nodes that give a weight back under its own name. */
function unpack({ model, names }: Context, name: string, { values, scales }: Packed): { tensors: TensorProto[]; nodes: NodeProto[] } {
  const packed = tensorProto(model, names.fresh(`${name}_q`), values);
  const cast = (to: string): NodeProto => makeNode('Cast', [packed.name], [to], { to: BigInt(dtypeCode('float32')) });
  if (scales === undefined) return { tensors: [packed], nodes: [cast(name)] };
  const scale = tensorProto(model, names.fresh(`${name}_s`), scales);
  const unscaled = names.fresh(`${name}_f`);
  return { tensors: [packed, scale], nodes: [cast(unscaled), makeNode('Mul', [unscaled, scale.name], [name])] };
}
