import { locateSamples, type LocatedSamples } from '../calibrate/index.ts';
import type { ResolvedModelOptions } from '../options.ts';
import type { Measured } from './measure.ts';
import { applicableBudget } from './model-report.ts';

/** What has to be found out by running models. */
export interface MeasurePlan {
  /** Run the artefact once in every engine. */
  verify: boolean;
  /** Compare outputs, on generated inputs where there are no samples. */
  compare: boolean;
  /** Where samples are, and what is to be made of them. */
  calibration: LocatedSamples | undefined;
  sampleLimit: number;
}

/** Samples ask for a comparison, and so does a budget that needs one; undefined when nothing has to be run. */
export function measurePlan(options: ResolvedModelOptions, root: string): MeasurePlan | undefined {
  const { verify, sampleLimit } = options;
  const budget = applicableBudget(options.budget, options.format);
  const calibration = options.calibration === undefined ? undefined : locateSamples(options.calibration, root);
  const compare = calibration !== undefined || budget.cosine !== undefined;
  return verify || compare ? { verify, compare, calibration, sampleLimit } : undefined;
}

/** For a plan of nothing. */
export const NOT_MEASURED: Measured = { checks: [], accuracy: null, notes: [] };
