import type { Model, NodeProto, TensorProto } from '../onnx/index.ts';
import { scopesOf, type Scope } from './scope.ts';

/** One reading of a value: the node, the input's index, and the scope of the node, which may be inside the value's scope. */
export interface Use {
  readonly node: NodeProto;
  readonly index: number;
  readonly scope: Scope;
}

/** Who makes and who reads each name that a scope defines. A snapshot: of all edits only those made by the functions below are followed. */
export interface Edges {
  readonly scope: Scope;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly sparseInitializers: ReadonlySet<string>;
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  readonly producers: ReadonlyMap<string, NodeProto>;
  /** Readings in this scope and in the subgraphs below it. */
  uses(name: string): readonly Use[];
  /** True when a subgraph hands the name out as its own output, which no node input shows. */
  leavesSubgraph(name: string): boolean;
}

interface MutableEdges extends Edges {
  readonly producers: Map<string, NodeProto>;
  readonly initializers: Map<string, TensorProto>;
  readonly readers: Map<string, Use[]>;
  readonly leaving: Set<string>;
}

const NO_USES: readonly Use[] = [];

/** Gives the edges of a model: `indexEdges`, or an index that is known to be still right. */
export type EdgesOf = (model: Model) => Edges[];

/** Indexes every scope of a model, outer before inner. */
export function indexEdges(model: Model): Edges[] {
  const all = scopesOf(model).map(definitions);
  const byScope = new Map(all.map((edges) => [edges.scope, edges]));
  for (const { scope, readers: own } of all) {
    for (const node of scope.graph.node) {
      const { input } = node;
      for (let index = 0; index < input.length; index++) {
        const name = input[index]!;
        if (name === '') continue;
        const known = own.get(name) ?? definingScope(name, scope.parent, byScope)?.readers.get(name);
        known?.push({ node, index, scope });
      }
    }
    for (const output of scope.graph.output) {
      const owner = definingScope(output.name, scope, byScope);
      if (owner !== undefined && owner.scope !== scope) owner.leaving.add(output.name);
    }
  }
  return all;
}

/** Look-ups by scope, kept for as long as the array that `indexEdges` gave. */
const indices = new WeakMap<readonly Edges[], ReadonlyMap<Scope, Edges>>();

/** The edges of the nearest scope, from `scope` outwards, that defines a name. */
export function resolve(name: string, scope: Scope, all: readonly Edges[]): Edges | undefined {
  let byScope = indices.get(all);
  if (byScope === undefined) {
    byScope = new Map(all.map((edges) => [edges.scope, edges]));
    indices.set(all, byScope);
  }
  return definingScope(name, scope, byScope);
}

/** The initializer that a name stands for in a scope, unless the caller of the model may feed another value. */
export function constantOf(name: string, scope: Scope, all: readonly Edges[]): TensorProto | undefined {
  const owner = resolve(name, scope, all);
  return owner === undefined || owner.inputs.has(name) ? undefined : owner.initializers.get(name);
}

/** True when a value is handed out of its graph, so that its name has to stay. */
export function isHandedOut(name: string, edges: Edges): boolean {
  return edges.outputs.has(name) || edges.leavesSubgraph(name);
}

/**
 * Makes all readers of `from`, a value of `edges`, read `to`, a value of `target`; the index of readers follows.
 *
 * @returns false, with nothing changed, where a subgraph on the way has a value of its own called `to`
 */
export function redirectReads(from: string, edges: Edges, to: string, target: Edges, all: readonly Edges[]): boolean {
  const uses = edges.uses(from);
  if (uses.some((use) => resolve(to, use.scope, all) !== target)) return false;
  for (const { node, index } of uses) node.input[index] = to;
  const { readers } = target as MutableEdges;
  const known = readers.get(to) ?? [];
  for (const use of uses) known.push(use);
  readers.set(to, known);
  (edges as MutableEdges).readers.delete(from);
  return true;
}

/** Gives an output of a node another name; readers are not touched, the index of producers follows. */
export function renameOutput(node: NodeProto, edges: Edges, from: string, to: string): void {
  node.output = node.output.map((name) => (name === from ? to : name));
  const { producers } = edges as MutableEdges;
  producers.delete(from);
  producers.set(to, node);
}

/** Adds an initializer to a scope; a node that computed the value before is the caller's to remove, the index follows. */
export function becomesInitializer(tensor: TensorProto, edges: Edges): void {
  edges.scope.graph.initializer.push(tensor);
  const { producers, initializers } = edges as MutableEdges;
  producers.delete(tensor.name);
  initializers.set(tensor.name, tensor);
}

/**
 * Lets readers of an initializer read one of the same scope or of one around it, which may have the same name. The index follows; the
 * initializer is the caller's to remove.
 *
 * @returns false, with nothing changed, where a subgraph on the way has a value of its own called `to`
 */
export function replaceInitializer(tensor: TensorProto, edges: Edges, to: string, target: Edges, all: readonly Edges[]): boolean {
  const { initializers } = edges as MutableEdges;
  initializers.delete(tensor.name);
  const isDone = redirectReads(tensor.name, edges, to, target, all);
  if (!isDone) initializers.set(tensor.name, tensor);
  return isDone;
}

function definitions(scope: Scope): MutableEdges {
  const { graph } = scope;
  const readers = new Map<string, Use[]>();
  const leaving = new Set<string>();
  const producers = new Map<string, NodeProto>();
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const sparseInitializers = new Set(graph.sparseInitializer.map((sparse) => sparse.values?.name ?? ''));
  const inputs = new Set(graph.input.map((value) => value.name));
  // Every name that the scope defines has its list, so that to find one is to know who defines the name.
  for (const names of [initializers.keys(), sparseInitializers, inputs]) for (const name of names) readers.set(name, []);
  for (const node of graph.node) {
    for (const name of node.output) {
      if (name === '') continue;
      producers.set(name, node);
      readers.set(name, []);
    }
  }
  return {
    scope,
    initializers,
    sparseInitializers,
    inputs,
    outputs: new Set(graph.output.map((value) => value.name)),
    producers,
    readers,
    leaving,
    uses: (name) => readers.get(name) ?? NO_USES,
    leavesSubgraph: (name) => leaving.has(name),
  };
}

function definingScope<E extends Edges>(name: string, from: Scope | undefined, byScope: ReadonlyMap<Scope, E>): E | undefined {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    const edges = byScope.get(scope);
    if (edges === undefined) continue;
    if (edges.producers.has(name) || edges.initializers.has(name) || edges.inputs.has(name) || edges.sparseInitializers.has(name)) return edges;
  }
  return undefined;
}
