import type { FunctionProto, Model, NodeProto } from '../../onnx/index.ts';
import { subgraphsOf } from '../scope.ts';

/** What a node and the local function that it calls have in common: domain, name and overload. */
export function functionKey(domain: string, name: string, overload: string): string {
  return [domain === 'ai.onnx' ? '' : domain, name, ...(overload === '' ? [] : [overload])].join(':');
}

/** The local functions of a model by their key; the first of two with the same key, as onnxruntime refuses such a model. */
export type FunctionTable = ReadonlyMap<string, FunctionProto>;

export function functionTable(model: Model): FunctionTable {
  const table = new Map<string, FunctionProto>();
  for (const fn of model.proto.functions) {
    const key = functionKey(fn.domain, fn.name, fn.overload);
    if (!table.has(key)) table.set(key, fn);
  }
  return table;
}

export function calledKey(node: NodeProto): string {
  return functionKey(node.domain, node.opType, node.overload);
}

/** The nodes of a list and of all subgraphs below it. */
export function* nodesBelow(nodes: readonly NodeProto[]): Generator<NodeProto> {
  for (const node of nodes) {
    yield node;
    for (const { graph } of subgraphsOf(node)) yield* nodesBelow(graph.node);
  }
}

/** The local functions that a list of nodes calls, once for each call. */
export function calledFunctions(nodes: readonly NodeProto[], table: FunctionTable): string[] {
  return [...nodesBelow(nodes)].map(calledKey).filter((key) => table.has(key));
}
