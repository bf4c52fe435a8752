import { checkFeeds, isFedType, type SampleLabel, type SampleTensor } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { AccuracyReport } from '../types.ts';
import type { Engine, ModelFile, RunModel, SessionOptions } from './engine.ts';
import { answerMeter } from './answers.ts';
import { evaluateModels, type EvaluateOptions } from './evaluator.ts';
import { accuracyMeter, type AccuracyMeter } from './metrics.ts';
import { numbersOf } from './numbers.ts';
import { runSource } from './run-source.ts';

export interface CompareOptions {
  engine: Engine;
  source: ModelFile;
  artefact: ModelFile;
  /** What `openLabelledSamples` gives; feeds are checked against the source's inputs. */
  samples: AsyncIterable<ComparedSample> | Iterable<ComparedSample>;
  /** True when the samples were generated from the signature. */
  synthetic?: boolean | undefined;
  /** Options that the artefact's format needs; the source runs without them. */
  sessionOptions?: SessionOptions | undefined;
  /** Name of the model in errors. */
  model?: string | undefined;
  /** The user's evaluator, whose metrics go before those that are counted on the samples. */
  evaluator?: Pick<EvaluateOptions, 'module' | 'timeLimit'> | undefined;
  /** Called after each sample with the number done. */
  onProgress?: ((done: number) => void) | undefined;
  /** Called after each run of the evaluator. */
  onEvaluated?: EvaluateOptions['onProgress'];
}

export interface ComparedSample {
  feeds: unknown;
  /** Classes of the rows of the first output that has several classes. */
  labels?: readonly SampleLabel[] | undefined;
}

export interface Comparison {
  accuracy: AccuracyReport;
  /** Outputs that were left out, values that could not be compared. */
  notes: string[];
}

/**
 * Runs source and artefact on the same samples, one sample at a time, and measures each output (`accuracyMeter`).
 *
 * @throws QuantizeError SAMPLES_INVALID for a sample that does not fit or that the source fails on, or when there is none;
 *   ENGINE_REJECTED when the artefact cannot be loaded, fails on a sample that the source runs, or lacks an output; EVALUATOR_FAILED
 */
export async function compareModels(options: CompareOptions): Promise<Comparison> {
  const { engine, model } = options;
  try {
    const source = await engine.open(options.source);
    try {
      const artefact = await engine.open(options.artefact, options.sessionOptions);
      try {
        return await compareSessions(source, artefact, options);
      } finally {
        await artefact.close();
      }
    } finally {
      await source.close();
    }
  } catch (error) {
    throw error instanceof QuantizeError && model !== undefined ? error.withModel(model) : error;
  }
}

const SKIPPED: Record<string, string> = { string: 'text', unknown: 'a sequence or map' };

async function compareSessions(source: RunModel, artefact: RunModel, options: CompareOptions): Promise<Comparison> {
  const { engine, synthetic = false } = options;
  assertSameOutputs(source, artefact);
  const compared = source.outputs.filter(({ dtype }) => isFedType(dtype));
  const meters = new Map(compared.map(({ name, dtype }) => [name, accuracyMeter(name, dtype)]));
  const answers = answerMeter();
  let samples = 0;
  for await (const sample of options.samples) {
    const feeds = checkFeeds(sample.feeds, source.inputs, samples);
    const expected = await runSource(source, feeds, samples);
    const found = await artefact.run(feeds);
    addSample(meters, expected, found);
    const answer = compared.find(({ name }) => isAnswer(expected[name]!))?.name;
    if (answer !== undefined) answers.add(sample.labels, expected[answer]!, found[answer]!);
    samples++;
    options.onProgress?.(samples);
  }
  const { evaluator, onEvaluated } = options;
  if (samples === 0 && evaluator === undefined) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.');
  // An evaluator has data of its own.
  const outputs = samples === 0 ? [] : [...meters.values()].map((meter) => meter.result());
  const evaluated = evaluator === undefined ? [] : await evaluateModels({ source, artefact, ...evaluator, onProgress: onEvaluated });
  const counted = [answers.result()].flatMap((metric) => (metric === null || synthetic || evaluated.some(({ name }) => name === metric.name) ? [] : [metric]));
  const metrics = [...evaluated, ...counted];
  const skipped = source.outputs.filter((output) => !compared.includes(output));
  const notes = [
    ...(synthetic ? ['Accuracy was measured on inputs generated from the model\'s signature, which proves little: give samples.'] : []),
    ...skipped.map(({ name, dtype }) => `Output "${name}" was not compared: it is ${SKIPPED[dtype] ?? `of type ${dtype}, which has no numbers in JavaScript`}.`),
    ...[...meters].filter(([, meter]) => meter.incomparable() > 0).map(([name, meter]) => `Output "${name}" has ${meter.incomparable()} elements that are NaN, infinite or absent in only one of source and artefact.`),
  ];
  const accuracy = { engine: engine.name, engineVersion: engine.version, samples, synthetic, outputs, ...(metrics.length > 0 && { metrics }) };
  return { accuracy, notes: [...notes, ...answers.notes()] };
}

/** Scores of classes: floating point, two or more of them, for each row of a batch or each step of a sequence; of an image's pixels they are not on the last axis. */
function isAnswer({ dtype, dims }: SampleTensor): boolean {
  return dims.length <= 3 && (dtype === 'float32' || dtype === 'float16' || dtype === 'float64') && (dims.at(-1) ?? 0) > 1;
}

function addSample(meters: Map<string, AccuracyMeter>, expected: Record<string, SampleTensor>, found: Record<string, SampleTensor>): void {
  for (const [name, meter] of meters) {
    const [a, b] = [expected[name]!, found[name]!];
    meter.add({ dims: a.dims, data: numbersOf(a)! }, { dims: b.dims, data: numbersOf(b)! });
  }
}

function assertSameOutputs(source: RunModel, artefact: RunModel): void {
  const dtypes = new Map(artefact.outputs.map(({ name, dtype }) => [name, dtype]));
  const lost = source.outputs.find(({ name, dtype }) => dtypes.get(name) !== dtype);
  if (lost === undefined) return;
  const found = dtypes.get(lost.name);
  throw new QuantizeError('ENGINE_REJECTED', `The artefact's output "${lost.name}" is ${found ?? 'missing'} where the source's is ${lost.dtype}.`, { node: lost.name });
}
