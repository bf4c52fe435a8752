import type { Canary, Format } from '../types.ts';
import { canaryFeeds, numbersOf } from './canary.ts';
import { messageOf } from './errors.ts';
import type { RunArguments, RunResults } from './host.ts';
import type { Tensor } from './types.ts';
import { notBatchable, type BatchLayout, type NamedLayout } from './batch-layout.ts';
import { PlainTensor, stack } from './batch-tensors.ts';

/** How far rows may be from those of a run of their own, as a share of the output's largest element: kernels add in another order for more rows. */
const ROUNDING = 0.01;

/** These round activations in steps that follow from the range of all rows of a run: measured up to 0.34 of the largest logit on a transformer. */
const DYNAMIC: readonly Format[] = ['int8', 'int8-dynamic'];
const DYNAMIC_ROUNDING = 0.5;

type Feeds = RunArguments[0];

/**
 * Runs the canary, its elements in reverse, and both as one: where an output's rows are those of the two runs, rows are independent in it.
 * @throws RuntimeError NOT_BATCHABLE where the engine refuses more rows
 */
export async function probedLayout(run: (feeds: Feeds) => Promise<RunResults>, named: NamedLayout, canary: Canary, format: Format): Promise<BatchLayout> {
  const first = canaryFeeds(canary, { Tensor: PlainTensor as never });
  const second = Object.fromEntries(Object.entries(first).map(([name, tensor]) => [name, named.inputs.has(name) ? reversed(tensor) : tensor]));
  const both = Object.fromEntries(Object.entries(first).map(([name, tensor]) => [name, named.inputs.has(name) ? stack([tensor, second[name]!]) : tensor]));
  const [a, b] = [await run(first), await run(second)];
  const together = await run(both).catch((cause: unknown) => {
    throw notBatchable(`it refuses two inputs at once: ${messageOf(cause)}`, cause);
  });
  const outputs = new Set<string>();
  const rounding = DYNAMIC.includes(format) ? DYNAMIC_ROUNDING : ROUNDING;
  for (const name of [...named.outputs, ...named.unsure]) {
    if (await isStacked([a[name]!, b[name]!], together[name]!, rounding)) outputs.add(name);
  }
  for (const results of [a, b, together]) for (const tensor of Object.values(results)) tensor.dispose();
  return { ...named, outputs };
}

/** The same elements from back to front: whatever was allowed as an index is still allowed. */
function reversed({ type, data, dims }: Tensor): Tensor {
  return new PlainTensor(type, (data as Uint8Array).slice().reverse(), dims) as unknown as Tensor;
}

async function isStacked(parts: readonly Tensor[], whole: Tensor, rounding: number): Promise<boolean> {
  const rows = parts.reduce((sum, { dims }) => sum + (dims[0] ?? Number.NaN), 0);
  if (parts.some(({ dims }) => [rows, ...dims.slice(1)].join() !== whole.dims.join())) return false;
  const expected = (await Promise.all(parts.map(numbersOf))).flatMap((values) => [...values]);
  const found = await numbersOf(whole);
  const largest = expected.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  return expected.every((value, i) => Object.is(value, found[i]) || Math.abs(value - found[i]!) <= rounding * largest);
}
