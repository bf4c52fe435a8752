import type { Model, NodeProto, TensorProto } from '../onnx/index.ts';
import { scopesOf, type Scope } from './scope.ts';

/** One reading of a value: the node, the input's index, and the scope of the node, which may be inside the value's scope. */
export interface Use {
  readonly node: NodeProto;
  readonly index: number;
  readonly scope: Scope;
}

/** Who makes and who reads each name that a scope defines. A snapshot: edits of the graph are not followed. */
export interface Edges {
  readonly scope: Scope;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly producers: ReadonlyMap<string, NodeProto>;
  /** Readings in this scope and in the subgraphs below it. */
  uses(name: string): readonly Use[];
  /** True when a subgraph hands the name out as its own output, which no node input shows. */
  leavesSubgraph(name: string): boolean;
}

interface MutableEdges extends Edges {
  readonly readers: Map<string, Use[]>;
  readonly leaving: Set<string>;
}

const NO_USES: readonly Use[] = [];

/** Indexes every scope of a model, outer before inner. */
export function indexEdges(model: Model): Edges[] {
  const all = scopesOf(model).map(definitions);
  const byScope = new Map(all.map((edges) => [edges.scope, edges]));
  for (const { scope } of all) {
    for (const node of scope.graph.node) {
      node.input.forEach((name, index) => {
        if (name === '') return;
        const readers = definingScope(name, scope, byScope)?.readers;
        const uses = readers?.get(name);
        if (uses === undefined) readers?.set(name, [{ node, index, scope }]);
        else uses.push({ node, index, scope });
      });
    }
    for (const output of scope.graph.output) {
      const owner = definingScope(output.name, scope, byScope);
      if (owner !== undefined && owner.scope !== scope) owner.leaving.add(output.name);
    }
  }
  return all;
}

/** The edges of the nearest scope, from `scope` outwards, that defines a name. */
export function resolve(name: string, scope: Scope, all: readonly Edges[]): Edges | undefined {
  return definingScope(name, scope, new Map(all.map((edges) => [edges.scope, edges])));
}

function definitions(scope: Scope): MutableEdges {
  const { graph } = scope;
  const readers = new Map<string, Use[]>();
  const leaving = new Set<string>();
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') producers.set(name, node);
  return {
    scope,
    initializers: new Map(graph.initializer.map((tensor) => [tensor.name, tensor])),
    inputs: new Set(graph.input.map((value) => value.name)),
    outputs: new Set(graph.output.map((value) => value.name)),
    producers,
    readers,
    leaving,
    uses: (name) => readers.get(name) ?? NO_USES,
    leavesSubgraph: (name) => leaving.has(name),
  };
}

function definingScope<E extends Edges>(name: string, from: Scope, byScope: ReadonlyMap<Scope, E>): E | undefined {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    const edges = byScope.get(scope);
    if (edges === undefined) continue;
    if (edges.producers.has(name) || edges.initializers.has(name) || edges.inputs.has(name)) return edges;
  }
  return undefined;
}
