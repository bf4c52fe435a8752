import { outputDtype, type Edges, type Scope } from '../../graph/index.ts';
import { dtypeOf, type DType, type GraphProto, type ValueInfoProto } from '../../onnx/index.ts';

/** The float32 values that each scope can read and that are not constant: inputs without an initializer, and what nodes compute. */
export function floatValues(all: readonly Edges[]): Map<Scope, ReadonlySet<string>> {
  const known = new Map<Scope, ReadonlyMap<string, DType | undefined>>();
  const constants = new Map<Scope, ReadonlySet<string>>();
  // Outer scopes come before inner ones.
  for (const { scope } of all) {
    const outer = scope.parent === undefined ? undefined : known.get(scope.parent);
    known.set(scope, typesOf(scope.graph, outer ?? new Map()));
    const own = scope.graph.initializer.map(({ name }) => name);
    const computed = new Set(scope.graph.node.flatMap(({ output }) => output));
    const outerConstants = scope.parent === undefined ? [] : [...constants.get(scope.parent)!].filter((name) => !computed.has(name));
    constants.set(scope, new Set([...outerConstants, ...own]));
  }
  return new Map([...known].map(([scope, types]) => {
    const fixed = constants.get(scope)!;
    return [scope, new Set([...types].flatMap(([name, dtype]) => (dtype === 'float32' && name !== '' && !fixed.has(name) ? [name] : [])))];
  }));
}

function typesOf(graph: GraphProto, outer: ReadonlyMap<string, DType | undefined>): Map<string, DType | undefined> {
  const types = new Map(outer);
  const declared = new Map([...graph.valueInfo, ...graph.output].map((value) => [value.name, elementType(value)]));
  for (const value of graph.input) types.set(value.name, elementType(value));
  for (const { name, dataType } of graph.initializer) types.set(name, dtypeOf(dataType));
  for (const node of graph.node) {
    const inputs = node.input.map((name) => types.get(name));
    node.output.forEach((name, index) => types.set(name, outputDtype(node, inputs, index) ?? declared.get(name)));
  }
  return types;
}

function elementType({ type }: ValueInfoProto): DType | undefined {
  return type?.value.case === 'tensorType' ? dtypeOf(type.value.value.elemType) : undefined;
}
