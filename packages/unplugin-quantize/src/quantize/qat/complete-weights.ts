import { intAttribute, isHandedOut, isOperator, makeNode, type Use } from '../../graph/index.ts';
import { tensorProto, type GraphProto, type NodeProto, type TensorProto } from '../../onnx/index.ts';
import { INT8, quantizeSymmetric } from '../affine.ts';
import { decide, isExcluded, remember, undecidedWeights, weightName, type Context, type Weight } from '../context.ts';
import { addNodes, unpackInFront } from '../storage.ts';

/**
 * Gives integers to the float weights of products whose input is quantized by the model itself, so that engines compute these products in
 * integers too: int8, symmetric, one scale for each output channel.
 *
 *     DequantizeLinear -> x    Conv(x, W)    =>    Wq -> DequantizeLinear -> w    Conv(x, w)
 *
 * @returns the number of weights
 */
export function completeWeights(context: Context): number {
  const { model, names } = context;
  const replacements = new Map<TensorProto, TensorProto[]>();
  const nodes = new Map<GraphProto, NodeProto[]>();
  for (const weight of undecidedWeights(context)) {
    const axes = weight.uses.map((use) => productAxis(use, weight));
    const [axis] = axes;
    const { proto, tensor, edges } = weight;
    if (axis === undefined || !axes.every((other) => other === axis) || isExcluded(context, weight) || isHandedOut(proto.name, edges) || edges.inputs.has(proto.name)) continue;
    if (weight.uses.some((use) => context.leavesNode(use.node))) continue;
    const { values, scales } = quantizeSymmetric(tensor, axis, INT8, weightName(weight));
    const integers = tensorProto(model, names.fresh(`${proto.name}_q`), values);
    const scale = tensorProto(model, names.fresh(`${proto.name}_s`), scales);
    replacements.set(proto, [integers, scale]);
    addNodes(nodes, edges.scope.graph, [makeNode('DequantizeLinear', [integers.name, scale.name], [proto.name], { axis: BigInt(axis) })]);
    decide(context, weight, 'int8-static', values.byteLength + scales.byteLength);
    remember(context, weight, { order: { kind: 'channels', axis, zeroPoint: INT8.zeroPoint }, values: integers, scales: scale });
  }
  unpackInFront(nodes, replacements);
  return replacements.size;
}

/** The axis of output channels, where a product reads the weight and something dequantized. */
function productAxis({ node, index, scope }: Use, { tensor, edgesAt }: Weight): number | undefined {
  const input = edgesAt(scope).producers.get(node.input[0] ?? '');
  if (index !== 1 || input === undefined || !isOperator(input, 'DequantizeLinear')) return undefined;
  const { dims } = tensor;
  if (isOperator(node, 'Conv')) return dims.length >= 3 ? 0 : undefined;
  if (dims.length !== 2 || !isOperator(node, 'MatMul', 'Gemm')) return undefined;
  return isOperator(node, 'Gemm') && intAttribute(node, 'transB', 0) !== 0 ? 0 : 1;
}
