import { QuantizeError } from '../errors.ts';
import { quantizeSource, type QuantizedSource, type QuantizeOptions } from '../quantize/index.ts';
import { withModelFile } from './file-source.ts';
import { writePayload, type WrittenFile } from './write-file.ts';

/** An artefact in a file and what quantizing told about it: plain data, kept in the cache as JSON. */
export interface Artefact extends WrittenFile, Omit<QuantizedSource, 'stream'> {
  /** Size of the model's file and its external data. */
  sourceBytes: number;
}

export interface QuantizeTask {
  /** Absolute path of the model. */
  path: string;
  /** How errors call the model. */
  name: string;
  options: QuantizeOptions;
  /** Path of the new file; there must be none. */
  out: string;
}

/**
 * Quantizes a file into another. Synchronous, because weights are computed while they are written.
 *
 * @throws QuantizeError for models that cannot be read and files that cannot be written; `out` is gone then
 */
export function quantizeToFile({ path, name, options, out }: QuantizeTask): Artefact {
  return withModelFile(path, name, ({ source, files }) => {
    try {
      const { stream, ...known } = quantizeSource(source, files, options);
      const sourceBytes = known.externalLocations.reduce((sum, location) => sum + files.open(location).byteLength, source.byteLength);
      return { ...writePayload(stream, out), sourceBytes, ...known };
    } catch (error) {
      throw error instanceof QuantizeError && error.code !== 'WRITE_FAILED' ? error.withModel(name) : error;
    }
  });
}
