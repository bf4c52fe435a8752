import { tensorsOf } from '../graph/index.ts';
import { externalLocations, readModel } from '../onnx/index.ts';
import { alreadyQuantized, inputSignatures, modelKind, quantizedPart, type ModelKind } from '../quantize/index.ts';
import type { ValueSignature } from '../types.ts';
import { withModelFile } from './files/file-source.ts';

/** What a model's file says of what belongs to it. */
export interface ModelFacts {
  /** Files that it refers to, relative to its folder, sorted. */
  externals: string[];
  /** What has to be fed. */
  inputs: ValueSignature[];
  /** What `auto` looks at. */
  kind: ModelKind;
  /** Whether it is quantized already, so that it is left as it is. */
  isQuantized: boolean;
}

/** @throws QuantizeError MODEL_* for files that are no models */
export function readFacts({ path, name }: { path: string; name: string }): ModelFacts {
  return withModelFile(path, name, ({ source, files }) => {
    const model = readModel(source, files);
    const isQuantized = alreadyQuantized(quantizedPart(model)) !== undefined;
    return { externals: externalLocations(tensorsOf(model)), inputs: inputSignatures(model.proto.graph!), kind: modelKind(model), isQuantized };
  });
}
