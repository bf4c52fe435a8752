import type { WeightDecision } from '../../packages/unplugin-quantize/src/types.ts';
import type { Value } from './cases.ts';
import { largest, norm } from './compare.ts';
import { valueNumbers } from './engine.ts';

/** Unit round-off of float16 (11 bits of precision) and half of its smallest number. */
const HALF = 2 ** -11;
const HALF_VANISHING = 2 ** -25;
/** Rounding of float32 in computing a scale and in dividing by it. */
const SLACK = 1 + 2 ** -20;

/** For each scheme, how far an unpacked weight may be from the source's: by element, or in root mean square over the tensor. */
const WEIGHT_ERRORS: Record<string, { element?: (value: number, max: number) => number; rms?: (max: number) => number }> = {
  'fp16-storage': { element: (value) => Math.max(HALF * Math.abs(value), HALF_VANISHING) },
  // A channel's scale is at most max / 127, and rounding moves a value by half of it.
  'int8-storage': { element: (_, max) => (max / 254) * SLACK },
  // One of 16 levels over the values' range: the level next to the clipped extreme is max / 8 away, and a searched range is no worse in the squares.
  'int4-storage': { rms: (max) => (max / 8) * (1 + 2 * HALF) },
};

/** What is wrong with an unpacked weight, or undefined. */
export function weightProblem(scheme: string, unpacked: Float32Array, source: Float32Array): string | undefined {
  const { element, rms } = WEIGHT_ERRORS[scheme]!;
  const max = largest(source);
  const errors = source.map((value, i) => (unpacked[i] === value ? 0 : unpacked[i]! - value));
  if (rms !== undefined) {
    const found = norm(errors) / Math.sqrt(errors.length);
    return found <= rms(max) ? undefined : `is ${found} away in root mean square, ${rms(max)} is allowed`;
  }
  const at = errors.findIndex((error, i) => !(Math.abs(error) <= element!(source[i]!, max)));
  return at < 0 ? undefined : `is ${unpacked[at]} in place of ${source[at]} at ${at}`;
}

/**
 * Each value that half precision computes is rounded by a unit round-off of what is at most the largest in size; inputs and weights were rounded in
 * the reference already.
 *
 * @param roundings one for each node of the model, and for a sum one for each term
 * @param size of the largest output, or of the largest sum of magnitudes
 */
export function halfTolerance(roundings: number, size: number): number {
  return roundings * HALF * size + HALF_VANISHING;
}

/** Schemes whose weights never come out unpacked, and how far such a weight is from the source's, in root mean square, for a largest magnitude of 1. */
export const PRODUCT_STEPS: Record<string, number> = { 'int8-dynamic': 1 / 254, 'int8-weight': 1 / 127, 'int4': 1 / 8 };

/**
 * Y = X W with both rounded: |dY| <= |X| |dW| + |dX| (|W| + |dW|) in the Frobenius norm. Dynamic activations have a step of their range / 255, and the
 * zero point's rounding moves them by another half of it; half precision rounds what goes in and what comes out. Rows that a Gather picks are not
 * multiplied: their error is the weight's own. The functions of a recurrent network are no steeper than 1.
 */
export function productTolerance({ scheme, ops }: WeightDecision, weight: Float32Array, input: Value | undefined, outputs: number, isHalf: boolean): number {
  const step = PRODUCT_STEPS[scheme]! * largest(weight) * (1 + 2 * HALF);
  if (ops.includes('Gather') || input === undefined) return Math.sqrt(outputs) * step;
  const x = valueNumbers(input);
  const rounding = Math.sqrt(weight.length) * step;
  const range = Math.max(0, ...x) - Math.min(0, ...x);
  const activation = scheme === 'int8-dynamic' ? Math.sqrt(x.length) * (range / 255) : isHalf ? 2 * HALF * norm(x) : 0;
  return norm(x) * rounding + activation * (norm(weight) + rounding);
}
