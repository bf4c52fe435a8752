import { resolve } from 'node:path';
import { assertApplied } from '../gate/index.ts';
import type { ArtefactOptions, ResolvedModelOptions } from '../options.ts';
import type { Canary, ModelReport } from '../types.ts';
import type { Cache } from './cache/cache.ts';
import { displayName } from './display-name.ts';
import type { CloserLook } from './steps/extras.ts';
import type { PipelineEvent } from './events.ts';
import { findCanary } from './steps/find-canary.ts';
import { makeVariant, type MadeVariant, type VariantResult } from './make-variant.ts';
import { planVariants, type VariantPlan } from './plan-variants.ts';
import { readContent } from './files/read-model.ts';
import type { createShare } from './cache/share.ts';
import type { Workers } from './workers/workers.ts';

export interface PipelineContext {
  /** Absolute path that relative paths start from. */
  root: string;
  cache: Cache;
  workers: Workers;
  share: ReturnType<typeof createShare>;
  tell(event: PipelineEvent): void;
  /** How the closer look at the artefact of a report is had. */
  describers: WeakMap<ModelReport, () => Promise<CloserLook>>;
}

export interface PipelineResult {
  /** One artefact for each format that the targets come to, in the order of the targets. */
  variants: VariantResult[];
  /** Null where nothing was run, or the source ran on nothing. */
  canary: Canary | null;
  /** Absolute path of the first artefact in the cache; never to be modified. */
  file: string;
  /** Of the first artefact. Equal whether or not the result was cached. */
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
}

/** The request of one artefact. */
export interface ArtefactRequest extends Request {
  options: ArtefactOptions;
}

/**
 * The story of one model: its content is hashed; its targets and their formats say which artefacts there are to be. For each of them what
 * samples tell of the model is found or observed, where the format asks for it; the artefact is found or made; what is known of its
 * accuracy is found or measured; the budget is judged on the figures, and where it is broken `onFail` says how to go on.
 *
 * @throws QuantizeError BUDGET_BROKEN, and whatever is wrong with the model, its samples or its options
 */
export async function quantizeFile(context: PipelineContext, path: string, options: ResolvedModelOptions): Promise<PipelineResult> {
  const absolute = resolve(context.root, path);
  const request = { path: absolute, name: displayName(context.root, absolute), options };
  const content = await context.share(`read ${absolute}`, () => readContent(absolute, request.name, context.cache, context.workers));
  const planned = planVariants(options, content.kind);
  const canary = findCanary(context, request, content);
  // It is waited for where artefacts are measured; one that cannot be made must not be an unhandled rejection before.
  canary.catch(() => undefined);
  const all = await allOf(planned.map((plan) => makeVariant(context, request, content, canary, plan)));
  const { plans, made } = worthwhile(planned, all);
  const cached = all.every((each) => each.cached);
  context.tell({ kind: 'done', model: request.name, cached });

  const broken = made.find(({ error }) => error !== undefined);
  if (broken?.error !== undefined) {
    context.tell({ kind: 'broken', reports: made.map(({ report }) => report) });
    throw broken.error;
  }
  assertApplied(options.budget, made.map(({ report }) => report));
  const variants = made.map(({ file, report, sessionOptions, tolerance }, i) => ({ targets: plans[i]!.targets, file, report, sessionOptions, tolerance }));
  const { canary: reference, notes } = await canary;
  variants[0]!.report.notes.push(...notes);
  const { file, report, sessionOptions } = variants[0]!;
  const dependencies = [...new Set([...content.paths, ...made.flatMap(({ samples }) => samples)])];
  return { variants, canary: reference, file, report, sessionOptions, dependencies, cached };
}

/** Leaves out what was made for some devices only and did not become what it was to be: those devices run the other artefact, too. */
function worthwhile(plans: readonly VariantPlan[], made: readonly MadeVariant[]): { plans: VariantPlan[]; made: MadeVariant[] } {
  const isKept = ({ needs, format }: VariantPlan, { error, report }: MadeVariant): boolean => needs === undefined || (error === undefined && report.format === format);
  const kept = plans.map((plan, i) => ({ plan, made: made[i]! })).filter((each) => isKept(each.plan, each.made));
  const notes = plans.filter((plan, i) => !isKept(plan, made[i]!)).map(({ targets, format, needs }) => `There is no ${format} for ${targets.join(', ')} with ${needs}: as that the model does not hold its budget, or does not become smaller.`);
  if (notes.length > 0) kept[0]!.made.report.notes.push(...notes);
  return { plans: kept.map(({ plan }) => plan), made: kept.map((each) => each.made) };
}

/** Waits for everything; the error is that of the first that failed, in order, so that every build says the same. */
async function allOf<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}
