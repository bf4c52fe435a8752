import type { Feeds } from '../calibrate/index.ts';
import type { ValueSignature } from '../types.ts';

/** How many samples are in one run: the free first dimension of the first input that has more than one. */
export function batchRows(feeds: Feeds, inputs: readonly ValueSignature[]): number {
  const batched = inputs.find(({ dims }) => dims !== null && dims.length > 1);
  return batched === undefined || typeof batched.dims![0] === 'number' ? 1 : feeds[batched.name]!.dims[0]!;
}
