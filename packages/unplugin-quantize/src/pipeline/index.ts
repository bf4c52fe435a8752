import { resolve } from 'node:path';
import type { RemoteCacheSpec } from '../cache-options.ts';
import type { Limits } from '../limits.ts';
import type { ResolvedModelOptions } from '../options.ts';
import type { CompressedBytes, ModelReport } from '../types.ts';
import { createCache } from './cache/cache.ts';
import { findCompressed } from './steps/compressed.ts';
import { compressBytes, deliver, type Compression, type DeliveredFile, type Delivery, type DeliveryOptions } from './deliver.ts';
import type { PipelineEvent } from './events.ts';
import type { NamedFile } from './cache/named-file.ts';
import { quantizeFile, type PipelineResult } from './quantize-file.ts';
import { remotePlace } from './remote/place.ts';
import { sharedCache } from './remote/index.ts';
import { createShare } from './cache/share.ts';
import { createWorkers } from './workers/workers.ts';

export { openBaseline } from './baseline.ts';
export { locateEvaluator, watchedByEvaluator } from './steps/evaluator.ts';
export type { Compression, DeliveredFile, Delivery, DeliveryOptions } from './deliver.ts';
export type { PipelineEvent } from './events.ts';
export type { NamedFile } from './cache/named-file.ts';
export type { VariantResult } from './make-variant.ts';
export type { PipelineResult } from './quantize-file.ts';
export { annotateError, annotateWarning, summarizeForGitHub } from './github-actions.ts';
export { writeReports } from './write-report.ts';

export interface PipelineOptions {
  /** Folder of the project: relative paths start here, reports name models from here. */
  root: string;
  /** Folder of the cache, from the root, or false to keep nothing after `close`. */
  cacheDir: string | false;
  /** A cache that machines share; what the environment says where it is left out. Checked before. */
  remote?: string | RemoteCacheSpec | false | undefined;
  /** How many models are worked on side by side. @default half of the cores, at least 1 */
  workers?: number | undefined;
  /** What a model may ask for. */
  limits?: Partial<Limits> | undefined;
  /** Bytes that the work may take together, estimated. */
  memoryLimit?: number | undefined;
  /** The most that the cache's folder may take when the pipeline is closed. */
  maxCacheBytes?: number | undefined;
  onProgress?: ((event: PipelineEvent) => void) | undefined;
}

export interface Pipeline {
  /**
   * Quantizes a model, or finds the result of an earlier build. Requests for the same model and options share one run.
   *
   * @throws QuantizeError BUDGET_BROKEN when the artefact does not hold its budget, and other codes for bad input
   */
  quantizeFile(path: string, options: ResolvedModelOptions): Promise<PipelineResult>;
  /** The report of an artefact of this pipeline with what a closer look at its weights shows and with compressed sizes; others as they are. */
  describe(report: ModelReport): Promise<ModelReport>;
  /** The artefact of a result as it is published. @throws QuantizeError WRITE_FAILED */
  deliver(artefact: DeliveredFile, options: DeliveryOptions): Promise<Delivery>;
  /** What a file takes on the wire. */
  compressedSizes(path: string): Promise<CompressedBytes>;
  /** Bytes in compressed form: the path of a file in the cache, never to be modified. @throws QuantizeError WRITE_FAILED */
  compress(bytes: Uint8Array, compression: Compression): Promise<string>;
  /** A path of a file that ends in a name of our choice; never to be modified. @throws QuantizeError WRITE_FAILED */
  named(file: NamedFile): Promise<string>;
  /** Stops the workers and removes what was temporary. */
  close(): Promise<void>;
}

/** @throws QuantizeError OPTION_INVALID for a shared cache without an address */
export function createPipeline({ root, cacheDir, remote, workers: size, limits, memoryLimit, maxCacheBytes, onProgress = warnOnly }: PipelineOptions): Pipeline {
  const warn = (message: string): void => onProgress({ kind: 'warning', message });
  const place = remotePlace(remote, root);
  const cache = createCache(cacheDir === false ? false : resolve(root, cacheDir), warn, place && sharedCache(place, warn), maxCacheBytes);
  const workers = createWorkers(size, limits, memoryLimit);
  const context = { root: resolve(root), cache, workers, share: createShare(), tell: onProgress, describers: new WeakMap() };
  return {
    quantizeFile: (path, options) => quantizeFile(context, path, options),
    async describe(report) {
      const look = await context.describers.get(report)?.();
      if (look === undefined) return report;
      const { details, compressed } = look;
      return { ...report, details, source: { ...report.source, compressed: compressed.source }, artefact: { ...report.artefact, compressed: compressed.artefact } };
    },
    deliver: (artefact, how) => context.share(`deliver ${artefact.sha256} ${JSON.stringify(how)}`, () => deliver(cache, artefact, how)),
    compressedSizes: (path) => findCompressed(cache, [path]),
    compress: (bytes, compression) => compressBytes(cache, bytes, compression),
    named: (file) => cache.named(file),
    async close() {
      await workers.close();
      const counts = await cache.close();
      if (counts !== undefined) onProgress({ kind: 'shared', name: place!.name, counts });
    },
  };
}

/** Warnings reach somebody even when nobody listens. */
function warnOnly(event: PipelineEvent): void {
  if (event.kind === 'warning') process.emitWarning(event.message, 'unplugin-quantize');
}
