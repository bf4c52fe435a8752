import { relative, resolve, sep } from 'node:path';
import type { ResolvedModelOptions } from '../options.ts';
import type { Format, ModelReport } from '../types.ts';
import { artefactOptions } from './artefact-options.ts';
import { artefactKey, measurementKey } from './cache-key.ts';
import type { Cache, CachedArtefact } from './cache.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import { readEvaluatorFiles } from './evaluator.ts';
import type { PipelineEvent } from './events.ts';
import { holdBudget } from './fallback.ts';
import { findCalibration } from './find-calibration.ts';
import { measurePlan, NOT_MEASURED } from './measure-plan.ts';
import type { Measured } from './measure.ts';
import { modelReport } from './model-report.ts';
import { measureTeller } from './progress.ts';
import { assertUnchanged, readContent, type ModelContent } from './read-model.ts';
import { readSampleFiles } from './sample-files.ts';
import type { createShare } from './share.ts';
import { ownVersion } from './version.ts';
import type { Workers } from './workers.ts';

export interface PipelineContext {
  /** Absolute path that relative paths start from. */
  root: string;
  cache: Cache;
  workers: Workers;
  share: ReturnType<typeof createShare>;
  tell(event: PipelineEvent): void;
}

export interface PipelineResult {
  /** Absolute path of the artefact in the cache; never to be modified. */
  file: string;
  /** Equal whether or not the result was cached. */
  report: ModelReport;
  sessionOptions: Record<string, unknown>;
  /** Absolute paths to watch: model, external data, samples. */
  dependencies: string[];
  /** True when nothing had to be quantized or measured. */
  cached: boolean;
}

/** One request on its way through the pipeline. */
export interface Request {
  path: string;
  name: string;
  options: ResolvedModelOptions;
  /** The format that was asked for, where `options` have one that takes its place. */
  requestedFormat: Format;
}

/**
 * The story of one model: its content is hashed; what samples tell of it is found or observed, where the format asks for it; an artefact
 * is found or made; what is known of the artefact's accuracy is found or measured; the budget is judged on the figures, and where it is
 * broken `onFail` says how to go on.
 *
 * @throws QuantizeError BUDGET_BROKEN, and whatever is wrong with the model, its samples or its options
 */
export async function quantizeFile(context: PipelineContext, path: string, options: ResolvedModelOptions): Promise<PipelineResult> {
  const absolute = resolve(context.root, path);
  const name = displayName(context.root, absolute);
  const content = await context.share(`read ${absolute}`, () => readContent(absolute, name, context.cache, context.workers));
  const attempt = (tried: ResolvedModelOptions): Promise<PipelineResult> => attemptFormat(context, { path: absolute, name, options: tried, requestedFormat: options.format }, content);
  const { result, error } = await holdBudget(options, attempt, (message) => context.tell({ kind: 'warning', message }));
  context.tell({ kind: 'done', model: name, cached: result.cached });
  if (error !== undefined) throw error;
  return result;
}

async function attemptFormat(context: PipelineContext, request: Request, content: ModelContent): Promise<PipelineResult> {
  const { name, options: { budget }, requestedFormat } = request;
  const made = await findArtefact(context, request, content);
  const known = await findMeasurement(context, request, made);
  const { artefact } = made;
  const report = modelReport({ name, requestedFormat, sourceSha256: content.sha256, artefact, measured: known.measured, budget });
  const dependencies = [...content.paths, ...known.samples];
  return { file: artefact.file, report, sessionOptions: artefact.sessionOptions, dependencies, cached: made.cached && known.cached };
}

interface FoundArtefact {
  key: string;
  artefact: CachedArtefact;
  cached: boolean;
}

async function findArtefact(context: PipelineContext, request: Request, content: ModelContent): Promise<FoundArtefact> {
  const { cache, workers, share, tell } = context;
  const { path, name, options } = request;
  const deciding = artefactOptions(options);
  const calibration = await findCalibration(context, request, content);
  const key = artefactKey({ version: ownVersion(), options: deciding, model: content.sha256, externals: content.externals, calibration: calibration?.key });
  return share(`quantize ${key}`, async () => {
    const found = await cache.find(key);
    if (found !== undefined) return { key, artefact: found, cached: true };
    const observed = await calibration?.file();
    tell({ kind: 'step', model: name, step: 'quantize' });
    const artefact = await cache.store(key, async (out) => {
      const made = await workers.quantize({ path, name, options: deciding, observed, out });
      await assertUnchanged(content, name, cache);
      return made;
    });
    return { key, artefact, cached: false };
  });
}

interface FoundMeasurement {
  measured: Measured;
  /** Absolute paths of the files of samples and evaluator. */
  samples: string[];
  cached: boolean;
}

async function findMeasurement({ root, cache, workers, share, tell }: PipelineContext, { path, name, options, requestedFormat }: Request, made: FoundArtefact): Promise<FoundMeasurement> {
  const plan = measurePlan(options, root, requestedFormat);
  if (plan === undefined) return { measured: NOT_MEASURED, samples: [], cached: true };
  const { sessionOptions, externalLocations, inputs } = made.artefact;
  const files = await readSampleFiles(plan, inputs, cache.hashes);
  const evaluator = await readEvaluatorFiles(plan.evaluator, cache.hashes);
  const told = { samples: files.hashes, chosen: files.chosen, evaluator: evaluator.hashes, engines: await engineVersions(), readers: await readerVersions() };
  const key = measurementKey({ artefact: made.key, plan, ...told });
  const samples = [...files.paths, ...evaluator.paths];
  return share(`measure ${key}`, async () => {
    const known = await cache.read<Measured>('measured', key);
    if (known !== undefined) return { measured: known, samples, cached: true };
    tell({ kind: 'step', model: name, step: 'measure' });
    const { file } = made.artefact;
    const isSplit = externalLocations.length > 0;
    const measured = await workers.measure({ name, source: path, artefact: file, isSplit, sessionOptions, inputs, ...plan }, measureTeller(tell, name));
    await cache.write('measured', key, measured);
    // Read as JSON, so that a miss gives what a hit will give.
    return { measured: JSON.parse(JSON.stringify(measured)) as Measured, samples, cached: false };
  });
}

/**
 * The path from the project's root with '/' on every system, so that reports of two machines are equal; for a model of a package
 * the package's name and the path inside it, wherever the package manager keeps it.
 */
function displayName(root: string, path: string): string {
  const name = relative(root, path).split(sep).join('/');
  return name.split(/(?:^|\/)node_modules\//).at(-1)!;
}
