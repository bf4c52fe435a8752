import { quantizeToFile, type Artefact, type QuantizeTask } from '../steps/artefact.ts';
import { describeArtefact, type DescribeTask } from '../describe.ts';
import { readFacts, type ModelFacts } from '../facts.ts';
import { takeOverLimits } from './worker-limits.ts';
import { outcomeOf, type Outcome } from './transport.ts';
import type { ModelDetails } from '../../types.ts';

takeOverLimits();

/** Entry of the worker threads: one exported function for each task. */
export function quantize(task: QuantizeTask): Promise<Outcome<Artefact>> {
  return outcomeOf(() => quantizeToFile(task));
}

export function describe(task: DescribeTask): Promise<Outcome<ModelDetails>> {
  return outcomeOf(() => describeArtefact(task));
}

export function facts(task: { path: string; name: string }): Promise<Outcome<ModelFacts>> {
  return outcomeOf(() => readFacts(task));
}
