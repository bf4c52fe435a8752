import { dirname } from 'node:path';
import { QuantizeError } from '../../errors.ts';
import type { ModelKind } from '../../quantize/index.ts';
import type { ValueSignature } from '../../types.ts';
import type { Cache } from '../cache/cache.ts';
import type { ModelFacts } from '../facts.ts';
import { resolveExternal, withModelFile } from './file-source.ts';
import type { Workers } from '../workers/workers.ts';

/** A model as content: what decides the artefact, and which files it came from. */
export interface ModelContent {
  sha256: string;
  /** SHA-256 by location. */
  externals: Record<string, string>;
  /** What has to be fed. */
  inputs: ValueSignature[];
  kind: ModelKind;
  isQuantized: boolean;
  /** Absolute paths of the model and its external data. */
  paths: string[];
  /** Of all of them together. */
  bytes: number;
}

/**
 * Hashes a model and its external data; what has not changed since the last build is not read.
 *
 * @throws QuantizeError MODEL_* for a file that is no model, EXTERNAL_DATA_*
 */
export async function readContent(path: string, name: string, cache: Cache, workers: Pick<Workers, 'facts'>): Promise<ModelContent> {
  // Opening is the test that this is a file that may be read, with the errors of all other readers.
  withModelFile(path, name, () => undefined);
  const { sha256, bytes: ownBytes } = await cache.hashes.digest(path);
  let bytes = ownBytes;
  const { externals: locations, inputs, kind, isQuantized } = await factsOf(path, name, sha256, bytes, cache, workers);
  const paths = [path];
  const externals: Record<string, string> = {};
  for (const location of locations) {
    const file = resolveExternal(path, location, name);
    const digest = await cache.hashes.digest(file);
    externals[location] = digest.sha256;
    bytes += digest.bytes;
    paths.push(file);
  }
  return { sha256, externals, inputs, kind, isQuantized, paths, bytes };
}

/** Reading the graph takes longer than a warm build may, so what it says is noted under the hash of the model. */
async function factsOf(path: string, name: string, sha256: string, bytes: number, cache: Cache, workers: Pick<Workers, 'facts'>): Promise<ModelFacts> {
  const known = await cache.read<Partial<ModelFacts>>('facts', sha256);
  if (known?.externals !== undefined && known.inputs !== undefined && known.kind !== undefined && known.isQuantized !== undefined) {
    return { externals: known.externals, inputs: known.inputs, kind: known.kind, isQuantized: known.isQuantized };
  }
  const facts = await workers.facts({ path, name, bytes });
  await cache.write('facts', sha256, facts);
  return facts;
}

/** @throws QuantizeError MODEL_CHANGED when somebody wrote a file while the artefact was made from it */
export async function assertUnchanged(content: ModelContent, name: string, cache: Cache): Promise<void> {
  const hashes = [content.sha256, ...Object.values(content.externals)];
  for (const [i, path] of content.paths.entries()) {
    const { sha256 } = await cache.hashes.digest(path);
    if (sha256 === hashes[i]) continue;
    throw new QuantizeError('MODEL_CHANGED', `"${path}" was changed while it was quantized.`, {
      model: name,
      hint: `Build again when nothing is written to "${dirname(path)}" any more.`,
    });
  }
}
