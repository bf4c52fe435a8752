import { locateSamples, type LocatedSamples } from '../../calibrate/index.ts';
import { MEASURED_LIMITS, type ArtefactOptions } from '../../options.ts';
import { locateEvaluator, type LocatedEvaluator } from './evaluator.ts';
import type { Measured } from './measure.ts';
import type { FormatChoice, Target } from '../../types.ts';
import { budgetOf } from '../../gate/index.ts';

/** What has to be found out by running models. */
export interface MeasurePlan {
  /** Run the artefact once in every engine, or in those of the targets. */
  verify: boolean;
  targets: readonly Target[];
  /** Compare outputs, on generated inputs where there are no samples. */
  compare: boolean;
  /** Where samples are, and what is to be made of them. */
  calibration: LocatedSamples | undefined;
  sampleLimit: number;
  /** The user's own judge of both models. */
  evaluator?: LocatedEvaluator | undefined;
}

/**
 * Samples and an evaluator ask for a comparison, and so does a budget that needs one; undefined when nothing has to be run.
 *
 * @param targets what the artefact is for
 * @param requestedFormat the format that the budget is about, where another one takes its place
 */
export function measurePlan(options: ArtefactOptions, root: string, targets: readonly Target[] = [], requestedFormat: FormatChoice = options.format): MeasurePlan | undefined {
  const { verify, sampleLimit } = options;
  const budget = budgetOf(options.budget, requestedFormat);
  const calibration = options.calibration === undefined ? undefined : locateSamples(options.calibration, root);
  const evaluator = options.evaluate === undefined ? undefined : locateEvaluator(options.evaluate, root);
  const compare = calibration !== undefined || evaluator !== undefined || MEASURED_LIMITS.some((limit) => budget[limit] !== undefined);
  return verify || compare ? { verify, targets, compare, calibration, sampleLimit, evaluator } : undefined;
}

/** For a plan of nothing. */
export const NOT_MEASURED: Measured = { checks: [], accuracy: null, notes: [] };
