import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { checkCache, type CacheSpec } from '../cache-options.ts';
import { isGateError, QuantizeError } from '../errors.ts';
import { MEASURED_LIMITS, resolveModelOptions, type ArtefactOptions, type BaselineSpec, type ModelOptions } from '../options.ts';
import { BASELINE_FILE, openBaseline, type BaselineFile } from '../pipeline/baseline.ts';
import { forgiving, holdBudget } from '../pipeline/fallback.ts';
import { summarizeForGitHub } from '../pipeline/github-actions.ts';
import { REMOTE_CACHE } from '../pipeline/remote/place.ts';
import { readSidecar } from '../pipeline/settings/index.ts';
import { writeReports } from '../pipeline/write-report.ts';
import { attemptText, formatTable } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { attemptArtefact, findSensitivity, type Attempted, type Draft } from './attempt.ts';
import { commandCache } from './command-cache.ts';
import { withDraft } from './draft.ts';
import { oneArtefact } from './one-artefact.ts';
import { hasColor, print, printWarning } from './print.ts';
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
  /** Committed figures; every option has its default. */
  baseline: BaselineSpec;
  /** Where results are kept; nowhere unless flags or the environment name a place. */
  cache: CacheSpec;
  options: ModelOptions;
}

/**
 * Quantizes a file, with the options beside it unless flags say otherwise, in this process, which needs the least memory and time; onnxruntime is loaded in a child process only.
 * The output appears when everything was held; the report is also written for a broken budget.
 *
 * @throws QuantizeError BUDGET_BROKEN, and other codes for bad input
 */
export async function runQuantize({ model, output, json, isSplit, compares, baseline, cache: namedCache, options: given }: QuantizeArguments): Promise<void> {
  const beside = await readSidecar(resolve(model));
  checkCache(namedCache);
  const cache = commandCache(namedCache, process.env[REMOTE_CACHE], { isSplit, compares });
  const resolved = resolveModelOptions(beside?.options ?? {}, given);
  const { options, plan } = oneArtefact(model, resolved);
  if (!compares) assertComparesNothing(options);
  const target = checkOutput(model, output);
  await withDraft(target, async (folder) => {
    const draft: Draft = {
      folder, model, target, isSplit, compares, plan, isHashed: json !== undefined || existsSync(baseline.path ?? BASELINE_FILE) || baseline.update === true,
      checkPlace: (place, externalLocations) => assertNoSource(place, model, externalLocations),
    };
    const attempt = (): Promise<{ result: Attempted; error?: QuantizeError | undefined }> => holdBudget<Attempted>(forgiving(options, plan), {
      attempt: (tried) => attemptArtefact(draft, tried),
      sensitivity: (tried, groups) => findSensitivity(draft, tried, groups),
      warn: printWarning,
      tried: (attempt) => process.stderr.write(`tried ${attemptText(attempt)}\n`),
    });
    const { result: { report: judged, places, made }, error } = cache === undefined ? await attempt() : await (await import('./cached.ts')).cachedArtefact(draft, resolved, cache);
    const committed = openBaseline(baseline, '.');
    const { report, regression } = await held(committed, judged);
    print(formatTable([report], { color: hasColor(process.stdout) }));
    if (json !== undefined) await writeReports([{ kind: 'json', path: json }], '.', [report]);
    await summarizeForGitHub([report]);
    if (error !== undefined) throw error;
    if (regression !== undefined && options.onFail !== 'warn') throw regression;
    if (regression !== undefined) printWarning(regression.message);
    await committed.update([report]);
    await settle(made, places.map((place) => [basename(place), place]));
  });
}

/** @throws QuantizeError OPTION_INVALID where something asks for what the comparison finds */
function assertComparesNothing({ budget, evaluate }: ArtefactOptions): void {
  const asks = evaluate === undefined ? MEASURED_LIMITS.find((limit) => budget[limit] !== undefined) : 'evaluate';
  if (asks === undefined) return;
  throw new QuantizeError('OPTION_INVALID', `"${asks}" needs the comparison that --no-compare leaves out.`, { option: '--no-compare', hint: 'Leave one of them out.' });
}

async function held(baseline: BaselineFile, report: ModelReport): Promise<{ report: ModelReport; regression?: QuantizeError }> {
  let worse = report;
  try {
    return { report: await baseline.hold(report, (compared) => (worse = compared)) };
  } catch (error) {
    if (isGateError(error)) return { report: worse, regression: error };
    throw error;
  }
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
