import { inverseFactor } from './cholesky.ts';

/** Added to the diagonal: this share of its mean, so that directions which the samples never take stay bounded (Frantar et al.). */
const DAMPING = 0.01;

/**
 * The factor that GPTQ works with, of the Hessian of a product's squared error: the sum of xᵀ x over all rows x of its inputs.
 *
 * @param sums [K, K], row-major
 * @returns undefined where the matrix is not of this size or not a sum of squares
 */
export function hessianFactor(sums: Float64Array, K: number): Float64Array | undefined {
  if (sums.length !== K * K) return undefined;
  const damped = sums.slice();
  let trace = 0;
  for (let k = 0; k < K; k++) trace += damped[k * K + k]!;
  if (!(trace > 0)) return undefined;
  // An input that is always zero matters to nothing; 1 keeps the matrix regular.
  for (let k = 0; k < K; k++) damped[k * K + k]! += (damped[k * K + k] === 0 ? 1 : 0) + (DAMPING * trace) / K;
  return inverseFactor(damped, K);
}

/**
 * The factor for a weight of K rows by its name; undefined where nothing usable was observed.
 *
 * @param scale what each of the K inputs has been multiplied with since it was observed
 */
export type FindFactor = (weight: string, K: number, scale?: Float64Array) => Float64Array | undefined;

/** Where the sums of outer products are looked up by the name of a weight; a Map, or a file that is read when asked. */
export interface HessianSource {
  /** [K, K], row-major; the same array for weights that share it, where they are asked for one after the other. */
  get(weight: string): Float64Array | undefined;
}

/** Keeps the last factor, because weights that are multiplied with the same value tend to follow one another. */
export function factorFinder(sums: HessianSource): FindFactor {
  let last: { sum: Float64Array; scale: Float64Array | undefined; factor: Float64Array | undefined } | undefined;
  return (weight, K, scale) => {
    const sum = sums.get(weight);
    if (sum === undefined) return undefined;
    if (last?.sum !== sum || last.scale !== scale) last = { sum, scale, factor: hessianFactor(scale?.length === K ? scaledSums(sum, scale) : sum, K) };
    return last.factor;
  };
}

/** The sums of outer products of inputs that were scaled. */
function scaledSums(sums: Float64Array, scale: Float64Array): Float64Array {
  const K = scale.length;
  return sums.map((sum, i) => sum * scale[Math.floor(i / K)]! * scale[i % K]!);
}
