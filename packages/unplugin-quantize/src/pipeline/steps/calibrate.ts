import { rmSync } from 'node:fs';
import { openSamples, planSamples } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import { findFirstEngine, observeRuns, requireEngine, type FoundEngines, type ObservedRuns } from '../../evaluate/index.ts';
import type { Payload } from '../../onnx/index.ts';
import type { CalibratePlan } from './calibrate-plan.ts';
import { readFacts } from '../facts.ts';
import { observationPayload } from '../cache/observed-file.ts';
import { openObserver, type Observer, type ObserverTask } from './observers.ts';
import { writePayload, type WrittenFile } from '../cache/write-file.ts';

export interface CalibrateTask extends CalibratePlan, ObserverTask {
  /** Path of the new file that the result goes to (observed-file.ts); there must be none. */
  out: string;
}

/** @param of the most samples that there can be; a module may yield fewer */
export type OnProgress = (done: number, of: number) => void;

/** The most that engines read as one file. */
const LARGEST_FILE = 2 ** 31 - 1;
/** With fewer samples, ranges and sums say more of these than of those to come. */
const FEW = 8;

/**
 * Runs samples through a model that hands out what quantizing needs to know of them.
 *
 * @param onProgress called after each sample
 * @param given engines that are being loaded; the first that is installed unless given
 * @throws QuantizeError SAMPLES_*, ENGINE_MISSING, ENGINE_REJECTED, MODEL_*, and WRITE_FAILED; nothing is left then
 */
export async function calibrateModel(task: CalibrateTask, onProgress?: OnProgress, given?: Promise<FoundEngines>): Promise<WrittenFile> {
  const observing = `${task.out}.onnx`;
  // Nobody waits for them where there is nothing to run.
  given?.catch(() => undefined);
  try {
    const observer = openObserver(task, observing, (stream) => writeObserving(stream, observing));
    const found = observer.outputs.length === 0 ? undefined : await run(task, observing, observer, onProgress, given);
    const { notes, ...observation } = observer.result();
    const few = found !== undefined && observer.isUsed() ? [...found.notes, ...fewNotes(found)] : [];
    return writePayload(observationPayload({ ...observation, notes: [...few, ...notes] }), task.out);
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(task.name) : error;
  } finally {
    rmSync(observing, { force: true });
  }
}

function writeObserving(stream: Payload, path: string): void {
  if (stream.byteLength <= LARGEST_FILE) {
    writePayload(stream, path);
    return;
  }
  throw new QuantizeError('MODEL_TOO_LARGE', `With the outputs that are observed the model has ${stream.byteLength} bytes; engines read ${LARGEST_FILE} in one file at most.`, {
    hint: 'Use a format, or an algorithm, that looks at the weights only.',
  });
}

async function run(task: CalibrateTask, model: string, { outputs, take }: Observer, onProgress?: OnProgress, given?: Promise<FoundEngines>): Promise<ObservedRuns & { notes: string[] }> {
  const engine = requireEngine(await (given ?? findFirstEngine()), undefined, 'Samples cannot be run');
  const { calibration, sampleLimit: limit } = task;
  const { items, notes } = await planSamples(calibration, { limit, inputs: readFacts({ path: task.source, name: task.name }).inputs });
  const of = items.length === 0 ? limit : items.length;
  const found = await observeRuns({ engine, model, outputs, samples: (inputs) => openSamples(calibration, { limit, inputs }), take, onProgress: (done) => onProgress?.(done, of) });
  return { ...found, notes };
}

function fewNotes({ rows }: ObservedRuns): string[] {
  return rows < FEW ? [`Calibrated on ${rows === 1 ? 'one sample' : `${rows} samples`} only: give at least ${FEW}, better 100, of the kind that users will have.`] : [];
}
