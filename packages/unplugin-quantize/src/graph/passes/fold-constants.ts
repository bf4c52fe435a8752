import type { Model, NodeProto, TensorProto } from '../../onnx/index.ts';
import { becomesInitializer, constantOf, indexEdges, isHandedOut, resolve, type Edges, type EdgesOf } from '../edges.ts';
import { constantBytes, SMALL_BYTES, tryFold } from '../fold/try-fold.ts';
import { isOperator } from '../scope.ts';

/**
 * Computes nodes whose inputs are initializers, of the same scope or of one around it, and makes their outputs initializers of their scope.
 *
 *     initializer w [3,4]    Transpose(w) -> wt, MatMul(x, wt) -> y    =>    initializer wt [4,3]    MatMul(x, wt) -> y
 *
 * - Cast among float32, float16 and float64 (not float64 to float16) and among integers of 8 to 64 bits;
 *   Transpose; Reshape, Squeeze, Unsqueeze, Flatten, Slice, Split, Gather where shapes, axes, places are constant too; Concat.
 * - Results that keep the order of elements share the data; others are computed when they are read, so no weight is loaded here.
 * - A source above 1 kB that anybody else reads is left alone, because folding would store it twice: tied weights stay tied.
 *   So is one of which Gather would store more than there was. `foldSharedConstants` takes what all readers can do without.
 * - An output of the graph stays a node's output. Identity is the business of `dropIdentity`.
 *
 * @returns the number of nodes folded
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a shape or a small tensor cannot be read
 */
export function foldConstants(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  let folded = 0;
  for (const edges of all) {
    const { graph } = edges.scope;
    const kept = graph.node.filter((node) => {
      const results = foldNode(model, node, edges, all);
      if (results === undefined) return true;
      for (const result of results) becomesInitializer(result, edges);
      return false;
    });
    folded += graph.node.length - kept.length;
    if (kept.length < graph.node.length) graph.node = kept;
  }
  return folded;
}

function foldNode(model: Model, node: NodeProto, edges: Edges, all: readonly Edges[]): TensorProto[] | undefined {
  if (node.output.some((name) => name === '' || isHandedOut(name, edges))) return undefined;
  const folding = tryFold(model, node, (name) => constantOf(name, edges.scope, all));
  if (folding === undefined) return undefined;
  const { sources, results } = folding;
  const bytes = (protos: readonly TensorProto[]): number => protos.reduce((sum, proto) => sum + constantBytes(model, proto), 0);
  const isShared = sources.some((source) => constantBytes(model, source) > SMALL_BYTES && hasOtherReaders(source.name, edges, all));
  const grows = !isOperator(node, 'Cast') && bytes(results) > Math.max(SMALL_BYTES, bytes(sources));
  if (isShared || grows) return undefined;
  results.forEach((result, i) => (result.name = node.output[i]!));
  return results;
}

function hasOtherReaders(name: string, edges: Edges, all: readonly Edges[]): boolean {
  const owner = resolve(name, edges.scope, all)!;
  return owner.uses(name).length > 1 || isHandedOut(name, owner);
}
