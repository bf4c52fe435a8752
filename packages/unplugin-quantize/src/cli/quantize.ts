import { realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { QuantizeError } from '../errors.ts';
import { MEASURED_LIMITS, resolveModelOptions, type ArtefactOptions, type ModelOptions } from '../options.ts';
import { artefactOptions } from '../pipeline/artefact-options.ts';
import { quantizeToFile, type Artefact } from '../pipeline/artefact.ts';
import { calibratePlan } from '../pipeline/calibrate-plan.ts';
import { sha256File } from '../pipeline/hash.ts';
import type { ReportExtras } from '../pipeline/extras.ts';
import { forgiving, holdBudget } from '../pipeline/fallback.ts';
import { measurePlan, NOT_MEASURED, type MeasurePlan } from '../pipeline/measure-plan.ts';
import type { Measured, MeasureTask } from '../pipeline/measure.ts';
import { summarizeForGitHub } from '../pipeline/github-actions.ts';
import { modelReport } from '../pipeline/model-report.ts';
import type { VariantPlan } from '../pipeline/plan-variants.ts';
import { measureTeller, progressTeller } from '../pipeline/progress.ts';
import { readSidecar } from '../pipeline/settings/index.ts';
import { createWorkers } from '../pipeline/workers.ts';
import { writeReports } from '../pipeline/write-report.ts';
import { formatTable } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { withDraft } from './draft.ts';
import type { ComparedFiles } from './measure-extras.ts';
import { oneArtefact } from './one-artefact.ts';
import { hasColor, print, printWarning } from './print.ts';
import { progressLine } from './progress-line.ts';
import { settle } from './settle.ts';

export interface QuantizeArguments {
  model: string;
  output: string | undefined;
  /** Path of the report. */
  json: string | undefined;
  /** Whether large weights go to a second file, `<output>.data`. */
  isSplit: boolean;
  /** Whether source and artefact run on the samples, where there are any. */
  compares: boolean;
  options: ModelOptions;
}

/**
 * Quantizes a file, with the options beside it unless flags say otherwise, in this process, which needs the least memory and time; onnxruntime is loaded in a child process only.
 * The output appears when everything was held; the report is also written for a broken budget.
 *
 * @throws QuantizeError BUDGET_BROKEN, and other codes for bad input
 */
export async function runQuantize({ model, output, json, isSplit, compares, options: given }: QuantizeArguments): Promise<void> {
  const beside = await readSidecar(resolve(model));
  const { options, plan } = oneArtefact(model, resolveModelOptions(beside?.options ?? {}, given));
  if (!compares) assertComparesNothing(options);
  const target = checkOutput(model, output);
  await withDraft(target, async (folder) => {
    const attempt = (tried: ArtefactOptions): Promise<Attempted> => quantizeInto(folder, target, tried, { model, json, isSplit, compares, plan });
    const { result: { report, places }, error } = await holdBudget(forgiving(options, plan), attempt, printWarning);
    print(formatTable([report], { color: hasColor(process.stdout) }));
    if (json !== undefined) await writeReports([{ kind: 'json', path: json }], '.', [report]);
    await summarizeForGitHub([report]);
    if (error !== undefined) throw error;
    await settle(folder, places.map((place) => [basename(place), place]));
  });
}

interface Attempted {
  report: ModelReport;
  /** Where the files of the draft go, in order. */
  places: string[];
}

/** Makes the artefact of one format in the folder of the draft, in place of one that was tried before. */
async function quantizeInto(
  folder: string, target: string, options: ArtefactOptions, { model, json, isSplit, compares, plan }: Omit<QuantizeArguments, 'output' | 'options'> & { plan: VariantPlan },
): Promise<Attempted> {
  const out = join(folder, basename(target));
  const dataLocation = isSplit ? `${basename(target)}.data` : undefined;
  for (const name of [basename(target), dataLocation ?? '', 'observed.bin']) if (name !== '') rmSync(join(folder, name), { force: true });
  const observed = await calibrate(model, options, join(folder, 'observed.bin'));
  // Only the JSON shows hashes, and they take a while for a large model.
  const isHashed = json !== undefined;
  const artefact = quantizeToFile({ path: model, name: model, options: artefactOptions(options), observed, out, dataLocation, isHashed });
  const { sessionOptions, externalLocations, data, inputs } = artefact;
  const places = [...(data === undefined ? [] : [join(dirname(target), data.location)]), target];
  for (const place of places) assertNoSource(place, model, externalLocations);
  const files = { source: resolve(model), artefact: out, isSplit: externalLocations.length > 0, isArtefactSplit: data !== undefined };
  const asked = measurePlan(options, '.', plan.targets, plan.requestedFormat);
  const measured = await measure(compares ? asked : withoutComparison(asked), { name: model, ...files, sessionOptions, inputs });
  const extras = await extrasOf({ name: model, source: files.source, artefact: resolve(out) }, artefact, options, plan);
  const sourceSha256 = isHashed ? await sha256File(model) : '';
  return { report: modelReport({ name: model, plan, sourceSha256, artefact, measured, extras, budget: options.budget }), places };
}

/** Loaded only where something was asked for, because a command's start is mostly the time that modules take. */
async function extrasOf(files: ComparedFiles, artefact: Artefact, options: ArtefactOptions, { targets }: VariantPlan): Promise<ReportExtras> {
  if (!options.latency && !options.compressed) return {};
  const { measureExtras } = await import('./measure-extras.ts');
  return measureExtras(files, artefact, options, targets);
}

/** @returns the file that tells what samples showed; undefined where the weights alone decide */
async function calibrate(model: string, options: ArtefactOptions, out: string): Promise<string | undefined> {
  const plan = calibratePlan(options, '.');
  if (plan === undefined) return undefined;
  const [workers, progress] = [createWorkers(1), progressLine()];
  try {
    await workers.calibrate({ ...plan, name: model, source: resolve(model), options: artefactOptions(options), out }, progressTeller(progress.show, model));
    return out;
  } finally {
    progress.clear();
    await workers.close();
  }
}

async function measure(plan: MeasurePlan | undefined, task: Omit<MeasureTask, keyof MeasurePlan>): Promise<Measured> {
  if (plan === undefined) return NOT_MEASURED;
  const [workers, progress] = [createWorkers(1), progressLine()];
  try {
    return await workers.measure({ ...task, ...plan }, measureTeller(progress.show, task.name));
  } finally {
    progress.clear();
    await workers.close();
  }
}

/** @throws QuantizeError OPTION_INVALID where something asks for what the comparison finds */
function assertComparesNothing({ budget, evaluate }: ArtefactOptions): void {
  const asks = evaluate === undefined ? MEASURED_LIMITS.find((limit) => budget[limit] !== undefined) : 'evaluate';
  if (asks === undefined) return;
  throw new QuantizeError('OPTION_INVALID', `"${asks}" needs the comparison that --no-compare leaves out.`, { option: '--no-compare', hint: 'Leave one of them out.' });
}

function withoutComparison(plan: MeasurePlan | undefined): MeasurePlan | undefined {
  return plan?.verify === true ? { ...plan, compare: false } : undefined;
}

function checkOutput(model: string, output: string | undefined): string {
  if (output === undefined) {
    throw new QuantizeError('OPTION_INVALID', 'Where to? The output file is missing.', { option: '--output', hint: 'Say -o model.int8.onnx.' });
  }
  const target = resolve(output);
  assertNoSource(target, model, []);
  return target;
}

/** @throws QuantizeError OPTION_INVALID where a file that is to be written is one that the model consists of */
function assertNoSource(place: string, model: string, externalLocations: readonly string[]): void {
  const sources = [model, ...externalLocations.map((location) => join(dirname(model), location))];
  if (!sources.some((source) => realPath(source) === realPath(place))) return;
  throw new QuantizeError('OPTION_INVALID', `The output would replace ${realPath(place) === realPath(model) ? 'the model itself' : 'the external data of the model'}.`, {
    option: '--output', hint: 'Give it another name: quantizing cannot be undone.',
  });
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
