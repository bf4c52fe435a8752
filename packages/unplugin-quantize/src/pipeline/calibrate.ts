import { rmSync } from 'node:fs';
import { notFinite, openSamples, planSamples, statisticsCollector } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import { findEngines, observeRuns, requireEngine, type FoundEngines, type ObservedRuns } from '../evaluate/index.ts';
import { readModel, type Payload } from '../onnx/index.ts';
import { hessianSums, observeActivations, observeSource, type QuantizeOptions } from '../quantize/index.ts';
import type { CalibratePlan } from './calibrate-plan.ts';
import { readFacts } from './facts.ts';
import { withModelFile, type ModelFile } from './file-source.ts';
import { observationPayload, type Observation } from './observed-file.ts';
import { writePayload, type WrittenFile } from './write-file.ts';

export interface CalibrateTask extends CalibratePlan {
  /** How errors call the model. */
  name: string;
  /** Absolute path of the model. */
  source: string;
  options: QuantizeOptions;
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
 * @throws QuantizeError SAMPLES_*, ENGINE_MISSING, ENGINE_REJECTED, MODEL_*, and WRITE_FAILED; nothing is left then
 */
export async function calibrateModel(task: CalibrateTask, onProgress?: OnProgress, given?: FoundEngines): Promise<WrittenFile> {
  const observing = `${task.out}.onnx`;
  try {
    const observer = withModelFile(task.source, task.name, (file) => writeObserver(task, file, observing));
    const found = observer.outputs.length === 0 ? { samples: 0, rows: Infinity } : await run(task, observing, observer, onProgress, given);
    const result = observer.result();
    return writePayload(observationPayload({ ...result, notes: [...fewNotes(found), ...result.notes] }), task.out);
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(task.name) : error;
  } finally {
    rmSync(observing, { force: true });
  }
}

/** What looks at the further outputs of a model. */
interface Observer {
  outputs: string[];
  take: Parameters<typeof observeRuns>[0]['take'];
  result(): Observation;
}

function writeObserver(task: CalibrateTask, { source, files }: ModelFile, path: string): Observer {
  const write = (stream: Payload): void => {
    if (stream.byteLength > LARGEST_FILE) throw tooLarge(stream.byteLength);
    writePayload(stream, path);
  };
  const producer = (tensor: string): string => producerOf(path, tensor);
  if (task.observes === 'products') {
    const { stream, observations } = observeSource(source, files, task.options);
    if (observations.length > 0) write(stream);
    return productObserver(observations, producer);
  }
  const { stream, taps } = observeActivations(source, files, task.options);
  if (taps.length > 0) write(stream);
  const collector = statisticsCollector(taps, task.method, producer);
  return { outputs: taps.map(({ name }) => name), take: collector.add, result: () => (taps.length === 0 && task.options.format === 'int8' ? { notes: [] } : collector.result()) };
}

function productObserver(observations: Parameters<typeof hessianSums>[0], producer: (tensor: string) => string): Observer {
  const sums = hessianSums(observations);
  return {
    outputs: observations.map(({ output }) => output),
    take(outputs, sample) {
      const values = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
      for (const { output, K, weights } of observations) {
        // NaN and infinities of an input show on the diagonal, where squares are added.
        for (let k = 0; k < K; k++) if (!Number.isFinite(values[output]![k * K + k])) throw notFinite(`input of ${weights[0]!}`, producer(output), sample);
      }
      sums.add(values);
    },
    result: () => ({ hessians: sums.result(), notes: [] }),
  };
}

async function run(task: CalibrateTask, model: string, { outputs, take }: Observer, onProgress?: OnProgress, given?: FoundEngines): Promise<ObservedRuns> {
  const engine = requireEngine(given ?? (await findEngines()), undefined, 'Samples cannot be run');
  const { calibration, sampleLimit: limit } = task;
  const { items } = await planSamples(calibration, { limit, inputs: readFacts({ path: task.source, name: task.name }).inputs });
  const of = items.length === 0 ? limit : items.length;
  return observeRuns({ engine, model, outputs, samples: (inputs) => openSamples(calibration, { limit, inputs }), take, onProgress: (done) => onProgress?.(done, of) });
}

/** The node that computes a tensor: its name, or its operator where it has none. */
function producerOf(path: string, tensor: string): string {
  const node = withModelFile(path, path, ({ source }) => readModel(source).proto.graph!.node.find(({ output }) => output.includes(tensor)));
  return node === undefined ? tensor : node.name === '' ? `${node.opType} ${tensor}` : node.name;
}

function fewNotes({ rows }: ObservedRuns): string[] {
  return rows < FEW ? [`Calibrated on ${rows === 1 ? 'one sample' : `${rows} samples`} only: give at least ${FEW}, better 100, of the kind that users will have.`] : [];
}

function tooLarge(bytes: number): QuantizeError {
  return new QuantizeError('MODEL_TOO_LARGE', `With the outputs that are observed the model has ${bytes} bytes; engines read ${LARGEST_FILE} in one file at most.`, {
    hint: 'Leave calibration out: use a format, or an algorithm, that looks at the weights only.',
  });
}
