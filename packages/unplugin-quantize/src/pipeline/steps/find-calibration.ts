import { artefactOptions } from './artefact-options.ts';
import { calibrationKey } from '../cache/cache-key.ts';
import { calibratePlan } from './calibrate-plan.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import type { ArtefactRequest, PipelineContext } from '../quantize-file.ts';
import { progressTeller } from '../progress.ts';
import { assertUnchanged, type ModelContent } from '../files/read-model.ts';
import { readSampleFiles } from '../files/sample-files.ts';
import { ownVersion } from '../version.ts';

/** What samples tell of a model, by its key; the samples run when somebody asks for the file. */
export interface Calibration {
  key: string;
  /** Absolute path of what was found (observed-file.ts), of an earlier build or new. */
  file(): Promise<string>;
}

/**
 * The calibration that a request needs; undefined where the weights alone decide.
 *
 * @throws QuantizeError SAMPLES_*, OPTION_INVALID; `file` whatever calibrateModel throws, and MODEL_CHANGED
 */
export async function findCalibration({ root, cache, workers, share, tell }: PipelineContext, { path, name, options }: ArtefactRequest, content: ModelContent): Promise<Calibration | undefined> {
  const plan = calibratePlan(options, root, () => content.isQuantized);
  if (plan === undefined) return undefined;
  // What is observed does not depend on the weights that are kept in half precision: a search for them observes once.
  const deciding = { ...artefactOptions(options), half: [] };
  const { hashes: samples, chosen } = await readSampleFiles(plan, content.inputs, cache.hashes);
  const versions = { engines: await engineVersions(), readers: await readerVersions() };
  const key = calibrationKey({ version: ownVersion(), options: deciding, model: content.sha256, externals: content.externals, plan, samples, chosen, ...versions });
  const find = async (): Promise<string | undefined> => (await cache.calibrations.find(key))?.file;
  const make = async (): Promise<string> => {
    tell({ kind: 'step', model: name, step: 'calibrate' });
    const { file } = await cache.calibrations.store(key, async (out) => {
      const found = await workers.calibrate({ ...plan, name, source: path, options: deciding, out, bytes: content.bytes }, progressTeller(tell, name));
      await assertUnchanged(content, name, cache);
      return found;
    });
    return file;
  };
  return { key, file: () => share(`calibrate ${key}`, async () => (await find()) ?? cache.once(`calibrate ${key}`, find, make)) };
}
