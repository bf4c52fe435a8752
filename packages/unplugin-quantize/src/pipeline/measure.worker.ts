import { measureArtefact, type Measured, type MeasureTask } from './measure.ts';
import { outcomeOf, type Outcome } from './transport.ts';

/** Entry of the child process that runs models: native code that crashes or takes all memory ends this process and not the build. */
export function measure(task: MeasureTask): Promise<Outcome<Measured>> {
  return outcomeOf(() => measureArtefact(task));
}
