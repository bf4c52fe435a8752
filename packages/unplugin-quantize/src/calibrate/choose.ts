import { QuantizeError } from '../errors.ts';
import { seededRandom } from './random.ts';
import type { SampleSource } from './source.ts';

/**
 * The items of each sample, as many samples as the limit allows. Where there are more, a shuffle by the seed decides which (Fisher-Yates with mulberry32), so
 * a lower limit takes some of what a higher one takes; chosen items keep their order.
 *
 * @throws QuantizeError SAMPLES_INVALID when there are no items, or fewer than the model's fixed batch
 */
export function chooseItems({ items, batch, isBatchFixed }: Pick<SampleSource, 'items' | 'batch' | 'isBatchFixed'>, limit: number, seed: number): number[][] {
  const wanted = Math.min(items.length, limit * batch);
  const chosen = pick(items.length, wanted, seed);
  const groups: number[][] = [];
  for (let at = 0; at < chosen.length; at += batch) groups.push(chosen.slice(at, at + batch));
  if (isBatchFixed && groups.at(-1) !== undefined && groups.at(-1)!.length < batch) groups.pop();
  if (groups.length > 0) return groups;
  if (items.length === 0) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.');
  throw new QuantizeError('SAMPLES_INVALID', `The model takes ${batch} at once, but there are only ${items.length}.`, { hint: 'Give more samples.' });
}

function pick(length: number, wanted: number, seed: number): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (wanted >= length) return all;
  const random = seededRandom(seed);
  for (let i = 0; i < wanted; i++) {
    const other = i + Math.floor(random() * (length - i));
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all.slice(0, wanted).sort((a, b) => a - b);
}
