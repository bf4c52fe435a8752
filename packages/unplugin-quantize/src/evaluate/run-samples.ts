import { checkFeeds, type SampleTensor } from '../calibrate/index.ts';
import type { Engine, ModelFile, SessionOptions } from './engine.ts';
import { numbersOf } from './numbers.ts';
import { runSource } from './run-source.ts';

/** The outputs of each sample, by name. */
export type SampleOutputs = Record<string, SampleTensor>[];

/**
 * Runs a model on a few samples and keeps all outputs.
 *
 * @throws QuantizeError SAMPLES_INVALID for a sample that does not fit or that the model refuses, ENGINE_REJECTED
 */
export async function runSamples(engine: Engine, model: ModelFile, samples: readonly unknown[], sessionOptions?: SessionOptions): Promise<SampleOutputs> {
  const session = await engine.open(model, sessionOptions);
  try {
    const found: SampleOutputs = [];
    for (const [i, sample] of samples.entries()) found.push(await runSource(session, checkFeeds(sample, session.inputs, i), i));
    return found;
  } finally {
    await session.close();
  }
}

/**
 * The largest ratio of squared error to squared value that an output has over all samples: 0 where all are equal, Infinity where an output becomes NaN or infinite,
 * or has other dims. Text has no numbers and is left out.
 */
export function outputNoise(expected: SampleOutputs, found: SampleOutputs): number {
  const names = Object.keys(expected[0] ?? {});
  return Math.max(0, ...names.map((name) => noiseOf(expected.map((outputs) => outputs[name]!), found.map((outputs) => outputs[name]!))));
}

function noiseOf(expected: readonly SampleTensor[], found: readonly SampleTensor[]): number {
  let [errors, values] = [0, 0];
  for (const [sample, tensor] of expected.entries()) {
    const [a, b] = [numbersOf(tensor), numbersOf(found[sample]!)];
    if (a === null || b === null) return 0;
    if (a.length !== b.length) return Infinity;
    for (let i = 0; i < a.length; i++) {
      // What is infinite or NaN in the source alike is no error of quantizing.
      if (a[i] === b[i] || (Number.isNaN(a[i]!) && Number.isNaN(b[i]!))) {
        if (Number.isFinite(a[i]!)) values += a[i]! ** 2;
        continue;
      }
      errors += (a[i]! - b[i]!) ** 2;
      values += a[i]! ** 2;
    }
  }
  if (errors === 0) return 0;
  const ratio = errors / values;
  return Number.isNaN(ratio) ? Infinity : ratio;
}
