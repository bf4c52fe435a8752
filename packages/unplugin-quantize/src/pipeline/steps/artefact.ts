import { dirname, join } from 'node:path';
import { QuantizeError } from '../../errors.ts';
import type { Payload } from '../../onnx/index.ts';
import { PresumptionFailed, quantizeSource, type ExternalData, type Observed, type QuantizedSource, type QuantizeOptions } from '../../quantize/index.ts';
import type { ArtefactDataFile } from '../../types.ts';
import { withModelFile } from '../files/file-source.ts';
import { readObservation } from '../cache/observed-file.ts';
import { removeDraft, writePayload, type WrittenFile } from '../cache/write-file.ts';

/** An artefact in a file and what quantizing told about it: plain data, kept in the cache as JSON. */
export interface Artefact extends WrittenFile, Omit<QuantizedSource, 'stream' | 'data'> {
  /** The file beside the artefact that has its large weights, where one was asked for and needed. */
  data?: ArtefactDataFile;
  /** Size of the model's file and its external data. */
  sourceBytes: number;
}

export interface QuantizeTask {
  /** Absolute path of the model. */
  path: string;
  /** How errors call the model. */
  name: string;
  options: QuantizeOptions;
  /** Path of what a calibration found (observed-file.ts). */
  observed?: string | undefined;
  /** Path of the new file; there must be none. */
  out: string;
  /** Name of a new file in the folder of `out` that large weights go to; without it everything is in one file. */
  dataLocation?: string | undefined;
  /** False leaves hashes empty, for callers that show none: hashing takes an eighth of the time. */
  isHashed?: boolean;
}

/**
 * Quantizes a file into another. Synchronous, because weights are computed while they are written.
 *
 * @throws QuantizeError for models that cannot be read and files that cannot be written; what was written is gone then
 */
export function quantizeToFile({ path, name, options, observed, out, dataLocation, isHashed = true }: QuantizeTask): Artefact {
  return withModelFile(path, name, ({ source, files }) => {
    try {
      return withObservation(observed, ({ notes, ...told }) => {
        const make = (presumes: boolean): Artefact => {
          const { stream, data, ...known } = quantizeSource(source, files, options, told, dataLocation, presumes);
          const sourceBytes = known.externalLocations.reduce((sum, location) => sum + files.open(location).byteLength, source.byteLength);
          return { ...writeFiles(stream, data, out, isHashed), sourceBytes, ...known, notes: [...notes, ...known.notes] };
        };
        return presumingFirst(make);
      });
    } catch (error) {
      throw error instanceof QuantizeError && error.code !== 'WRITE_FAILED' ? error.withModel(name) : error;
    }
  });
}

/** Nearly all weights are in the range of half precision: reading them twice to make sure would take a fifth of the time. */
function presumingFirst(make: (presumes: boolean) => Artefact): Artefact {
  try {
    return make(true);
  } catch (error) {
    if (!(error instanceof PresumptionFailed)) throw error;
    return make(false);
  }
}

/** What a calibration found stays open while weights are computed. */
function withObservation<T>(path: string | undefined, use: (observed: Observed & { notes: string[] }) => T): T {
  return path === undefined ? use({ notes: [] }) : withModelFile(path, path, ({ source }) => use(readObservation(source)));
}

function writeFiles(stream: Payload, data: ExternalData | undefined, out: string, isHashed: boolean): Pick<Artefact, 'bytes' | 'sha256' | 'data'> {
  if (data === undefined) return writePayload(stream, out, isHashed);
  const path = join(dirname(out), data.location);
  const written = writePayload(data.stream, path, isHashed);
  try {
    return { ...writePayload(stream, out, isHashed), data: { location: data.location, ...written } };
  } catch (error) {
    removeDraft(path);
    throw error;
  }
}
