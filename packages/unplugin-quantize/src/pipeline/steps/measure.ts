import { statSync } from 'node:fs';
import { openLabelledSamples, openSamples, planSamples } from '../../calibrate/index.ts';
import {
  checkArtefact, compareModels, engineNote, enginesFor, findEngines, findSyntheticFeeds, INSTALL_HINT, requireEngine, type Engine, type FoundEngines,
} from '../../evaluate/index.ts';
import type { AccuracyReport, Canary, CanaryTolerance, EngineCheck, EngineName, Format, ValueSignature } from '../../types.ts';
import { LARGEST_IN_WASM, toleranceFor } from './canary.ts';
import type { MeasurePlan } from './measure-plan.ts';
import { withWholeFiles } from '../files/whole-files.ts';

export interface MeasureTask extends MeasurePlan {
  /** How errors call the model. */
  name: string;
  /** Absolute paths. */
  source: string;
  artefact: string;
  /** True when the source keeps weights in other files. */
  isSplit: boolean;
  /** True when the artefact does. */
  isArtefactSplit?: boolean;
  /** Options that the artefact's format needs. */
  sessionOptions: Record<string, unknown>;
  /** Inputs of the model, which samples are made for. */
  inputs: ValueSignature[];
  /** What outputs are held against, and the artefact's format, which says how it computes. */
  canary?: { reference: Canary; format: Format } | undefined;
}

/** How far measuring has come: samples that were compared, or runs of the evaluator. `of` is null while nobody knows. */
export interface MeasureProgress {
  step: 'measure' | 'evaluate';
  done: number;
  of: number | null;
}

/** What running the artefact has shown: plain data, kept in the cache as JSON. */
export interface Measured {
  checks: EngineCheck[];
  accuracy: AccuracyReport | null;
  /** How far outputs may be from the canary's; absent without one. */
  tolerance?: Record<string, CanaryTolerance>;
  notes: string[];
}

/**
 * Runs an artefact once in every engine and compares its outputs to the source's.
 *
 * @throws QuantizeError ENGINE_REJECTED, ENGINE_MISSING (accuracy was asked for), SAMPLES_*, EVALUATOR_FAILED
 */
export async function measureArtefact(task: MeasureTask, given?: FoundEngines, onProgress?: (progress: MeasureProgress) => void): Promise<Measured> {
  const found = given ?? (await findEngines());
  return withWholeFiles(task, found, async (whole, engines) => {
    const checks = task.verify ? await check(whole, enginesFor(engines, task.targets)) : [];
    const notes = task.verify && engines.engines.length === 0 ? [`The artefact was not run, because no engine is there. ${INSTALL_HINT}`] : [];
    const tolerance = task.canary && (await toleranceFor(task.canary, { ...whole, isSplit: whole.isArtefactSplit === true }, engines));
    const checked = { checks, ...(tolerance && { tolerance }) };
    if (!task.compare) return { ...checked, accuracy: null, notes };
    const wanted = comparingEngine(whole);
    const engine = requireEngine(engines, wanted);
    const compared = await compare(whole, engine, onProgress);
    const standIn = engine.name === wanted ? [] : [`Accuracy was measured in ${engine.name}: ${wanted}, which the target needs, is not there.`];
    return { ...checked, accuracy: compared.accuracy, notes: [...notes, ...standIn, ...compared.notes] };
  });
}

/** Integers are computed in other ways in WebAssembly than on some CPUs; floats differ in their last bits only, and run faster in Node. */
function comparingEngine({ source, targets }: MeasureTask): EngineName {
  return targets.includes('wasm') && !targets.includes('node') && statSync(source).size <= LARGEST_IN_WASM ? 'onnxruntime-web' : 'onnxruntime-node';
}

async function check(task: MeasureTask, found: FoundEngines): Promise<EngineCheck[]> {
  const { source, artefact, sessionOptions, name } = task;
  const checks = await checkArtefact({ found, source, artefact, sample: await firstSample(task), sessionOptions, model: name });
  return checks.map((each) => {
    const note = each.outcome === 'ran' ? engineNote(each.engine, task.targets) : undefined;
    return note === undefined ? each : { ...each, note };
  });
}

async function firstSample({ calibration, inputs }: MeasureTask): Promise<unknown> {
  if (calibration === undefined) return undefined;
  for await (const sample of openSamples(calibration, { limit: 1, inputs })) return sample;
  return undefined;
}

async function compare(task: MeasureTask, engine: Engine, tell: (progress: MeasureProgress) => void = () => undefined): Promise<Pick<Measured, 'accuracy' | 'notes'>> {
  const { source, artefact, sessionOptions, calibration, sampleLimit, name, inputs, evaluator } = task;
  const onEvaluated = (done: number, of: number | undefined): void => tell({ step: 'evaluate', done, of: of ?? null });
  const options = { engine, source, artefact, sessionOptions, model: name, evaluator, onEvaluated };
  if (calibration !== undefined) {
    const { items, notes } = await planSamples(calibration, { limit: sampleLimit, inputs });
    const onProgress = (done: number): void => tell({ step: 'measure', done, of: items.length === 0 ? null : items.length });
    const compared = await compareModels({ ...options, samples: openLabelledSamples(calibration, { limit: sampleLimit, inputs }), onProgress });
    return { ...compared, notes: [...notes, ...compared.notes] };
  }
  const generated = await generateFeeds(engine, source);
  if ('feeds' in generated) return compareModels({ ...options, samples: [{ feeds: generated.feeds }], synthetic: true });
  if (evaluator !== undefined) return compareModels({ ...options, samples: [] });
  return { accuracy: null, notes: [`Accuracy was not measured: the model runs on no generated input (${generated.reason}). Give samples.`] };
}

async function generateFeeds(engine: Engine, source: string): ReturnType<typeof findSyntheticFeeds> {
  const session = await engine.open(source);
  try {
    return await findSyntheticFeeds(session);
  } finally {
    await session.close();
  }
}
