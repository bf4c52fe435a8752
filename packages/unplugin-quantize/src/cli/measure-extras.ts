import { dirname, join } from 'node:path';
import type { ArtefactOptions } from '../options.ts';
import { compressFile } from '../pipeline/steps/compressed.ts';
import { extrasPlan, type ReportExtras } from '../pipeline/steps/extras.ts';
import { measureLatency } from '../pipeline/steps/latency.ts';
import { createWorkers } from '../pipeline/workers/workers.ts';
import type { CompressedBytes, Target } from '../types.ts';

/** Absolute paths of the source and of the artefact, and the names of the files beside them that belong to them. */
export interface ComparedFiles {
  name: string;
  source: string;
  artefact: string;
  sourceData: readonly string[];
  artefactData: readonly string[];
  /** Options that the artefact's format needs. */
  sessionOptions: Record<string, unknown>;
}

/** Compressed sizes and latency, where they were asked for. @throws QuantizeError ENGINE_*, SAMPLES_*, WORKER_FAILED */
export async function measureExtras({ name, source, artefact, sourceData, artefactData, sessionOptions }: ComparedFiles, options: ArtefactOptions, targets: readonly Target[]): Promise<ReportExtras> {
  const plan = extrasPlan(options, '.', targets);
  const extras: ReportExtras = {};
  if (plan.compressed) {
    extras.compressed = { source: await compressAll(source, sourceData), artefact: await compressAll(artefact, artefactData) };
  }
  if (plan.latency === undefined) return extras;
  const workers = createWorkers(1);
  try {
    const isSplit = sourceData.length + artefactData.length > 0;
    const first = await workers.firstFeeds({ name, source, calibration: plan.latency.calibration, engine: isSplit ? undefined : plan.latency.engine });
    return { ...extras, latency: await measureLatency({ name, path: source, sessionOptions: {} }, { name, path: artefact, sessionOptions }, first) };
  } finally {
    await workers.close();
  }
}

/** A model's file and those beside it, each compressed by itself. */
async function compressAll(model: string, locations: readonly string[]): Promise<CompressedBytes> {
  const sum: CompressedBytes = { gzip: 0, brotli: 0 };
  for (const path of [model, ...locations.map((location) => join(dirname(model), location))]) {
    const { gzip, brotli } = await compressFile(path);
    sum.gzip += gzip;
    sum.brotli += brotli;
  }
  return sum;
}
