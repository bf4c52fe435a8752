import { resolve } from 'node:path';
import { assertHeld, judge } from '../gate/index.ts';
import { resolveModelOptions, type ArtefactOptions, type ModelOptions } from '../options.ts';
import { measurePlan, type MeasurePlan } from '../pipeline/steps/measure-plan.ts';
import type { Measured, MeasureTask } from '../pipeline/steps/measure.ts';
import { measureTeller } from '../pipeline/progress.ts';
import { createWorkers } from '../pipeline/workers/workers.ts';
import { aboutModel } from './about-model.ts';
import { formatComparison, type ComparedModels } from './format-comparison.ts';
import { measureExtras } from './measure-extras.ts';
import { print } from './print.ts';
import { progressLine } from '../pipeline/progress-line.ts';

export interface CompareArguments {
  /** The model that counts as right, and the one that is held against it. */
  reference: string;
  model: string;
  /** `calibration`, `sampleLimit`, `evaluate`, `targets`, `budget`. */
  options: ModelOptions;
  json: boolean;
}

/**
 * Runs two models on the same samples and prints how far the second is from the first.
 *
 * @throws QuantizeError BUDGET_BROKEN where it does not hold the limits that were asked for, and other codes for bad input
 */
export async function runCompare({ reference, model, options: given, json }: CompareArguments): Promise<void> {
  // Of which format the second one is does not matter, as long as the budget is about it.
  const options: ArtefactOptions = { ...resolveModelOptions(given), format: 'int8' };
  const { targets = [], sampleLimit } = options;
  const [a, b] = [aboutModel(reference), aboutModel(model)];
  // Compared whether or not samples or a budget ask for it.
  const plan: MeasurePlan = { calibration: undefined, sampleLimit, targets, ...measurePlan(options, '.', targets), verify: false, compare: true };
  const files = { source: resolve(reference), artefact: resolve(model), isSplit: a.data.length > 0, isArtefactSplit: b.data.length > 0 };
  const { accuracy, notes } = await measure({ ...plan, name: model, ...files, sessionOptions: {}, inputs: a.inputs });
  const { compressed, latency } = await measureExtras({ name: model, ...files, sourceData: a.data, artefactData: b.data, sessionOptions: {} }, options, targets);
  const facts = { bytes: b.bytes, sourceBytes: a.bytes, accuracy, compressed: compressed?.artefact, latency };
  const budget = judge(options.budget, facts);
  const compared: ComparedModels = { models: [{ name: reference, bytes: a.bytes }, { name: model, bytes: b.bytes }], accuracy, ...(compressed && { compressed }), ...(latency && { latency }), notes, budget };
  print(json ? JSON.stringify(compared, null, 2) : formatComparison(compared));
  assertHeld({ name: model, accuracy, budget });
}

async function measure(task: MeasureTask): Promise<Measured> {
  const [workers, progress] = [createWorkers(1), progressLine()];
  try {
    return await workers.measure(task, measureTeller(progress.show, task.name));
  } finally {
    progress.clear();
    await workers.close();
  }
}
