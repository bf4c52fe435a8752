import type { QuantizeError } from '../errors.ts';
import type { ArtefactOptions } from '../options.ts';
import type { CanaryTolerance, ModelReport, Target } from '../types.ts';
import type { MadeCanary } from './steps/canary.ts';
import { findCompressedPair } from './steps/compressed.ts';
import { findDetails } from './details.ts';
import type { CloserLook } from './steps/extras.ts';
import { forgiving, holdBudget } from './fallback.ts';
import { findArtefact } from './steps/find-artefact.ts';
import { findExtras } from './steps/find-extras.ts';
import { findMeasurement } from './steps/find-measurement.ts';
import { findSensitivity } from './steps/find-sensitivity.ts';
import { modelReport } from './model-report.ts';
import type { VariantPlan } from './plan-variants.ts';
import type { PipelineContext, Request } from './quantize-file.ts';
import type { ModelContent } from './files/read-model.ts';

/** An artefact and what it is for. */
export interface VariantResult {
  /** None where no target was named. */
  targets: readonly Target[];
  /** Absolute path of the artefact in the cache; never to be modified. */
  file: string;
  /** Equal whether or not the result was cached. */
  report: ModelReport;
  sessionOptions: Record<string, unknown>;
  /** How far outputs may be from the canary's. */
  tolerance?: Record<string, CanaryTolerance> | undefined;
}

export interface MadeVariant extends Omit<VariantResult, 'targets'> {
  /** Absolute paths of samples' files. */
  samples: readonly string[];
  cached: boolean;
  /** Takes a closer look at the artefact. */
  describe(): Promise<CloserLook>;
  /** BUDGET_BROKEN, unless the budget is held or may be broken. */
  error?: QuantizeError | undefined;
}

/**
 * Makes the artefact of a plan, or finds it. Where it breaks its budget, `onFail` says how to go on; `auto` backs off from weights that cost accuracy and goes on to formats that keep more.
 *
 * @throws QuantizeError whatever is wrong with the model, its samples or its options
 */
export async function makeVariant(context: PipelineContext, request: Request, content: ModelContent, canary: Promise<MadeCanary>, plan: VariantPlan): Promise<MadeVariant> {
  const options = forgiving({ ...request.options, format: plan.format }, plan);
  const { result, error } = await holdBudget<MadeVariant>(options, {
    attempt: (tried) => attemptFormat(context, { ...request, options: tried }, content, canary, plan),
    sensitivity: (tried, groups) => findSensitivity(context, { ...request, options: tried }, content, groups),
    warn: (message) => context.tell({ kind: 'warning', message }),
    tried: (attempt) => context.tell({ kind: 'tried', model: request.name, attempt }),
  });
  const report = { ...result.report, requestedFormat: plan.requestedFormat };
  context.describers.set(report, result.describe);
  return { ...result, report, error };
}

async function attemptFormat(context: PipelineContext, request: Request & { options: ArtefactOptions }, content: ModelContent, canary: Promise<MadeCanary>, plan: VariantPlan): Promise<MadeVariant> {
  const { name, options: { budget } } = request;
  const made = await findArtefact(context, request, content);
  const known = await findMeasurement(context, request, made, canary, plan);
  const extras = await findExtras(context, request, content, made, plan);
  const { artefact } = made;
  const report = modelReport({ name, plan, sourceSha256: content.sha256, artefact, measured: known.measured, extras, budget });
  const describe = async (): Promise<CloserLook> => ({
    details: await findDetails(context, request, content, made),
    compressed: extras.compressed ?? (await findCompressedPair(context.cache, content.paths, [artefact.file])),
  });
  const cached = made.cached && known.cached && extras.cached;
  return { file: artefact.file, report, sessionOptions: artefact.sessionOptions, tolerance: known.measured.tolerance, samples: known.samples, cached, describe };
}
