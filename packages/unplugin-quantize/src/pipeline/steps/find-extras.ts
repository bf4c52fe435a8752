import { cpus } from 'node:os';
import { latencyKey } from '../cache/cache-key.ts';
import { findCompressedPair } from './compressed.ts';
import { engineVersions, readerVersions } from './engine-versions.ts';
import { extrasPlan, type ReportExtras } from './extras.ts';
import type { FoundArtefact } from './find-artefact.ts';
import type { TimedFile } from './latency.ts';
import type { ArtefactRequest, PipelineContext } from '../quantize-file.ts';
import type { VariantPlan } from '../plan-variants.ts';
import type { ModelContent } from '../files/read-model.ts';
import { readSampleFiles } from '../files/sample-files.ts';
import type { LatencyReport } from '../../types.ts';

/** Figures that a report has where they were asked for, with whether all of them were known. */
export interface FoundExtras extends ReportExtras {
  cached: boolean;
}

/** What an earlier build measured, or a new measurement. @throws QuantizeError ENGINE_*, SAMPLES_*, WORKER_FAILED */
export async function findExtras(context: PipelineContext, request: ArtefactRequest, content: ModelContent, made: FoundArtefact, { targets }: VariantPlan): Promise<FoundExtras> {
  const { cache, root } = context;
  const plan = extrasPlan(request.options, root, targets);
  const extras: FoundExtras = { cached: true };
  if (plan.compressed) {
    extras.compressed = await findCompressedPair(cache, content.paths, [made.artefact.file]);
  }
  if (plan.latency !== undefined) {
    const { latency, cached } = await findLatency(context, request, made, plan.latency);
    return { ...extras, latency, cached };
  }
  return extras;
}

type LatencyPlan = NonNullable<ReturnType<typeof extrasPlan>['latency']>;

async function findLatency({ cache, workers, share, tell }: PipelineContext, { path, name }: ArtefactRequest, made: FoundArtefact, plan: LatencyPlan): Promise<{ latency: LatencyReport; cached: boolean }> {
  const { artefact } = made;
  const files = await readSampleFiles(plan, artefact.inputs, cache.hashes);
  const told = { samples: files.hashes, chosen: files.chosen, engines: await engineVersions(), readers: await readerVersions() };
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, platform: process.platform, arch: process.arch };
  const key = latencyKey({ artefact: made.key, plan, engine: plan.engine, machine, ...told });
  return share(`latency ${key}`, async () => {
    const known = await cache.read<LatencyReport>('latency', key);
    if (known !== undefined) return { latency: known, cached: true };
    tell({ kind: 'step', model: name, step: 'latency' });
    const first = await workers.firstFeeds({ name, source: path, calibration: plan.calibration, engine: artefact.externalLocations.length > 0 ? undefined : plan.engine, bytes: artefact.sourceBytes });
    // Loaded here, because a build whose results are cached measures nothing.
    const { measureLatency } = await import('./latency.ts');
    const timed = (file: string, sessionOptions: Record<string, unknown>): TimedFile => ({ name, path: file, sessionOptions });
    const latency = await measureLatency(timed(path, {}), timed(artefact.file, artefact.sessionOptions), first);
    await cache.write('latency', key, latency);
    // Read as JSON, so that a miss gives what a hit will give.
    return { latency: JSON.parse(JSON.stringify(latency)) as LatencyReport, cached: false };
  });
}
