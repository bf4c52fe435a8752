import { scopesOf } from '../graph/index.ts';
import { externalizeData, writeModel, type Model, type Payload } from '../onnx/index.ts';

/** A file beside the model with the elements of its large tensors. */
export interface ExternalData {
  /** Name that the model knows the file by, relative to its own folder. */
  location: string;
  stream: Payload;
}

/** A model as it is written: in one file, or in two. */
export interface WrittenModel {
  stream: Payload;
  /** Absent where everything is in the model's file. */
  data?: ExternalData;
}

/**
 * Writes a model whose initializers from 1 kB on, those of subgraphs too, are in a file beside it; constants in attributes stay inside.
 *
 * @returns no `data` where no initializer is so large
 */
export function splitModel(model: Model, location: string): WrittenModel {
  const initializers = scopesOf(model).flatMap(({ graph }) => graph.initializer);
  const data = externalizeData(model, initializers, location);
  const stream = writeModel(model);
  return data.byteLength === 0 ? { stream } : { stream, data: { location, stream: data } };
}
