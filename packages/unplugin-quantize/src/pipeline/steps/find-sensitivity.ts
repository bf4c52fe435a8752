import { QuantizeError } from '../../errors.ts';
import { locateSamples } from '../../calibrate/index.ts';
import { artefactOptions } from './artefact-options.ts';
import { sensitivityKey } from '../cache/cache-key.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import { findCalibration } from './find-calibration.ts';
import { stepTeller } from '../progress.ts';
import type { ArtefactRequest, PipelineContext } from '../quantize-file.ts';
import type { ModelContent } from '../files/read-model.ts';
import { readSampleFiles } from '../files/sample-files.ts';
import { ownVersion } from '../version.ts';

/** Groups that are measured and remembered together, so that a search that was stopped goes on from there. */
const CHUNK = 8;

/**
 * The error that quantizing each group of weights alone brings, of an earlier build or measured now.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND without samples, and whatever measureSensitivity throws
 */
export async function findSensitivity(context: PipelineContext, request: ArtefactRequest, content: ModelContent, groups: string[][]): Promise<number[]> {
  const { root, cache, workers, tell } = context;
  const { path, name, options } = request;
  if (options.calibration === undefined) throw noSamples(name);
  const deciding = artefactOptions(options);
  const plan = { calibration: locateSamples(options.calibration, root), sampleLimit: options.sampleLimit };
  const { hashes: samples, chosen } = await readSampleFiles(plan, content.inputs, cache.hashes);
  const observation = await findCalibration(context, request, content);
  const told = { samples, chosen, engines: await engineVersions(), readers: await readerVersions(), calibration: observation?.key };
  const found: number[] = [];
  const onProgress = stepTeller(tell, name, 'sensitivity');
  for (let at = 0; at < groups.length; at += CHUNK) {
    const chunk = groups.slice(at, at + CHUNK);
    const key = sensitivityKey({ version: ownVersion(), options: deciding, model: content.sha256, externals: content.externals, plan, groups: chunk, ...told });
    let known = await cache.read<(number | null)[]>('sensitivity', key);
    if (known === undefined) {
      if (at === 0) tell({ kind: 'step', model: name, step: 'sensitivity' });
      const observed = await observation?.file();
      known = await workers.sensitivity({ name, source: path, options: deciding, observed, calibration: plan.calibration, inputs: content.inputs, groups: chunk, bytes: content.bytes }, (done) => onProgress(at + done, groups.length));
      await cache.write('sensitivity', key, known);
    }
    // JSON has null in place of Infinity.
    found.push(...known.map((noise) => noise ?? Infinity));
  }
  return found;
}

export function noSamples(model: string): QuantizeError {
  return new QuantizeError('SAMPLES_NOT_FOUND', 'To back off from weights that cost accuracy, samples have to tell which these are, and there are none.', {
    model, option: 'calibration', hint: 'Give samples as `calibration`, or use onFail: \'fallback\', which only tries whole formats.',
  });
}
