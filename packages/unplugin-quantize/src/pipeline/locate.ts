import { tensorsOf } from '../graph/index.ts';
import { externalLocations, readModel } from '../onnx/index.ts';
import { withModelFile } from './file-source.ts';

/**
 * The relative files that a model refers to, sorted.
 *
 * @throws QuantizeError MODEL_* for files that are no models
 */
export function locateExternals({ path, name }: { path: string; name: string }): string[] {
  return withModelFile(path, name, ({ source, files }) => externalLocations(tensorsOf(readModel(source, files))));
}
