import { assertSound } from '../../graph/passes/assert-sound.ts';
import { prepareGraph } from '../../graph/passes/run-passes.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { readModel, writeModel, type ByteSource, type ExternalFiles, type Payload } from '../../onnx/index.ts';
import { createContext, type QuantizeOptions } from '../context.ts';
import { inlineExternalData } from '../inline-external.ts';
import { observeProducts, type Observation } from './observe.ts';

export type { HessianSource } from './hessian.ts';
export { hessianSums, type HessianSums, type Observation } from './observe.ts';

/**
 * The model with further outputs that tell what GPTQ needs to know of the samples it is run on (`hessianSums`).
 *
 * @throws QuantizeError when the model cannot be read (see quantizeSource)
 */
export function observeSource(source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions): { stream: Payload; observations: Observation[] } {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  inlineExternalData(model);
  prepareGraph(model);
  const observations = observeProducts(createContext(model, options));
  return { stream: writeModel(model), observations };
}
