import { calibrateModel, type CalibrateTask } from './calibrate.ts';
import { measureArtefact, type Measured, type MeasureTask } from './measure.ts';
import { outcomeOf, type Outcome } from './transport.ts';
import type { WrittenFile } from './write-file.ts';

/** Entry of the child process that runs models: native code that crashes or takes all memory ends this process and not the build. One function for each task. */
export function measure(task: MeasureTask): Promise<Outcome<Measured>> {
  return outcomeOf(() => measureArtefact(task));
}

/** Sends the number of samples done, a few times a second. */
export function calibrate(task: CalibrateTask): Promise<Outcome<WrittenFile>> {
  let told = 0;
  return outcomeOf(() => calibrateModel(task, (done, of) => {
    if (Date.now() - told < 200) return;
    told = Date.now();
    process.send?.({ done, of });
  }));
}
