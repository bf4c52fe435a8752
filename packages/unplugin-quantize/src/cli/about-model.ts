import { tensorsOf } from '../graph/index.ts';
import { externalLocations, readModel } from '../onnx/index.ts';
import { withModelFile } from '../pipeline/files/file-source.ts';
import { inputSignatures } from '../quantize/index.ts';
import type { ValueSignature } from '../types.ts';

/** What a command has to know of a model before it runs it. */
export interface ModelAbout {
  /** Of its file and its external data. */
  bytes: number;
  /** Files that it keeps weights in, relative to its folder. */
  data: string[];
  inputs: ValueSignature[];
}

/** @throws QuantizeError MODEL_*, EXTERNAL_DATA_* */
export function aboutModel(path: string): ModelAbout {
  return withModelFile(path, path, ({ source, files }) => {
    const model = readModel(source, files);
    const locations = externalLocations(tensorsOf(model));
    const bytes = locations.reduce((sum, location) => sum + files.open(location).byteLength, source.byteLength);
    return { bytes, data: locations, inputs: inputSignatures(model.proto.graph!) };
  });
}
