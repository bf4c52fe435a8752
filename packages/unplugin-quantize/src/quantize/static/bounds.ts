import { constantOf, isHandedOut, isOperator, type Edges } from '../../graph/index.ts';
import { dtypeOf, elementCount, readPayload, tensorOf, type Model, type NodeProto } from '../../onnx/index.ts';

/** A Relu or Clip that the saturation of the quantized value before it does as well. */
export interface Bound {
  readonly node: NodeProto;
  readonly low: number;
  readonly high: number;
}

/** The Relu or Clip that alone reads a value, where its range contains zero: only then do a scale and zero point end where it ends. */
export function boundAfter(value: string, edges: Edges, all: readonly Edges[], model: Model): Bound | undefined {
  const uses = edges.uses(value);
  const [use] = uses;
  if (uses.length !== 1 || use!.scope !== edges.scope || use!.index !== 0 || isHandedOut(value, edges)) return undefined;
  const { node } = use!;
  if (isOperator(node, 'Relu')) return { node, low: 0, high: Infinity };
  if (!isOperator(node, 'Clip')) return undefined;
  const limit = (index: number, none: number): number | undefined => {
    const name = node.input[index] ?? '';
    return name === '' ? none : scalar(name, edges, all, model);
  };
  const [low, high] = [limit(1, -Infinity), limit(2, Infinity)];
  return low !== undefined && high !== undefined && low <= 0 && high >= 0 && low < high ? { node, low, high } : undefined;
}

/** The one float32 number that a constant holds. */
export function scalar(name: string, edges: Edges, all: readonly Edges[], model: Model): number | undefined {
  const proto = constantOf(name, edges.scope, all);
  if (proto === undefined || dtypeOf(proto.dataType) !== 'float32') return undefined;
  const tensor = tensorOf(model, proto);
  return elementCount(tensor.dims) === 1 && tensor.dims.length <= 1 ? new Float32Array(readPayload(tensor).buffer)[0] : undefined;
}
