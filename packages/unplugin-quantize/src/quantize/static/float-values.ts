import { outputDtype } from '../../graph/index.ts';
import { dtypeOf, type DType, type Model, type ValueInfoProto } from '../../onnx/index.ts';

/** The float32 values of the main graph that are not constant: inputs without an initializer, and what nodes compute. */
export function floatValues(model: Model): Set<string> {
  const graph = model.proto.graph!;
  const types = new Map<string, DType | undefined>();
  const declared = new Map([...graph.valueInfo, ...graph.output].map((value) => [value.name, elementType(value)]));
  for (const value of graph.input) types.set(value.name, elementType(value));
  for (const { name, dataType } of graph.initializer) types.set(name, dtypeOf(dataType));
  const constants = new Set(graph.initializer.map(({ name }) => name));
  for (const node of graph.node) {
    const inputs = node.input.map((name) => types.get(name));
    node.output.forEach((name, index) => types.set(name, outputDtype(node, inputs, index) ?? declared.get(name)));
  }
  return new Set([...types].flatMap(([name, dtype]) => (dtype === 'float32' && name !== '' && !constants.has(name) ? [name] : [])));
}

function elementType({ type }: ValueInfoProto): DType | undefined {
  return type?.value.case === 'tensorType' ? dtypeOf(type.value.value.elemType) : undefined;
}
