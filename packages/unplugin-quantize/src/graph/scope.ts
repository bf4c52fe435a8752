import { sameDomain, type AttributeProto, type GraphProto, type Model, type NodeProto, type TensorProto } from '../onnx/index.ts';

/** A graph with the graphs around it: names that it does not define are looked up outwards (ONNX IR, "Name scoping"). */
export interface Scope {
  readonly graph: GraphProto;
  readonly parent: Scope | undefined;
  /** The node of the parent that carries the graph; undefined for the main graph. */
  readonly owner: NodeProto | undefined;
  /** '' for the main graph, else the names of the nodes and attributes down to it, such as 'If_3/then_branch/'. */
  readonly path: string;
}

/** The main graph and all subgraphs of If, Loop, Scan and the like, outer before inner, in file order. */
export function scopesOf(model: Model): Scope[] {
  const scopes: Scope[] = [];
  const visit = (graph: GraphProto, parent: Scope | undefined, owner: NodeProto | undefined, path: string): void => {
    const scope = { graph, parent, owner, path };
    scopes.push(scope);
    for (const node of graph.node) {
      if (!hasSubgraphs(node)) continue;
      for (const { attribute, graph: inner } of subgraphsOf(node)) {
        visit(inner, scope, node, `${path}${nodeLabel(node)}/${attribute.name}/`);
      }
    }
  };
  if (model.proto.graph !== undefined) visit(model.proto.graph, undefined, undefined, '');
  return scopes;
}

/** The innermost scope that is around two scopes, or one of them. */
export function commonScope(a: Scope, b: Scope): Scope {
  const around = new Set<Scope>();
  for (let scope: Scope | undefined = a; scope !== undefined; scope = scope.parent) around.add(scope);
  let scope = b;
  while (!around.has(scope) && scope.parent !== undefined) scope = scope.parent;
  return scope;
}

/** True when a node is the standard's operator of this name, not another domain's. */
export function isOperator(node: NodeProto, ...opTypes: string[]): boolean {
  return opTypes.includes(node.opType) && sameDomain(node.domain, '');
}

/** What to call a node in a message: its name, else its first output, else its operator. */
export function nodeLabel(node: NodeProto): string {
  return node.name || node.output[0] || node.opType;
}

/** True for If, Loop, Scan and the like. Asked of every node again and again, so it makes nothing. */
export function hasSubgraphs({ attribute }: NodeProto): boolean {
  for (let i = 0; i < attribute.length; i++) if (attribute[i]!.g !== undefined || attribute[i]!.graphs.length > 0) return true;
  return false;
}

/** The graphs that a node carries in its attributes. */
export function* subgraphsOf(node: NodeProto): Generator<{ attribute: AttributeProto; graph: GraphProto }> {
  for (const attribute of node.attribute) {
    if (attribute.g !== undefined) yield { attribute, graph: attribute.g };
    for (const graph of attribute.graphs) yield { attribute, graph };
  }
}

/** Every TensorProto of the model: initializers, sparse ones, attributes, in all scopes and local functions. */
export function* tensorsOf(model: Model): Generator<TensorProto> {
  for (const { graph } of scopesOf(model)) {
    yield* graph.initializer;
    for (const sparse of graph.sparseInitializer) yield* sparseTensors(sparse);
    for (const node of graph.node) if (node.attribute.length > 0) yield* attributeTensors(node);
  }
  for (const fn of model.proto.functions) for (const node of fn.node) yield* attributeTensors(node);
}

function* attributeTensors(node: NodeProto): Generator<TensorProto> {
  for (const attribute of node.attribute) {
    if (attribute.t !== undefined) yield attribute.t;
    yield* attribute.tensors;
    if (attribute.sparseTensor !== undefined) yield* sparseTensors(attribute.sparseTensor);
    for (const sparse of attribute.sparseTensors) yield* sparseTensors(sparse);
  }
}

function* sparseTensors(sparse: { values?: TensorProto; indices?: TensorProto }): Generator<TensorProto> {
  if (sparse.values !== undefined) yield sparse.values;
  if (sparse.indices !== undefined) yield sparse.indices;
}
