import { makeNode, weightAxis } from '../graph/index.ts';
import { dtypeCode, elementCount, tensorProto, type GraphProto, type NodeProto, type Tensor, type TensorProto } from '../onnx/index.ts';
import { INT8, quantizeSymmetric } from './affine.ts';
import { decide, isExcluded, undecidedWeights, weightName, type Context, type Weight } from './context.ts';
import { fitsFloat16, toFloat16 } from './half.ts';

/** Bytes that the two nodes and the names of an unpacked weight cost; smaller weights would grow. */
const NODE_BYTES = 160;

/**
 * Stores weights small and unpacks them by ordinary operators, which onnxruntime folds once when the session is made:
 *
 *     int8-storage:  W -> read        becomes   Wq (int8) -> Cast(float) -> Mul(scale of each channel) -> read
 *     fp16-storage:  W -> read        becomes   Wh (float16) -> Cast(float) -> read
 *
 * The unpacked value keeps the weight's name, so no reader changes. int8 takes weights of at least two dimensions that operators
 * read as weights, with one symmetric scale for each output channel; fp16 takes every float32 initializer whose values
 * float16 can hold. Weights that are graph outputs, excluded, or would not become smaller stay.
 */
export function storeSmall(context: Context, type: 'int8' | 'float16'): void {
  for (const weight of undecidedWeights(context)) {
    const packed = type === 'int8' ? packInt8(context, weight) : packFloat16(weight);
    if (typeof packed === 'string') {
      decide(context, weight, 'kept', weight.tensor.byteLength, packed);
      continue;
    }
    if (packed.bytes + NODE_BYTES >= weight.tensor.byteLength) {
      decide(context, weight, 'kept', weight.tensor.byteLength, 'too small to gain');
      continue;
    }
    decide(context, weight, type === 'int8' ? 'int8-storage' : 'fp16-storage', packed.bytes);
    unpackInGraph(context, weight, packed);
  }
}

interface Packed {
  values: Tensor;
  /** Multiplied after the cast; shaped to broadcast along the channel axis. */
  scales: Tensor | undefined;
  bytes: number;
}

function packInt8(context: Context, weight: Weight): Packed | string {
  const { tensor, uses } = weight;
  const refusal = refuse(context, weight);
  if (refusal !== undefined) return refusal;
  const rank = tensor.dims.length;
  if (rank < 2) return 'has one dimension';
  const axes = uses.map(({ node, index }) => weightAxis(node, index, rank));
  const other = uses[axes.indexOf(undefined)];
  if (other !== undefined) return `read by ${other.node.opType} as a value, not as a weight`;
  const axis = axes[0]!;
  const { values, scales } = quantizeSymmetric(tensor, axis, INT8, weightName(weight));
  const dims = [tensor.dims[axis]!, ...tensor.dims.slice(axis + 1).map(() => 1)];
  return { values, scales: { ...scales, dims }, bytes: values.byteLength + scales.byteLength };
}

function packFloat16(weight: Weight): Packed | string {
  const { tensor } = weight;
  if (weight.edges.outputs.has(weight.proto.name)) return 'is an output of the graph';
  if (tensor.byteLength / 2 > NODE_BYTES && !fitsFloat16(tensor)) return 'has values beyond the range of float16';
  return { values: toFloat16(tensor), scales: undefined, bytes: tensor.byteLength / 2 };
}

function refuse(context: Context, weight: Weight): string | undefined {
  if (isExcluded(context, weight)) return 'excluded by name';
  if (weight.edges.outputs.has(weight.proto.name)) return 'is an output of the graph';
  if (weight.edges.leavesSubgraph(weight.proto.name)) return 'is an output of a subgraph';
  if (weight.uses.length === 0 || elementCount(weight.tensor.dims) === 0) return 'is read by no node';
  return undefined;
}

function unpackInGraph({ model, names }: Context, { edges, proto }: Weight, { values, scales }: Packed): void {
  const { graph } = edges.scope;
  const packed = tensorProto(model, names.fresh(`${proto.name}_q`), values);
  const cast = (to: string): NodeProto => makeNode('Cast', [packed.name], [to], { to: BigInt(dtypeCode('float32')) });
  if (scales === undefined) {
    replaceInitializer(graph, proto, [packed], [cast(proto.name)]);
    return;
  }
  const scale = tensorProto(model, names.fresh(`${proto.name}_s`), scales);
  const unscaled = names.fresh(`${proto.name}_f`);
  replaceInitializer(graph, proto, [packed, scale], [cast(unscaled), makeNode('Mul', [unscaled, scale.name], [proto.name])]);
}

/** Puts tensors in the place of one initializer and nodes in front of all others. */
function replaceInitializer(graph: GraphProto, proto: TensorProto, tensors: TensorProto[], nodes: NodeProto[]): void {
  graph.initializer.splice(graph.initializer.indexOf(proto), 1, ...tensors);
  graph.node.unshift(...nodes);
}
