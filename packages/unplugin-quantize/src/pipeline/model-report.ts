import { applicableBudget, judge } from '../gate/index.ts';
import type { Budget, ModelReport } from '../types.ts';
import type { Artefact } from './steps/artefact.ts';
import type { ReportExtras } from './steps/extras.ts';
import type { Measured } from './steps/measure.ts';
import type { VariantPlan } from './plan-variants.ts';

export interface ReportParts {
  name: string;
  plan: Pick<VariantPlan, 'targets' | 'requestedFormat' | 'notes' | 'needs'>;
  /** SHA-256 of the model's file; external data is not in it. */
  sourceSha256: string;
  artefact: Artefact;
  measured: Measured;
  extras?: ReportExtras;
  budget: Budget;
}

/**
 * Puts together what is known of a model and judges its budget.
 *
 * @throws QuantizeError when a limit was asked for and its figure could not be measured
 */
export function modelReport({ name, plan, sourceSha256, artefact, measured, extras: { compressed, latency } = {}, budget }: ReportParts): ModelReport {
  const { sha256, data, sourceBytes, format, minOnnxruntime, inputs, outputs, weights, notes, integerShare } = artefact;
  const bytes = artefact.bytes + (data?.bytes ?? 0);
  const { checks, accuracy } = measured;
  const { targets, requestedFormat, needs } = plan;
  const asked = applicableBudget(budget, { requestedFormat, format, integerShare });
  return {
    name,
    ...(targets.length > 0 && { targets: [...targets] }),
    ...(needs && { needs }),
    requestedFormat,
    format,
    source: { bytes: sourceBytes, sha256: sourceSha256, ...(compressed && { compressed: compressed.source }) },
    artefact: { bytes, sha256, ratio: bytes / sourceBytes, minOnnxruntime, ...(data && { data }), ...(compressed && { compressed: compressed.artefact }) },
    inputs,
    outputs,
    weights,
    // What was presumed of the samples is found twice where they serve for both.
    notes: [...new Set([...plan.notes, ...notes, ...measured.notes, ...asked.notes])],
    ...(integerShare && { integerShare }),
    checks,
    accuracy,
    ...(latency && { latency }),
    budget: judge(asked.budget, { bytes, sourceBytes, accuracy, integerShare, compressed: compressed?.artefact, latency }),
  };
}
