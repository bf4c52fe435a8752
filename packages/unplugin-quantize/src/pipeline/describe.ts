import { QuantizeError } from '../errors.ts';
import { describeSource, type QuantizeOptions } from '../quantize/index.ts';
import type { ModelDetails } from '../types.ts';
import { withModelFile } from './files/file-source.ts';
import { readObservation } from './cache/observed-file.ts';

export interface DescribeTask {
  /** Absolute path of the model. */
  path: string;
  /** How errors call the model. */
  name: string;
  /** Those that the artefact was made with. */
  options: QuantizeOptions;
  /** Path of what a calibration found (observed-file.ts). */
  observed?: string | undefined;
  /** Absolute path of the artefact. */
  artefact: string;
}

/**
 * Looks at an artefact beside its source, weight by weight.
 *
 * @throws QuantizeError for models that cannot be read
 */
export function describeArtefact({ path, name, options, observed, artefact }: DescribeTask): ModelDetails {
  const withObserved = <T>(use: (told: Parameters<typeof describeSource>[0]['observed']) => T): T =>
    observed === undefined ? use({}) : withModelFile(observed, observed, ({ source }) => use(readObservation(source)));
  try {
    return withModelFile(path, name, ({ source, files }) =>
      withModelFile(artefact, artefact, (made) => withObserved((told) => describeSource({ source, files, options, observed: told, artefact: made }))));
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(name) : error;
  }
}
