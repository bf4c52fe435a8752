import { QuantizeError } from '../errors.ts';
import type { ArtefactOptions, ResolvedModelOptions } from '../options.ts';
import { readFacts } from '../pipeline/facts.ts';
import { planVariants, type VariantPlan } from '../pipeline/plan-variants.ts';

/** What one output file is to be. */
export interface OneArtefact {
  options: ArtefactOptions;
  plan: VariantPlan;
}

/**
 * The one artefact that a command writes, with its format for the target that was named.
 *
 * @throws QuantizeError OPTION_INVALID for several targets, MODEL_* where `auto` has to look at a file that is no model
 */
export function oneArtefact(model: string, options: ResolvedModelOptions): OneArtefact {
  const { targets = [], format } = options;
  if (new Set(targets).size > 1) {
    throw new QuantizeError('OPTION_INVALID', `The command writes one file, and ${targets.length} targets were named.`, { option: '--targets', hint: 'Run it once for each target.' });
  }
  const kind = format === 'auto' ? readFacts({ path: model, name: model }).kind : 'encoder';
  const plan = planVariants(options, kind).find(({ needs }) => needs === undefined)!;
  return { options: { ...options, format: plan.format }, plan };
}
