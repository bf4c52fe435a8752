import { QuantizeError } from '../errors.ts';

/** An output of a model as `session.run` gives it: rows of scores along the last axis. */
export interface Scores {
  data: ArrayLike<number>;
  dims: readonly number[];
}

/** Classes or numbers; 64-bit integers of tensors too. */
export type Values = ArrayLike<number | bigint>;

/**
 * @returns the number of pairs
 * @throws QuantizeError SAMPLES_INVALID where the two differ in length, or are empty: a metric of nothing must not look like a good one
 */
export function pairsOf(metric: string, found: { length: number }, expected: { length: number }): number {
  if (found.length !== expected.length) {
    throw new QuantizeError('SAMPLES_INVALID', `${metric} was given ${found.length} answers for ${expected.length} expected ones.`, { hint: 'Give one answer for each.' });
  }
  if (expected.length === 0) throw new QuantizeError('SAMPLES_INVALID', `${metric} was given nothing to count.`, { hint: 'Look whether the evaluator reads its samples.' });
  return expected.length;
}

/** @throws QuantizeError SAMPLES_INVALID where the dims do not hold the data, or a row would be empty */
export function rowsOf(metric: string, { data, dims }: Scores): { width: number; height: number } {
  const width = dims.at(-1) ?? 0;
  if (width > 0 && dims.reduce((product, dim) => product * dim, 1) === data.length) return { width, height: data.length / width };
  throw new QuantizeError('SAMPLES_INVALID', `${metric} was given ${data.length} scores of shape [${dims.join(', ')}].`, { hint: 'Give an output as the session returns it, with data and dims.' });
}
