import type { ModelDetails } from '../types.ts';
import { artefactOptions } from './steps/artefact-options.ts';
import type { CachedArtefact } from './cache/cache.ts';
import { findCalibration } from './steps/find-calibration.ts';
import type { ArtefactRequest, PipelineContext } from './quantize-file.ts';
import type { ModelContent } from './files/read-model.ts';

const NOTHING: ModelDetails = { weights: [], activations: [] };

/**
 * What a closer look at an artefact shows; kept in the cache beside it.
 *
 * @throws QuantizeError MODEL_* where the model cannot be read any more
 */
export async function findDetails(context: PipelineContext, request: ArtefactRequest, content: ModelContent, { key, artefact }: { key: string; artefact: CachedArtefact }): Promise<ModelDetails> {
  const { cache, workers, share } = context;
  if (artefact.format === 'none') return NOTHING;
  return share(`describe ${key}`, async () => {
    const known = await cache.read<ModelDetails>('details', key);
    if (known !== undefined) return known;
    const calibration = await findCalibration(context, request, content);
    const { path, name, options } = request;
    const details = await workers.describe({ path, name, options: artefactOptions(options), observed: await calibration?.file(), artefact: artefact.file, bytes: content.bytes });
    await cache.write('details', key, details);
    return details;
  });
}
