import { locateSamples } from '../../calibrate/index.ts';
import { canaryKey } from '../cache/cache-key.ts';
import type { MadeCanary } from './canary.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import type { PipelineContext, Request } from '../quantize-file.ts';
import type { ModelContent } from '../files/read-model.ts';
import { readSampleFiles } from '../files/sample-files.ts';
import { ownVersion } from '../version.ts';

const NONE: MadeCanary = { canary: null, notes: [] };

/**
 * The canary of a model, of an earlier build or new; none where nothing is to be run.
 *
 * @throws QuantizeError SAMPLES_*
 */
export async function findCanary({ root, cache, workers, share }: PipelineContext, { path, name, options }: Request, content: ModelContent): Promise<MadeCanary> {
  if (!options.verify) return NONE;
  const calibration = options.calibration === undefined ? undefined : locateSamples(options.calibration, root);
  const { hashes: samples, chosen } = await readSampleFiles({ calibration, sampleLimit: options.sampleLimit }, content.inputs, cache.hashes);
  const told = { samples, chosen, engines: await engineVersions(), readers: await readerVersions() };
  const key = canaryKey({ version: ownVersion(), model: content.sha256, externals: content.externals, calibration, sampleLimit: options.sampleLimit, ...told });
  const find = (): Promise<MadeCanary | undefined> => cache.read<MadeCanary>('canaries', key);
  const make = async (): Promise<MadeCanary> => {
    const isSplit = Object.keys(content.externals).length > 0;
    const made = await workers.canary({ name, source: path, isSplit, inputs: content.inputs, calibration, bytes: content.bytes });
    await cache.write('canaries', key, made);
    return made;
  };
  return share(`canary ${key}`, async () => (await find()) ?? cache.once(`canary ${key}`, find, make));
}
