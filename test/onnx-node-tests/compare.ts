import type { Output } from './engine.ts';

/** Distances that a tolerance may be stated in, with the largest magnitude and the norm of the reference. */
export interface Distance {
  /** Largest absolute difference; infinite where one of the two is not finite and the other is another value. */
  max: number;
  /** Square root of the sum of squared differences. */
  norm: number;
  largest: number;
}

/** Compares an output to its reference, or says how type, shape or a value that is not finite differs. */
export function distance(found: Output | undefined, reference: Output): Distance | string {
  if (found === undefined) return 'is missing';
  if (found.dtype !== reference.dtype) return `is ${found.dtype} in place of ${reference.dtype}`;
  if (found.dims.join() !== reference.dims.join()) return `is [${found.dims}] in place of [${reference.dims}]`;
  let max = 0;
  let squares = 0;
  for (const [i, wanted] of reference.numbers.entries()) {
    const value = found.numbers[i]!;
    if (Object.is(value, wanted) || value === wanted) continue;
    if (!Number.isFinite(value) || !Number.isFinite(wanted)) return `is ${value} in place of ${wanted} at ${i}`;
    max = Math.max(max, Math.abs(value - wanted));
    squares += (value - wanted) ** 2;
  }
  return { max, norm: Math.sqrt(squares), largest: largest(reference.numbers) };
}

/** Frobenius norm. */
export function norm(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! ** 2;
  return Math.sqrt(squares);
}

/** The largest finite magnitude. */
export function largest(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]!)) max = Math.max(max, Math.abs(values[i]!));
  return max;
}
