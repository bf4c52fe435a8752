import { arrayTensor, tensorProto, type Model, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { replaceNodes } from '../edit.ts';
import { isOperator, scopesOf } from '../scope.ts';

/**
 * Turns Constant nodes into initializers of the same graph, in every scope.
 *
 *     Constant(value = T) -> w          initializer w = T
 *     Conv(x, w) -> y             =>    Conv(x, w) -> y
 *
 * - `value`, `value_float`, `value_floats`, `value_int` and `value_ints` are lifted; `value_string(s)` and `sparse_value` stay.
 * - A Constant whose value is an output of its graph stays: an output has to come from a node.
 * - The TensorProto itself is moved, so large data stays where it is in the file.
 * - IR version 3 wants every initializer to be an input as well; it becomes 4 when something is lifted.
 *
 * @returns the number of lifted nodes
 */
export function liftConstants(model: Model): number {
  let lifted = 0;
  for (const { graph } of scopesOf(model)) {
    const outputs = new Set(graph.output.map((value) => value.name));
    replaceNodes(graph, (node) => {
      const name = node.output[0];
      if (!isOperator(node, 'Constant') || name === undefined || name === '' || outputs.has(name)) return undefined;
      const tensor = constantTensor(model, node, name);
      if (tensor === undefined) return undefined;
      graph.initializer.push(tensor);
      lifted++;
      return [];
    });
  }
  if (lifted > 0 && model.proto.irVersion < 4n) model.proto.irVersion = 4n;
  return lifted;
}

function constantTensor(model: Model, node: NodeProto, name: string): TensorProto | undefined {
  const attribute = node.attribute.length === 1 ? node.attribute[0]! : undefined;
  if (attribute?.name === 'value') {
    const tensor = attribute.t;
    if (tensor !== undefined) tensor.name = name;
    return tensor;
  }
  const tensor = attribute && listed(attribute.name, attribute);
  return tensor && tensorProto(model, name, tensor);
}

/** The tensor of the short forms: float32 or int64, a scalar or a vector (Constant, opset 12). */
function listed(form: string, { f, i, floats, ints }: { f: number; i: bigint; floats: number[]; ints: bigint[] }): Tensor | undefined {
  switch (form) {
    case 'value_float':
      return arrayTensor('float32', [], Float32Array.of(f));
    case 'value_floats':
      return arrayTensor('float32', [floats.length], Float32Array.from(floats));
    case 'value_int':
      return arrayTensor('int64', [], BigInt64Array.of(i));
    case 'value_ints':
      return arrayTensor('int64', [ints.length], BigInt64Array.from(ints));
    default:
      return undefined;
  }
}
