import type { Feeds, SampleTensor } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { RunModel } from './engine.ts';

/**
 * Runs the source model, or one that computes what it computes, on a sample.
 *
 * @param index the sample's number, from 0
 * @throws QuantizeError SAMPLES_INVALID where the engine refuses: the user's samples are at fault, not the artefact
 */
export async function runSource(source: RunModel, feeds: Feeds, index: number, wanted?: readonly string[]): Promise<Record<string, SampleTensor>> {
  try {
    return await source.run(feeds, wanted);
  } catch (cause) {
    if (!(cause instanceof QuantizeError)) throw cause;
    throw new QuantizeError('SAMPLES_INVALID', `Sample ${index} does not run in the source model: ${cause.what}`, { hint: 'Look at the sizes of its dims and at the values of integer inputs.', cause });
  }
}
