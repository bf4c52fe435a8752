import { toBinary } from '@bufbuild/protobuf';
import { AttributeProtoSchema, readPayload, tensorOf, type Model, type NodeProto, type TensorProto } from '../../onnx/index.ts';
import { constantOf, isHandedOut, resolve, type Edges } from '../edges.ts';
import { constantBytes, folderOf, SMALL_BYTES, tryFold } from './try-fold.ts';

/** A value that constants alone decide. Equal ones are one object, whatever they are called and in whichever scope they are. */
export interface ConstantValue {
  readonly tensor: TensorProto;
  /** The large initializers that it is made of; itself where it is one. */
  readonly origins: ReadonlySet<ConstantValue>;
  /** The innermost scope of its origins, and its name where it is an initializer there. */
  readonly home: Edges;
  readonly name: string;
}

/** A node that is made of constants, at least one of them large, with what it computes. */
export interface ConstantNode {
  readonly node: NodeProto;
  readonly edges: Edges;
  readonly values: readonly ConstantValue[];
}

/** Finds the nodes that `tryFold` can compute from constants, also through each other; outer scopes first, in the order of the nodes. */
export function findConstantNodes(model: Model, all: readonly Edges[]): ConstantNode[] {
  const depths = new Map(all.map((edges, depth) => [edges, depth]));
  const computed = new Map<Edges, Map<string, ConstantValue>>(all.map((edges) => [edges, new Map()]));
  const byKey = new Map<string, ConstantValue>();
  const ids = new Map<ConstantValue, number>();
  const intern = (key: string, make: () => ConstantValue): ConstantValue => {
    const value = byKey.get(key) ?? make();
    byKey.set(key, value);
    if (!ids.has(value)) ids.set(value, ids.size);
    return value;
  };
  const valueOf = (name: string, edges: Edges): ConstantValue | undefined => {
    const home = name === '' ? undefined : resolve(name, edges.scope, all);
    if (home === undefined) return undefined;
    const tensor = constantOf(name, edges.scope, all);
    return tensor === undefined ? computed.get(home)!.get(name) : intern(initializerKey(model, tensor, depths.get(home)!), () => initializerValue(model, tensor, home));
  };

  const found: ConstantNode[] = [];
  for (const edges of all) {
    for (const node of edges.scope.graph.node) {
      if (folderOf(node) === undefined) continue;
      const inputs = node.input.map((name) => valueOf(name, edges));
      const origins = new Set(inputs.flatMap((input) => [...(input?.origins ?? [])]));
      if (origins.size === 0 || node.output.some((name) => name === '' || isHandedOut(name, edges))) continue;
      const key = expressionKey(node, inputs.map((input) => (input === undefined ? -1 : ids.get(input)!)));
      let folding: TensorProto[] | undefined;
      if (!byKey.has(`${key}0`)) {
        folding = tryFold(model, node, (name) => inputs[node.input.indexOf(name)]?.tensor)?.results;
        if (folding === undefined) continue;
      }
      const home = [...origins].map((origin) => origin.home).reduce((a, b) => (depths.get(b)! > depths.get(a)! ? b : a));
      const values = node.output.map((name, i) => intern(`${key}${i}`, () => ({ tensor: folding![i]!, origins, home, name })));
      values.forEach((value, i) => computed.get(edges)!.set(node.output[i]!, value));
      found.push({ node, edges, values });
    }
  }
  return found;
}

function initializerValue(model: Model, tensor: TensorProto, home: Edges): ConstantValue {
  const origins = new Set<ConstantValue>();
  const value = { tensor, origins, home, name: tensor.name };
  if (isLarge(model, tensor)) origins.add(value);
  return value;
}

/** Small constants are equal by content, large ones only where they are the same. */
function initializerKey(model: Model, tensor: TensorProto, depth: number): string {
  if (isLarge(model, tensor)) return `${depth}/${tensor.name}`;
  return `=${tensor.dataType}[${tensor.dims.join()}]${String(readPayload(tensorOf(model, tensor)))}`;
}

function isLarge(model: Model, tensor: TensorProto): boolean {
  return constantBytes(model, tensor) > SMALL_BYTES;
}

/** Followed by the number of an output. */
function expressionKey(node: NodeProto, inputs: readonly number[]): string {
  const attributes = node.attribute.map((attribute) => String(toBinary(AttributeProtoSchema, attribute))).sort();
  return `${node.opType}(${inputs.join()})${node.output.length}{${attributes.join(';')}}`;
}
