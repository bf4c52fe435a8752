/** Masks, such as -3.4e38, are no weights: half precision replaces them, and no noise is meant by it. */
const MASK = 1e30;

/** What was found of one weight. */
export interface WeightDistance {
  /** In dB, two decimals, so that the last bits of a logarithm make no difference between machines; null where all is equal. */
  sqnr: number | null;
  maxError: number;
  /** Smallest and largest element before, masks left out. */
  min: number;
  max: number;
}

export interface ErrorMeter {
  /** Takes the next elements, before and after. */
  add(before: Float32Array, after: Float32Array): void;
  result(): WeightDistance;
}

/** Sums squares in float64: signal to quantization noise is 10 log10(sum x^2 / sum (x - y)^2). */
export function errorMeter(): ErrorMeter {
  let [signal, noise, maxError, min, max] = [0, 0, 0, Infinity, -Infinity];
  return {
    add(before, after) {
      for (let i = 0; i < before.length; i++) {
        const x = before[i]!;
        if (!(Math.abs(x) < MASK)) continue;
        const error = Math.abs(x - after[i]!);
        signal += x * x;
        noise += error * error;
        if (error > maxError) maxError = error;
        if (x < min) min = x;
        if (x > max) max = x;
      }
    },
    result: () => ({ sqnr: decibels(signal, noise), maxError, min: min > max ? 0 : min, max: min > max ? 0 : max }),
  };
}

/** Two decimals; null without noise. */
export function decibels(signal: number, noise: number): number | null {
  if (noise === 0) return null;
  return signal === 0 ? 0 : Math.round(1000 * Math.log10(signal / noise)) / 100;
}
