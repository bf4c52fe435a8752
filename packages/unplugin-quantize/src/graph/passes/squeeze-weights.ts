import type { Model, TensorProto } from '../../onnx/index.ts';
import { indexEdges, isHandedOut, type Edges, type EdgesOf, type Use } from '../edges.ts';
import { rankFinder } from '../opset/rank.ts';
import { isOperator } from '../scope.ts';

/**
 * Takes leading dimensions of 1 from matrices that only MatMul reads, as its right side, so that they are matrices to every scheme:
 *
 *     MatMul(A [B, M, K], W [1, K, N])    =>    MatMul(A, W [K, N])
 *
 * Only where A is known to have as many dimensions as W: else the product would lose some.
 *
 * @returns the number of initializers that changed
 */
export function squeezeWeights(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  const candidates = all.flatMap((edges) => edges.scope.graph.initializer.filter((proto) => isWideMatrix(proto, edges)).map((proto) => ({ proto, edges })));
  if (candidates.length === 0) return 0;
  const rankOf = rankFinder(model, all);
  const isProduct = ({ node, index, scope }: Use, { dims }: TensorProto): boolean =>
    isOperator(node, 'MatMul') && index === 1 && (rankOf(node.input[0]!, scope) ?? 0) >= dims.length;
  const chosen = candidates.filter(({ proto, edges }) => edges.uses(proto.name).every((use) => isProduct(use, proto)));
  for (const { proto, edges: { scope: { graph } } } of chosen) {
    proto.dims = proto.dims.slice(-2);
    graph.valueInfo = graph.valueInfo.filter(({ name }) => name !== proto.name);
  }
  return chosen.length;
}

function isWideMatrix({ name, dims }: TensorProto, edges: Edges): boolean {
  return dims.length > 2 && dims.slice(0, -2).every((dim) => dim === 1n) && !edges.inputs.has(name) && !isHandedOut(name, edges) && edges.uses(name).length > 0;
}
