import { describe, expect, it } from 'vitest';
import { floats } from '../../../../../test/support/build-model.ts';
import { seededFloats } from '../../../../../test/support/run-model.ts';
import { hessianFactor } from '../gptq/hessian.ts';
import { roundWithFeedback, type RowsOf } from './reconstruct.ts';

const rows = (outputs: number, inputs: number, isTransposed = false): RowsOf => ({ outputs, inputs, isTransposed });
const unit = (n: number): Float64Array => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

/** Rows that are sums of few directions, as activations are. */
function correlated(count: number, K: number, seed: number): Float64Array[] {
  const [mix, directions] = [seededFloats([count, 5], seed).data as Float32Array, seededFloats([5, K], 77).data as Float32Array];
  return Array.from({ length: count }, (_, row) => Float64Array.from({ length: K }, (__, k) => [0, 1, 2, 3, 4].reduce((sum, i) => sum + mix[row * 5 + i]! * directions[i * K + k]!, 0)));
}

function sumsOf(samples: readonly Float64Array[]): Float64Array {
  const K = samples[0]!.length;
  return Float64Array.from({ length: K * K }, (_, at) => samples.reduce((sum, x) => sum + x[Math.floor(at / K)]! * x[at % K]!, 0));
}

describe('roundWithFeedback', () => {
  it('rounds to nearest, halves to even, where inputs have nothing to do with each other', () => {
    const weight = floats([2, 4], [0.5, 1.5, 2.5, -0.5, 0.24, -3, 300, -300]);
    expect([...roundWithFeedback(weight, rows(2, 4), Float32Array.of(1, 0.5), 127, unit(4))]).toEqual([0, 2, 2, 0, 0, -6, 127, -127]);
  });

  it('makes the next input good what rounding one took, where both are the same', () => {
    // x1 = x2: 0.4 and 0.4 together are nearest to 1, but each to 0. The factor V of [[1, 1], [1, 1]] with a small diagonal has V₁₀ / V₀₀ near -1.
    const factor = hessianFactor(Float64Array.of(1, 1, 1, 1), 2)!;
    expect(factor[2]! / factor[0]!).toBeCloseTo(-1 / 1.01, 10);
    expect([...roundWithFeedback(floats([1, 2], [0.4, 0.4]), rows(1, 2), Float32Array.of(1), 127, factor)]).toEqual([0, 1]);
  });

  it('takes weights [inputs, outputs] as well, in any number of panels', () => {
    const [outputs, inputs] = [19, 12];
    const values = [...(seededFloats([outputs * inputs], 3).data as Float32Array)];
    const factor = hessianFactor(sumsOf(correlated(40, inputs, 1)), inputs)!;
    const scales = Float32Array.from({ length: outputs }, (_, i) => 0.05 + i / 300);
    const found = roundWithFeedback(floats([outputs, inputs], values), rows(outputs, inputs), scales, 127, factor);
    const turned = values.map((_, i) => values[(i % outputs) * inputs + Math.floor(i / outputs)]!);
    const other = roundWithFeedback(floats([inputs, outputs], turned), rows(outputs, inputs, true), scales, 127, factor);
    expect([...other]).toEqual([...found].map((_, i) => found[(i % outputs) * inputs + Math.floor(i / outputs)]!));
  });

  it('leaves less error of outputs than rounding to nearest, on inputs that were not seen', () => {
    const [outputs, inputs] = [10, 32];
    const values = seededFloats([outputs * inputs], 9).data as Float32Array;
    const scale = 2 / 15;
    const factor = hessianFactor(sumsOf(correlated(64, inputs, 4)), inputs)!;
    const found = roundWithFeedback(floats([outputs, inputs], [...values]), rows(outputs, inputs), Float32Array.of(scale), 7, factor);
    const nearest = values.map((value) => Math.max(-7, Math.min(7, Math.round(value / scale))));
    const error = (integers: ArrayLike<number>): number => correlated(50, inputs, 5).reduce((sum, x) => {
      for (let o = 0; o < outputs; o++) {
        let off = 0;
        for (let k = 0; k < inputs; k++) off += (integers[o * inputs + k]! * scale - values[o * inputs + k]!) * x[k]!;
        sum += off * off;
      }
      return sum;
    }, 0);
    expect(error(found)).toBeLessThan(0.25 * error(nearest));
  });
});
