import { checkFeeds, isFedType, type SampleTensor } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { AccuracyReport } from '../types.ts';
import type { Engine, ModelFile, RunModel, SessionOptions } from './engine.ts';
import { accuracyMeter, type AccuracyMeter } from './metrics.ts';
import { numbersOf } from './numbers.ts';
import { runSource } from './run-source.ts';

export interface CompareOptions {
  engine: Engine;
  source: ModelFile;
  artefact: ModelFile;
  /** What `openSamples` gives, or feeds; each is checked against the source's inputs. */
  samples: AsyncIterable<unknown> | Iterable<unknown>;
  /** True when the samples were generated from the signature. */
  synthetic?: boolean | undefined;
  /** Options that the artefact's format needs; the source runs without them. */
  sessionOptions?: SessionOptions | undefined;
  /** Name of the model in errors. */
  model?: string | undefined;
  /** Called after each sample with the number done. */
  onProgress?: ((done: number) => void) | undefined;
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
 *   ENGINE_REJECTED when the artefact cannot be loaded, fails on a sample that the source runs, or lacks an output
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
  const meters = new Map(compared.map(({ name }) => [name, accuracyMeter(name)]));
  let samples = 0;
  for await (const sample of options.samples) {
    const feeds = checkFeeds(sample, source.inputs, samples);
    const expected = await runSource(source, feeds, samples);
    addSample(meters, expected, await artefact.run(feeds));
    samples++;
    options.onProgress?.(samples);
  }
  if (samples === 0) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.');
  const outputs = [...meters.values()].map((meter) => meter.result());
  const skipped = source.outputs.filter((output) => !compared.includes(output));
  const notes = [
    ...(synthetic ? ['Accuracy was measured on inputs generated from the model\'s signature, which proves little: give samples.'] : []),
    ...skipped.map(({ name, dtype }) => `Output "${name}" was not compared: it is ${SKIPPED[dtype] ?? `of type ${dtype}, which has no numbers in JavaScript`}.`),
    ...[...meters].filter(([, meter]) => meter.incomparable() > 0).map(([name, meter]) => `Output "${name}" has ${meter.incomparable()} elements that are NaN, infinite or absent in only one of source and artefact.`),
  ];
  return { accuracy: { engine: engine.name, engineVersion: engine.version, samples, synthetic, outputs }, notes };
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
