import type { Model } from '../../onnx/index.ts';
import { scopesOf } from '../scope.ts';

/**
 * Stops initializers from being inputs too, in every scope: from then on nobody can feed another value, so they are constants.
 *
 *     inputs: x, w    initializer w    =>    inputs: x    initializer w
 *
 * - IR version 3 lists all initializers as inputs, later ones where an exporter was told to (keep_initializers_as_inputs).
 * - The IR version becomes at least 4 when an input is removed; version 3 has no constants.
 *
 * @returns the number of inputs removed
 */
export function initializersAsConstants(model: Model): number {
  let removed = 0;
  for (const { graph } of scopesOf(model)) {
    const constants = new Set(graph.initializer.map((tensor) => tensor.name));
    for (const sparse of graph.sparseInitializer) constants.add(sparse.values?.name ?? '');
    const inputs = graph.input.filter((value) => !constants.has(value.name));
    removed += graph.input.length - inputs.length;
    if (inputs.length < graph.input.length) graph.input = inputs;
  }
  if (removed > 0 && model.proto.irVersion < 4n) model.proto.irVersion = 4n;
  return removed;
}
