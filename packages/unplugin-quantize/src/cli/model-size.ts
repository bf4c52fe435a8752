import { withModelFile } from '../pipeline/file-source.ts';
import { tensorsOf } from '../graph/index.ts';
import { externalLocations, readModel } from '../onnx/index.ts';

/**
 * Bytes of a model's file and its external data.
 *
 * @throws QuantizeError MODEL_*, EXTERNAL_DATA_*
 */
export function modelSize(path: string): number {
  return withModelFile(path, path, ({ source, files }) => {
    const locations = externalLocations(tensorsOf(readModel(source, files)));
    return locations.reduce((sum, location) => sum + files.open(location).byteLength, source.byteLength);
  });
}
