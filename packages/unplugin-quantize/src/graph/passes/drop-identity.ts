import { readPayload, tensorOf, type Model, type NodeProto } from '../../onnx/index.ts';
import { constantOf, indexEdges, isHandedOut, redirectReads, renameOutput, resolve, type Edges, type EdgesOf } from '../edges.ts';
import { isOperator } from '../scope.ts';

/**
 * Removes nodes that hand on their input unchanged, in every scope: Identity, and Dropout outside of training.
 *
 *     MatMul -> a, Identity(a) -> b, Relu(b) -> c    =>    MatMul -> a, Relu(a) -> c
 *
 * - Dropout counts when its mask is neither read nor handed out, and `training_mode` is absent or the constant false.
 * - y = Identity(x) where y is not an output of its graph: readers of y read x, which may be an initializer or a value of an outer scope.
 * - y is an output: the node that computes x in the same scope computes y instead, if x itself is not an output.
 * - y is an output and x is a graph input, an initializer or a value of an outer scope: the node stays, as an output has to come from a node.
 * - A subgraph between that has another value of the same name keeps the node where it is.
 *
 * @returns the number of nodes removed
 */
export function dropIdentity(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  let dropped = 0;
  for (const edges of all) {
    const { graph } = edges.scope;
    const kept = graph.node.filter((node) => !(isPassThrough(node, edges, all, model) && bypass(node, edges, all)));
    dropped += graph.node.length - kept.length;
    if (kept.length < graph.node.length) graph.node = kept;
  }
  return dropped;
}

function isPassThrough(node: NodeProto, edges: Edges, all: readonly Edges[], model: Model): boolean {
  if (isOperator(node, 'Identity')) return true;
  if (!isOperator(node, 'Dropout')) return false;
  const [, mask = ''] = node.output;
  if (mask !== '' && (edges.uses(mask).length > 0 || isHandedOut(mask, edges))) return false;
  const training = node.input[2] ?? '';
  if (training === '') return true;
  const constant = constantOf(training, edges.scope, all);
  return constant !== undefined && readPayload(tensorOf(model, constant)).every((byte) => byte === 0);
}

/** Takes y = f(x) out of the paths of its readers; false where the rules want it to stay. */
function bypass(node: NodeProto, edges: Edges, all: readonly Edges[]): boolean {
  const [x = ''] = node.input;
  const [y = ''] = node.output;
  const source = x === '' || y === '' ? undefined : resolve(x, edges.scope, all);
  if (source === undefined || edges.leavesSubgraph(y)) return false;
  if (!edges.outputs.has(y)) return redirectReads(y, edges, x, source, all);
  const producer = source === edges ? edges.producers.get(x) : undefined;
  if (producer === undefined || producer === node || isHandedOut(x, edges)) return false;
  if (!redirectReads(x, edges, y, edges, all)) return false;
  renameOutput(producer, edges, x, y);
  return true;
}
