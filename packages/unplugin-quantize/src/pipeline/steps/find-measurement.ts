import { measurementKey } from '../cache/cache-key.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import type { MadeCanary } from './canary.ts';
import { readEvaluatorFiles } from './evaluator.ts';
import type { FoundArtefact } from './find-artefact.ts';
import { measurePlan, NOT_MEASURED } from './measure-plan.ts';
import type { Measured } from './measure.ts';
import type { ArtefactRequest, PipelineContext } from '../quantize-file.ts';
import type { VariantPlan } from '../plan-variants.ts';
import { measureTeller } from '../progress.ts';
import { readSampleFiles } from '../files/sample-files.ts';

export interface FoundMeasurement {
  measured: Measured;
  /** Absolute paths of the files of samples and evaluator. */
  samples: string[];
  cached: boolean;
}

/** What an earlier build measured on an artefact, or a new measurement. @throws QuantizeError see measureArtefact */
export async function findMeasurement(
  { root, cache, workers, share, tell }: PipelineContext, { path, name, options }: ArtefactRequest, made: FoundArtefact, canary: Promise<MadeCanary>, { targets, requestedFormat }: VariantPlan,
): Promise<FoundMeasurement> {
  const plan = measurePlan(options, root, targets, requestedFormat);
  if (plan === undefined) return { measured: NOT_MEASURED, samples: [], cached: true };
  const { sessionOptions, externalLocations, inputs, format } = made.artefact;
  const files = await readSampleFiles(plan, inputs, cache.hashes);
  const { canary: reference } = await canary;
  const evaluator = await readEvaluatorFiles(plan.evaluator, cache.hashes);
  const told = { samples: files.hashes, chosen: files.chosen, evaluator: evaluator.hashes, engines: await engineVersions(), readers: await readerVersions() };
  const key = measurementKey({ artefact: made.key, canary: reference, plan, ...told });
  const samples = [...files.paths, ...evaluator.paths];
  const find = async (): Promise<FoundMeasurement | undefined> => {
    const known = await cache.read<Measured>('measured', key);
    return known && { measured: known, samples, cached: true };
  };
  const make = async (): Promise<FoundMeasurement> => {
    tell({ kind: 'step', model: name, step: 'measure' });
    const { file } = made.artefact;
    const isSplit = externalLocations.length > 0;
    const measured = await workers.measure({ name, source: path, artefact: file, isSplit, sessionOptions, inputs, canary: reference === null ? undefined : { reference, format }, ...plan, bytes: made.artefact.sourceBytes }, measureTeller(tell, name));
    await cache.write('measured', key, measured);
    // Read as JSON, so that a miss gives what a hit will give.
    return { measured: JSON.parse(JSON.stringify(measured)) as Measured, samples, cached: false };
  };
  return share(`measure ${key}`, async () => (await find()) ?? cache.once(`measure ${key}`, find, make));
}
