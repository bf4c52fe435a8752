import { syntheticCandidates, type Feeds } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { RunModel } from './engine.ts';

/**
 * The first generated inputs that the model runs, or the engine's last complaint when it runs none of them.
 */
export async function findSyntheticFeeds(model: RunModel, seed = 0): Promise<{ feeds: Feeds } | { reason: string }> {
  let reason = 'no input could be generated';
  for (const feeds of syntheticCandidates(model.inputs, seed)) {
    try {
      const outputs = await model.run(feeds);
      if (Object.values(outputs).some(({ data }) => data.length > 0)) return { feeds };
      reason = 'all outputs are empty';
    } catch (error) {
      if (!(error instanceof QuantizeError)) throw error;
      reason = error.what;
    }
  }
  return { reason };
}
