import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { locateSamples } from '../calibrate/index.ts';
import type { ArtefactOptions } from '../options.ts';
import { artefactOptions } from '../pipeline/steps/artefact-options.ts';
import { quantizeToFile } from '../pipeline/steps/artefact.ts';
import { calibratePlan } from '../pipeline/steps/calibrate-plan.ts';
import type { PipelineEvent } from '../pipeline/events.ts';
import { extrasPlan, type ReportExtras } from '../pipeline/steps/extras.ts';
import { readFacts } from '../pipeline/facts.ts';
import { noSamples } from '../pipeline/steps/find-sensitivity.ts';
import { sha256File } from '../pipeline/cache/hash.ts';
import { measurePlan, NOT_MEASURED, type MeasurePlan } from '../pipeline/steps/measure-plan.ts';
import type { Measured, MeasureTask } from '../pipeline/steps/measure.ts';
import { modelReport } from '../pipeline/model-report.ts';
import type { VariantPlan } from '../pipeline/plan-variants.ts';
import { measureTeller, progressTeller, stepTeller } from '../pipeline/progress.ts';
import { createWorkers, type Workers } from '../pipeline/workers/workers.ts';
import type { ModelReport } from '../types.ts';
import type { ComparedFiles } from './measure-extras.ts';
import { progressLine } from '../pipeline/progress-line.ts';

/** Work on one model: everything is in one folder until it is settled. */
export interface Draft {
  folder: string;
  model: string;
  /** Absolute path of the output. */
  target: string;
  /** Whether large weights go to a second file. */
  isSplit: boolean;
  /** Whether outputs are compared. */
  compares: boolean;
  /** Hashes are for the JSON report only, and take a while for a large model. */
  isHashed: boolean;
  plan: VariantPlan;
  /** Refuses places that belong to the source. */
  checkPlace(place: string, externalLocations: readonly string[]): void;
}

export interface Attempted {
  report: ModelReport;
  /** Folder of the files. */
  made: string;
  /** Where the files go, in order. */
  places: string[];
}

/** Makes an artefact in a folder of its own; one that breaks its budget goes at once where another one takes its place. */
export async function attemptArtefact(draft: Draft, options: ArtefactOptions): Promise<Attempted> {
  const { folder, target, model: name, isSplit, compares, isHashed, plan } = draft;
  const made = join(folder, nameOf(folder));
  mkdirSync(made);
  const out = join(made, basename(target));
  const dataLocation = isSplit ? `${basename(target)}.data` : undefined;
  const observed = await calibrate(draft, options);
  const artefact = quantizeToFile({ path: name, name, options: artefactOptions(options), observed, out, dataLocation, isHashed });
  const { sessionOptions, externalLocations, data, inputs } = artefact;
  const places = [...(data === undefined ? [] : [join(dirname(target), data.location)]), target];
  for (const place of places) draft.checkPlace(place, externalLocations);
  const files = { source: resolve(name), artefact: out, isSplit: externalLocations.length > 0, isArtefactSplit: data !== undefined };
  const asked = measurePlan(options, '.', plan.targets, plan.requestedFormat);
  const measured = await measure(compares ? asked : withoutComparison(asked), { name, ...files, sessionOptions, inputs });
  const extras = await extrasOf({ name, source: files.source, artefact: resolve(out), sourceData: externalLocations, artefactData: data === undefined ? [] : [data.location], sessionOptions }, options, plan);
  const sourceSha256 = isHashed ? await sha256File(name) : '';
  const report = modelReport({ name, plan, sourceSha256, artefact, measured, extras, budget: options.budget });
  const isReplaced = options.onFail === 'fallback' || options.onFail === 'back-off';
  if (isReplaced && report.budget.some(({ held }) => !held)) rmSync(made, { recursive: true });
  return { report, made, places };
}

/** Loaded only where something was asked for, because a command's start is mostly the time that modules take. */
async function extrasOf(files: ComparedFiles, options: ArtefactOptions, { targets }: VariantPlan): Promise<ReportExtras> {
  const { latency, compressed } = extrasPlan(options, '.', targets);
  if (latency === undefined && !compressed) return {};
  const { measureExtras } = await import('./measure-extras.ts');
  return measureExtras(files, options, targets);
}

function nameOf(folder: string): string {
  let i = 1;
  while (existsSync(join(folder, String(i)))) i++;
  return String(i);
}

/** @returns the file that tells what samples showed, once for each format; undefined where the weights alone decide */
async function calibrate({ folder, model: name }: Draft, options: ArtefactOptions): Promise<string | undefined> {
  const plan = calibratePlan(options, '.', () => readFacts({ path: name, name }).isQuantized);
  if (plan === undefined) return undefined;
  const out = join(folder, `observed-${options.format}.bin`);
  if (existsSync(out)) return out;
  return withWorkers(async (workers, show) => {
    await workers.calibrate({ ...plan, name, source: resolve(name), options: { ...artefactOptions(options), half: [] }, out }, progressTeller(show, name));
    return out;
  });
}

/** @throws QuantizeError SAMPLES_NOT_FOUND without samples, and whatever measureSensitivity throws */
export async function findSensitivity(draft: Draft, options: ArtefactOptions, groups: string[][]): Promise<number[]> {
  const { model: name } = draft;
  if (options.calibration === undefined) throw noSamples(name);
  const calibration = locateSamples(options.calibration, '.');
  const observed = await calibrate(draft, options);
  const { inputs } = readFacts({ path: name, name });
  return withWorkers((workers, show) => workers.sensitivity({ name, source: resolve(name), options: artefactOptions(options), observed, calibration, inputs, groups }, stepTeller(show, name, 'sensitivity')));
}

function withoutComparison(plan: MeasurePlan | undefined): MeasurePlan | undefined {
  return plan?.verify === true ? { ...plan, compare: false } : undefined;
}

async function measure(plan: MeasurePlan | undefined, task: Omit<MeasureTask, keyof MeasurePlan>): Promise<Measured> {
  if (plan === undefined) return NOT_MEASURED;
  return withWorkers((workers, show) => workers.measure({ ...task, ...plan }, measureTeller(show, task.name)));
}

async function withWorkers<T>(work: (workers: Workers, show: (event: PipelineEvent) => void) => Promise<T>): Promise<T> {
  const [workers, progress] = [createWorkers(1), progressLine()];
  try {
    return await work(workers, progress.show);
  } finally {
    progress.clear();
    await workers.close();
  }
}
