import { checkFeeds, type SampleTensor } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { ValueSignature } from '../types.ts';
import { batchRows } from './batch-rows.ts';
import type { Engine, ModelFile } from './engine.ts';
import { itemsAhead } from './read-ahead.ts';
import { runSource } from './run-source.ts';

export interface ObserveOptions {
  engine: Engine;
  /** The source with further outputs. */
  model: ModelFile;
  /** Names of the outputs to look at. */
  outputs: readonly string[];
  /** What `openSamples` gives for the model's inputs, or feeds; each is checked against them. */
  samples(inputs: readonly ValueSignature[]): AsyncIterable<unknown> | Iterable<unknown>;
  /** Takes the outputs of one run, which are not kept; false ends the runs. */
  take(outputs: Record<string, SampleTensor>, sample: number): boolean | void;
  /** Called after each sample with the number done. */
  onProgress?: ((done: number) => void) | undefined;
}

export interface ObservedRuns {
  samples: number;
  /** What the samples hold: those with a batch count as many as are in it. */
  rows: number;
}

/**
 * Runs an observing model on one sample after the other. While one run's outputs are taken the engine works on the next, so that two runs'
 * outputs are in memory at most; where the engine copies what it is fed, the sample after that is read meanwhile.
 *
 * @throws QuantizeError SAMPLES_INVALID for a sample that does not fit or that the model fails on, or when there is none;
 *   ENGINE_REJECTED when the model cannot be loaded; and what `take` throws
 */
export async function observeRuns({ engine, model, outputs, samples, take, onProgress }: ObserveOptions): Promise<ObservedRuns> {
  const session = await engine.open(model, PATIENT);
  try {
    const found = { samples: 0, rows: 0 };
    let ready: Record<string, SampleTensor> | undefined;
    const takeReady = (): boolean => {
      if (ready === undefined) return true;
      const goesOn = take(ready, found.samples - 1) !== false;
      onProgress?.(found.samples);
      return goesOn;
    };
    const source = itemsAhead(samples(session.inputs));
    try {
      for (let sample = await source.next(); sample !== undefined; sample = await source.next()) {
        const feeds = checkFeeds(sample.item, session.inputs, found.samples);
        const running = settled(runSource(session, feeds, found.samples, outputs));
        if (session.copiesFeeds === true) source.prepare();
        try {
          if (!takeReady()) return found;
        } finally {
          ready = undefined;
          // The session must not be closed while it works.
          await running.done;
        }
        ready = await running.result;
        found.samples++;
        found.rows += batchRows(feeds, session.inputs);
      }
    } finally {
      await source.end();
    }
    takeReady();
    if (found.samples === 0) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.');
    return found;
  } finally {
    await session.close();
  }
}

/** Threads that have nothing to do wait without turning in circles: builds have other work for the processor, such as to take outputs. */
const PATIENT = { extra: { session: { intra_op: { allow_spinning: '0' } } } };

/** A promise beside one that only waits, so that a failure nobody came to look at is not reported as unhandled. */
function settled<T>(result: Promise<T>): { result: Promise<T>; done: Promise<void> } {
  return { result, done: result.then(() => undefined, () => undefined) };
}
