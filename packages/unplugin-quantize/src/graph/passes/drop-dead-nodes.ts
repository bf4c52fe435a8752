import type { Model, NodeProto } from '../../onnx/index.ts';
import { indexEdges, resolve, type Edges, type EdgesOf } from '../edges.ts';
import { scopesOf, type Scope } from '../scope.ts';

/**
 * Removes nodes that no output of the model depends on, in every scope.
 *
 *     MatMul -> a, Relu(a) -> y (output), Shape(a) -> s, Cast(s) -> t    =>    MatMul -> a, Relu(a) -> y
 *
 * - Live are the nodes that compute outputs of the main graph, and whatever a live node reads.
 * - A live If, Loop or Scan keeps all outputs of its subgraphs and all values that they take from outside.
 * - Operators of the standard have no effects beside their outputs, so a node without a reader may go; random ones too.
 *
 * @returns the number of nodes removed; a removed node's subgraphs are not counted
 */
export function dropDeadNodes(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const live = liveNodes(edgesOf(model));
  let dropped = 0;
  for (const { graph, owner } of scopesOf(model)) {
    if (owner !== undefined && !live.has(owner)) continue;
    const kept = graph.node.filter((node) => live.has(node));
    dropped += graph.node.length - kept.length;
    if (kept.length < graph.node.length) graph.node = kept;
  }
  return dropped;
}

function liveNodes(all: readonly Edges[]): Set<NodeProto> {
  const inner = new Map<NodeProto, Edges[]>();
  for (const edges of all) {
    const { owner } = edges.scope;
    if (owner !== undefined) inner.set(owner, [...(inner.get(owner) ?? []), edges]);
  }
  const live = new Set<NodeProto>();
  const pending: { name: string; scope: Scope }[] = [];
  const needOutputs = ({ outputs, scope }: Edges): void => {
    for (const name of outputs) pending.push({ name, scope });
  };

  if (all[0] !== undefined) needOutputs(all[0]);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const owner = resolve(next.name, next.scope, all);
    const node = owner?.producers.get(next.name);
    if (owner === undefined || node === undefined || live.has(node)) continue;
    live.add(node);
    for (const name of node.input) if (name !== '') pending.push({ name, scope: owner.scope });
    for (const edges of inner.get(node) ?? []) needOutputs(edges);
  }
  return live;
}
