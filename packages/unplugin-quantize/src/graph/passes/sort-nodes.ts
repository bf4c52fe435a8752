import { QuantizeError } from '../../errors.ts';
import type { GraphProto, Model, NodeProto } from '../../onnx/index.ts';
import { indexEdges, resolve, type Edges, type EdgesOf } from '../edges.ts';
import { hasSubgraphs, nodeLabel, subgraphsOf, type Scope } from '../scope.ts';

/**
 * Puts the nodes of every scope into an order in which each value is computed before it is read. Graphs in order are left alone.
 *
 *     Relu(a) -> y, MatMul(x, w) -> a    =>    MatMul(x, w) -> a, Relu(a) -> y
 *
 * - What a node's subgraphs take from the scope counts as read by the node.
 * - Nodes keep the file's order except that what a node needs is moved in front of it.
 *
 * @returns the number of scopes that were sorted
 * @throws QuantizeError MODEL_INVALID when nodes wait for each other
 */
export function sortNodes(model: Model, edgesOf: EdgesOf = indexEdges): number {
  if (isSorted(model)) return 0;
  const all = edgesOf(model);
  const needs = dependencies(all);
  let sorted = 0;
  for (const { scope: { graph } } of all) {
    const order = sortedNodes(graph.node, needs, model.name);
    if (order.every((node, i) => node === graph.node[i])) continue;
    graph.node = order;
    sorted++;
  }
  return sorted;
}

/** True where no node reads what is defined behind it. A look at each name, where to sort takes an index; false where that is not clear. */
function isSorted(model: Model): boolean {
  const visit = (graph: GraphProto, outer: readonly ReadonlySet<string>[]): boolean => {
    const own = new Set<string>();
    for (const { name } of graph.input) own.add(name);
    for (const { name } of graph.initializer) own.add(name);
    for (const { values } of graph.sparseInitializer) own.add(values?.name ?? '');
    const fromOutside = new Set<string>();
    for (const node of graph.node) {
      for (const name of node.input) {
        if (name === '' || own.has(name)) continue;
        if (!outer.some((names) => names.has(name))) return false;
        fromOutside.add(name);
      }
      if (hasSubgraphs(node)) for (const { graph: inner } of subgraphsOf(node)) if (!visit(inner, [...outer, own])) return false;
      for (const name of node.output) {
        // What a node before this one read would be this value, not the one from outside.
        if (fromOutside.has(name)) return false;
        own.add(name);
      }
    }
    return true;
  };
  return model.proto.graph === undefined || visit(model.proto.graph, []);
}

/** The nodes of the same scope that each node has to wait for. */
function dependencies(all: readonly Edges[]): Map<NodeProto, NodeProto[]> {
  const needs = new Map<NodeProto, NodeProto[]>();
  const add = (name: string, from: Scope, reader: NodeProto | undefined): void => {
    const owner = resolve(name, from, all);
    const producer = owner?.producers.get(name);
    if (owner === undefined || producer === undefined) return;
    let waiting = reader;
    // A value of an outer scope is waited for by the node of that scope that carries the graphs in between.
    for (let scope: Scope | undefined = from; scope !== undefined && scope !== owner.scope; scope = scope.parent) waiting = scope.owner;
    if (waiting === undefined) return;
    const known = needs.get(waiting);
    if (known === undefined) needs.set(waiting, [producer]);
    else known.push(producer);
  };
  for (const { scope, outputs } of all) {
    for (const node of scope.graph.node) for (const name of node.input) if (name !== '') add(name, scope, node);
    for (const name of outputs) add(name, scope, undefined);
  }
  return needs;
}

/** Depth-first search with a stack of its own: a chain of 100,000 nodes must not overflow the call stack. */
function sortedNodes(nodes: readonly NodeProto[], needs: ReadonlyMap<NodeProto, readonly NodeProto[]>, model: string): NodeProto[] {
  const order: NodeProto[] = [];
  const state = new Map<NodeProto, 'waiting' | 'done'>();
  for (const root of nodes) {
    if (state.has(root)) continue;
    const stack = [{ node: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      state.set(top.node, 'waiting');
      const need = needs.get(top.node)?.[top.next++];
      if (need === undefined) {
        stack.pop();
        state.set(top.node, 'done');
        order.push(top.node);
      } else if (state.get(need) === 'waiting') {
        throw new QuantizeError('MODEL_INVALID', 'Nodes of the model wait for each other in a circle.', {
          model, node: nodeLabel(need), hint: 'Export the model again; a loop has to be written as a Loop or Scan node.',
        });
      } else if (!state.has(need)) {
        stack.push({ node: need, next: 0 });
      }
    }
  }
  return order;
}
