import type { Model } from '../../onnx/index.ts';
import { scopesOf } from '../scope.ts';

/**
 * Removes value_info and quantization_annotation entries of values that their graph no longer has, in every scope.
 *
 *     value_info: a, b    Relu(x) -> a    =>    value_info: a    Relu(x) -> a
 *
 * - Values are the graph's inputs, outputs, initializers and node outputs.
 *
 * @returns the number of entries removed
 */
export function dropStaleTypes(model: Model): number {
  let dropped = 0;
  for (const { graph } of scopesOf(model)) {
    const names = new Set<string>();
    for (const { name } of graph.input) names.add(name);
    for (const { name } of graph.output) names.add(name);
    for (const { name } of graph.initializer) names.add(name);
    for (const { values } of graph.sparseInitializer) names.add(values?.name ?? '');
    for (const node of graph.node) for (const name of node.output) names.add(name);
    const types = graph.valueInfo.filter((value) => names.has(value.name));
    const annotations = graph.quantizationAnnotation.filter((entry) => names.has(entry.tensorName));
    dropped += graph.valueInfo.length - types.length + graph.quantizationAnnotation.length - annotations.length;
    graph.valueInfo = types;
    graph.quantizationAnnotation = annotations;
  }
  return dropped;
}
