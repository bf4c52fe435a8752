import { calibrateModel, type CalibrateTask } from '../steps/calibrate.ts';
import { canaryOf, type CanaryTask, type MadeCanary } from '../steps/canary.ts';
import { startEngineThread } from './engine-thread.ts';
import { firstFeeds as findFirstFeeds, type FirstFeeds, type FirstFeedsTask } from '../steps/first-feeds.ts';
import { measureArtefact, type Measured, type MeasureTask } from '../steps/measure.ts';
import { measureSensitivity, type SensitivityTask } from '../steps/sensitivity.ts';
import { takeOverLimits } from './worker-limits.ts';
import { outcomeOf, type Outcome } from './transport.ts';
import type { WrittenFile } from '../cache/write-file.ts';

takeOverLimits();

// A build that is interrupted takes its work with it: nobody is left to hear of it.
process.once('disconnect', () => process.exit());

/** Entry of the child process that runs models: native code that crashes or takes all memory ends this process and not the build. One function for each task. */
export function measure(task: MeasureTask): Promise<Outcome<Measured>> {
  const send = sender();
  return outcomeOf(() => measureArtefact(task, undefined, send));
}

/** Sends the number of samples done. */
export function calibrate(task: CalibrateTask): Promise<Outcome<WrittenFile>> {
  const send = sender();
  return outcomeOf(() => calibrateModel(task, (done, of) => send({ done, of }), startEngineThread()));
}

/** Sends the number of groups done. */
export function sensitivity(task: SensitivityTask): Promise<Outcome<number[]>> {
  const send = sender();
  return outcomeOf(() => measureSensitivity(task, (done, of) => send({ done, of })));
}

/** Tells the parent a few times a second at most. */
function sender(): (message: object) => void {
  let told = 0;
  return (message) => {
    if (Date.now() - told < 200) return;
    told = Date.now();
    process.send?.(message);
  };
}

/** What latency is measured on. */
export function firstFeeds(task: FirstFeedsTask): Promise<Outcome<FirstFeeds>> {
  return outcomeOf(() => findFirstFeeds(task));
}

/** A small input and the source's outputs. */
export function canary(task: CanaryTask): Promise<Outcome<MadeCanary>> {
  return outcomeOf(() => canaryOf(task));
}
