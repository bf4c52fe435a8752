import { checkFeeds, openSamples, type Feeds, type LocatedSamples } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import { batchRows, findEngines, findSyntheticFeeds, requireEngine } from '../../evaluate/index.ts';
import type { EngineName } from '../../types.ts';

export interface FirstFeedsTask {
  /** How errors call the model. */
  name: string;
  /** Absolute path of the source. */
  source: string;
  /** Without samples, inputs are generated. */
  calibration: LocatedSamples | undefined;
  /** The engine to use; onnxruntime-node where it is there, unless given. */
  engine?: EngineName | undefined;
}

/** What models are timed on. */
export interface FirstFeeds {
  engine: EngineName;
  engineVersion: string;
  feeds: Feeds;
  /** Samples in them: the size of the batch. */
  rows: number;
  synthetic: boolean;
}

/**
 * The first sample, or generated inputs that the source runs. Runs where user code and onnxruntime may: in a child process.
 *
 * @throws QuantizeError ENGINE_MISSING, ENGINE_REJECTED, SAMPLES_*
 */
export async function firstFeeds({ name, source, calibration, engine: wanted }: FirstFeedsTask): Promise<FirstFeeds> {
  const found = await findEngines();
  const engines = wanted === undefined ? found : { ...found, engines: found.engines.filter((engine) => engine.name === wanted) };
  const engine = requireEngine(engines, wanted, 'Latency cannot be measured');
  const session = await engine.open(source);
  try {
    const known = { engine: engine.name, engineVersion: engine.version };
    if (calibration !== undefined) {
      for await (const sample of openSamples(calibration, { limit: 1, inputs: session.inputs })) {
        const feeds = checkFeeds(sample, session.inputs, 0);
        return { ...known, feeds, rows: batchRows(feeds, session.inputs), synthetic: false };
      }
      throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.', { model: name });
    }
    const generated = await findSyntheticFeeds(session);
    if ('feeds' in generated) return { ...known, feeds: generated.feeds, rows: batchRows(generated.feeds, session.inputs), synthetic: true };
    throw new QuantizeError('SAMPLES_NOT_FOUND', `The model runs on no generated input (${generated.reason}).`, { model: name, hint: 'Give samples to measure latency on.' });
  } finally {
    await session.close();
  }
}
