import { checkFeeds, importFresh, type SampleTensor } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { TaskMetric, ValueSignature } from '../types.ts';
import type { RunModel } from './engine.ts';
import { metricsOf, readMetrics, type Metrics } from './evaluator-metrics.ts';
import { runSource } from './run-source.ts';

/** What an evaluator is told of the model that it runs; source and artefact look the same to it. */
export interface EvaluatedModel {
  inputs: ValueSignature[];
  outputs: ValueSignature[];
}

/**
 * The default export of the module that `evaluate` names. It runs the model on data of its own and returns metrics by name: numbers, or lists with a
 * number for each item, of which the mean counts and whose differences give an interval.
 *
 * @param run takes feeds as samples may have them, gives the outputs by name
 */
export type Evaluator = (run: (feeds: unknown) => Promise<Record<string, SampleTensor>>, model: EvaluatedModel) => Promise<Record<string, number | number[]>> | Record<string, number | number[]>;

export interface EvaluateOptions {
  source: RunModel;
  artefact: RunModel;
  /** Absolute path of the module. */
  module: string;
  /** Seconds that one model may take. */
  timeLimit: number;
  /** Called after each run; `of` is known from the second model on, which is asked to do what the first one did. */
  onProgress?: ((done: number, of: number | undefined) => void) | undefined;
}

/**
 * Lets the user's evaluator judge the source, then the artefact.
 *
 * @throws QuantizeError EVALUATOR_FAILED when the module cannot be loaded or is no function, throws, takes too long, or returns something else than
 *   finite numbers; SAMPLES_INVALID for feeds that do not fit or that the source refuses
 */
export async function evaluateModels({ source, artefact, module, timeLimit, onProgress }: EvaluateOptions): Promise<TaskMetric[]> {
  const evaluator = await loadEvaluator(module);
  let runs = 0;
  const ofSource = await evaluateOne({ evaluator, module, timeLimit, which: 'source', model: source, told: source, onRun: () => onProgress?.(++runs, undefined) });
  const total = 2 * runs;
  const ofArtefact = await evaluateOne({ evaluator, module, timeLimit, which: 'artefact', model: artefact, told: source, onRun: () => onProgress?.(++runs, Math.max(total, runs)) });
  return metricsOf(ofSource, ofArtefact, module);
}

async function loadEvaluator(module: string): Promise<Evaluator> {
  const exported = await importFresh(module).catch((cause: unknown) => {
    throw failed(module, 'cannot be loaded', cause);
  });
  const found = typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : exported;
  if (typeof found === 'function') return found as Evaluator;
  throw new QuantizeError('EVALUATOR_FAILED', 'The evaluator has no default export that is a function.', {
    option: module,
    hint: 'Write `export default async (run) => { const { logits } = await run({ input }); return { accuracy: 0.93 } }`.',
  });
}

interface Evaluation {
  evaluator: Evaluator;
  module: string;
  timeLimit: number;
  which: 'source' | 'artefact';
  model: RunModel;
  told: EvaluatedModel;
  onRun(): void;
}

async function evaluateOne({ evaluator, module, timeLimit, which, model, told, onRun }: Evaluation): Promise<Metrics> {
  let calls = 0;
  let isOver = false;
  let running: Promise<unknown> = Promise.resolve();
  const run = async (feeds: unknown): Promise<Record<string, SampleTensor>> => {
    const index = calls++;
    // One after the other: an evaluator that does not wait must not fill the memory.
    const result = running.then(async () => {
      if (isOver) throw new Error('The evaluation is over.');
      const checked = checkFeeds(feeds, told.inputs, index);
      return which === 'source' ? runSource(model, checked, index) : model.run(checked);
    });
    running = result.then(onRun, () => undefined);
    return result;
  };
  try {
    return readMetrics(await inTime(Promise.resolve(evaluator(run, { inputs: told.inputs, outputs: told.outputs })), timeLimit, module, which), module);
  } catch (error) {
    throw error instanceof QuantizeError ? error : failed(module, `failed on the ${which}`, error);
  } finally {
    isOver = true;
    // The session must not be closed while it works.
    await running;
  }
}

async function inTime<T>(work: Promise<T>, seconds: number, module: string, which: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new QuantizeError('EVALUATOR_FAILED', `The evaluator took more than ${seconds} s on the ${which}.`, {
      option: module, hint: 'Evaluate fewer items, or raise `timeLimit`: evaluate: { module, timeLimit: 1800 }.',
    })), Math.min(seconds * 1000, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function failed(module: string, how: string, cause: unknown): QuantizeError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new QuantizeError('EVALUATOR_FAILED', `The evaluator ${how}: ${message}`, { option: module, cause });
}
