import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { CacheSpec } from '../cache-options.ts';
import { isGateError, type QuantizeError } from '../errors.ts';
import type { ResolvedModelOptions } from '../options.ts';
import { createPipeline, type PipelineEvent } from '../pipeline/index.ts';
import { progressLine, sharedText } from '../pipeline/progress-line.ts';
import { attemptText } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import type { Attempted, Draft } from './attempt.ts';
import { printWarning } from './print.ts';

/** Finds the artefact in a cache, or makes it as a build does and keeps it there. */
export async function cachedArtefact(draft: Draft, options: ResolvedModelOptions, { folder = false, remote }: CacheSpec): Promise<{ result: Attempted; error?: QuantizeError }> {
  const { model, target } = draft;
  const broken: ModelReport[] = [];
  const progress = progressLine();
  const show: Partial<{ [Kind in PipelineEvent['kind']]: (event: Extract<PipelineEvent, { kind: Kind }>) => void }> = {
    warning: ({ message }) => printWarning(message),
    broken: ({ reports }) => broken.push(...reports),
    tried: ({ attempt }) => process.stderr.write(`tried ${attemptText(attempt)}\n`),
    progress: (event) => progress.show(event),
    shared: (event) => process.stderr.write(`${sharedText(event)}\n`),
  };
  const pipeline = createPipeline({ root: '.', cacheDir: folder, remote, workers: 1, onProgress: (event) => (show[event.kind] as ((event: PipelineEvent) => void) | undefined)?.(event) });
  const named = (report: ModelReport): ModelReport => ({ ...report, name: model });
  try {
    const { file, report, dependencies } = await pipeline.quantizeFile(model, options);
    draft.checkPlace(target, dependencies.map((path) => relative(resolve(dirname(model)), path)));
    const made = join(draft.folder, 'cached');
    await mkdir(made);
    // A copy, because the cache's own files are never to change.
    await copyFile(file, join(made, basename(target)));
    return { result: { report: named(report), made, places: [target] } };
  } catch (error) {
    if (!isGateError(error) || broken.length === 0) throw error;
    return { result: { report: named(broken[0]!), made: draft.folder, places: [] }, error };
  } finally {
    progress.clear();
    await pipeline.close();
  }
}
