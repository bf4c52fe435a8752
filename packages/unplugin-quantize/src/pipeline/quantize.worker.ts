import { quantizeToFile, type Artefact, type QuantizeTask } from './artefact.ts';
import { readFacts, type ModelFacts } from './facts.ts';
import { outcomeOf, type Outcome } from './transport.ts';

/** Entry of the worker threads: one exported function for each task. */
export function quantize(task: QuantizeTask): Promise<Outcome<Artefact>> {
  return outcomeOf(() => quantizeToFile(task));
}

export function facts(task: { path: string; name: string }): Promise<Outcome<ModelFacts>> {
  return outcomeOf(() => readFacts(task));
}
