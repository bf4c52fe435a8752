import type { Model } from '../../onnx/index.ts';
import { indexEdges, isHandedOut, type EdgesOf } from '../edges.ts';

/**
 * Removes initializers that nothing reads, dense and sparse, in every scope.
 *
 *     initializers: w, old    MatMul(x, w) -> y    =>    initializer: w    MatMul(x, w) -> y
 *
 * - Reading counts in the scope itself and in all subgraphs below it.
 * - An initializer that is an output of its graph stays, and one that is an input too, because callers know its name.
 *
 * @returns the number of initializers removed
 */
export function dropUnusedInitializers(model: Model, edgesOf: EdgesOf = indexEdges): number {
  let dropped = 0;
  for (const edges of edgesOf(model)) {
    const { graph } = edges.scope;
    const isNeeded = (name: string): boolean => edges.uses(name).length > 0 || isHandedOut(name, edges) || edges.inputs.has(name);
    const dense = graph.initializer.filter((tensor) => isNeeded(tensor.name));
    const sparse = graph.sparseInitializer.filter((tensor) => isNeeded(tensor.values?.name ?? ''));
    dropped += graph.initializer.length - dense.length + graph.sparseInitializer.length - sparse.length;
    graph.initializer = dense;
    graph.sparseInitializer = sparse;
  }
  return dropped;
}
