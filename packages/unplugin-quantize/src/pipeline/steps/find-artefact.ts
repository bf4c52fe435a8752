import { artefactOptions } from './artefact-options.ts';
import { artefactKey } from '../cache/cache-key.ts';
import type { CachedArtefact } from '../cache/cache.ts';
import { findCalibration } from './find-calibration.ts';
import type { ArtefactRequest, PipelineContext } from '../quantize-file.ts';
import { assertUnchanged, type ModelContent } from '../files/read-model.ts';
import { ownVersion } from '../version.ts';

export interface FoundArtefact {
  key: string;
  artefact: CachedArtefact;
  cached: boolean;
}

/** The artefact of an earlier build, or a new one. @throws QuantizeError whatever is wrong with the model, its samples or its options */
export async function findArtefact(context: PipelineContext, request: ArtefactRequest, content: ModelContent): Promise<FoundArtefact> {
  const { cache, workers, share, tell } = context;
  const { path, name, options } = request;
  const deciding = artefactOptions(options);
  const calibration = await findCalibration(context, request, content);
  const key = artefactKey({ version: ownVersion(), options: deciding, model: content.sha256, externals: content.externals, calibration: calibration?.key });
  const find = async (): Promise<FoundArtefact | undefined> => {
    const found = await cache.find(key);
    return found && { key, artefact: found, cached: true };
  };
  const make = async (): Promise<FoundArtefact> => {
    const observed = await calibration?.file();
    tell({ kind: 'step', model: name, step: 'quantize' });
    const artefact = await cache.store(key, async (out) => {
      const made = await workers.quantize({ path, name, options: deciding, observed, out, bytes: content.bytes });
      await assertUnchanged(content, name, cache);
      return made;
    });
    return { key, artefact, cached: false };
  };
  return share(`quantize ${key}`, async () => (await find()) ?? cache.once(`quantize ${key}`, find, make));
}
