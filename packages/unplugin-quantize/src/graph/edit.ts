import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema, type GraphProto, type Model, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { makeAttribute, type AttributeValue } from './attributes.ts';
import { scopesOf, subgraphsOf } from './scope.ts';

/** A node of the standard's domain unless `domain` says otherwise. */
export function makeNode(
  opType: string, input: string[], output: string[],
  attributes: Record<string, AttributeValue> = {}, { name = '', domain = '' } = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
  const node = create(NodeProtoSchema, { opType, input, output, attribute });
  // Fields that are set are written, even when they are empty.
  if (name !== '') node.name = name;
  if (domain !== '') node.domain = domain;
  return node;
}

/** Gives out names that no value, node or initializer of the model uses. */
export interface Names {
  fresh(base: string): string;
}

export function namesOf(model: Model): Names {
  const taken = new Set<string>();
  for (const { graph } of scopesOf(model)) {
    for (const value of [...graph.input, ...graph.output]) taken.add(value.name);
    for (const tensor of graph.initializer) taken.add(tensor.name);
    for (const sparse of graph.sparseInitializer) taken.add(sparse.values?.name ?? '');
    for (const node of graph.node) {
      taken.add(node.name);
      for (const name of node.input) taken.add(name);
      for (const name of node.output) taken.add(name);
    }
  }
  // What was tried for a base before is taken since then, so thousands of names of one base need no search from 1.
  const tried = new Map<string, number>();
  return {
    fresh(base) {
      let name = base;
      let i = tried.get(base) ?? 1;
      for (; taken.has(name); i++) name = `${base}_${i}`;
      tried.set(base, i);
      taken.add(name);
      return name;
    },
  };
}

/** Replaces nodes of a graph in place, keeping the order: each node becomes the nodes that `replace` gives, or stays for undefined. */
export function replaceNodes(graph: GraphProto, replace: (node: NodeProto) => NodeProto[] | undefined): void {
  const nodes = graph.node.flatMap((node) => replace(node) ?? [node]);
  graph.node = nodes;
}

/** Makes nodes and their subgraphs read other names; a subgraph that has a value of its own of such a name goes on reading that one. */
export function renameReads(nodes: readonly NodeProto[], renamed: ReadonlyMap<string, string>): void {
  if (renamed.size === 0) return;
  for (const node of nodes) {
    if (node.input.some((name) => renamed.has(name))) node.input = node.input.map((name) => renamed.get(name) ?? name);
    for (const { graph } of subgraphsOf(node)) renameReads(graph.node, withoutOwn(graph, renamed));
  }
}

function withoutOwn(graph: GraphProto, renamed: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const own = new Set([...graph.input.map(({ name }) => name), ...graph.initializer.map(({ name }) => name), ...graph.node.flatMap(({ output }) => output)]);
  return new Map([...renamed].filter(([name]) => !own.has(name)));
}

/** Values whose type is no longer what value_info says are dropped from it; onnxruntime infers them again. */
export function forgetTypes(model: Model): void {
  for (const { graph } of scopesOf(model)) graph.valueInfo = [];
}

/** Puts other tensors in the place of initializers; those without an entry stay. */
export function replaceInitializers(graph: GraphProto, replacements: ReadonlyMap<TensorProto, readonly TensorProto[]>): void {
  graph.initializer = graph.initializer.flatMap((proto) => replacements.get(proto) ?? [proto]);
}
