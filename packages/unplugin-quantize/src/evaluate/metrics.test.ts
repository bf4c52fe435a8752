import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutputAccuracy } from '../types.ts';
import { accuracyMeter } from './metrics.ts';

type Pair = [reference: number[], found: number[]];

function measure(pairs: Pair[], dims = (data: number[]): number[] => [data.length]): OutputAccuracy {
  const meter = accuracyMeter('y');
  for (const [reference, found] of pairs) meter.add({ dims: dims(reference), data: reference }, { dims: dims(found), data: found });
  return meter.result();
}

describe('accuracyMeter, by hand', () => {
  it('measures two samples', () => {
    // Sample 0: r.f = 24, |r| = |f| = 5. Sample 1: equal. Signal 25 + 25, noise (3-4)^2 + (4-3)^2.
    expect(measure([[[3, 4], [4, 3]], [[3, 4], [3, 4]]])).toEqual({
      name: 'y',
      cosine: 24 / 25,
      meanCosine: (24 / 25 + 1) / 2,
      maxAbsError: 1,
      meanAbsError: 2 / 4,
      sqnr: 10 * Math.log10(50 / 2),
      top1Agreement: 1 / 2,
      top5Agreement: null,
      // Softmax of (3, 4) is (1, e) / (1 + e); rows differ in the first sample only: (e - 1) / (1 + e), halved.
      klDivergence: expect.closeTo(Math.tanh(1 / 2) / 2, 14) as number,
      worstSample: 0,
    });
  });

  it('finds the first of the worst samples', () => {
    expect(measure([[[1, 1], [1, 1]], [[1, 0], [0, 1]], [[0, 1], [1, 0]]])).toMatchObject({ cosine: 0, worstSample: 1 });
  });

  it('compares rows of the last axis, the first of equal elements wins', () => {
    const rows = (data: number[]): number[] => [data.length / 3, 3];
    expect(measure([[[1, 1, 0, 0, 0, 5, 2, 1, 0, 7, 7, 7], [2, 1, 0, 5, 0, 0, 2, 1, 0, 7, 8, 7]]], rows).top1Agreement).toBe(2 / 4);
    expect(measure([[[5], [5]]]).top1Agreement).toBeNull();
    expect(measure([[[5], [5]]], () => []).top1Agreement).toBeNull();
  });

  it.each<[string, Pair, Partial<OutputAccuracy>]>([
    ['equal', [[1, 2], [1, 2]], { cosine: 1, sqnr: null, maxAbsError: 0, meanAbsError: 0 }],
    ['both zero', [[0, 0], [0, 0]], { cosine: 1, sqnr: null }],
    ['a zero reference', [[0, 0], [0, 1]], { cosine: 0, sqnr: -200 }],
    ['a zero artefact', [[0, 1], [0, 0]], { cosine: 0, sqnr: 0 }],
    ['opposite', [[3, 4], [-3, -4]], { cosine: -1 }],
    ['empty', [[], []], { cosine: 1, sqnr: null, meanAbsError: 0, top1Agreement: null }],
    ['the same infinities', [[-Infinity, 1, 2], [-Infinity, 1, 2]], { cosine: 1, sqnr: null, maxAbsError: 0 }],
    ['the same NaN', [[NaN, 3, 4], [NaN, 4, 3]], { cosine: 24 / 25, maxAbsError: 1, top1Agreement: 1 }],
    ['NaN in the artefact', [[1, 2], [1, NaN]], { cosine: 0, sqnr: -200, maxAbsError: Number.MAX_VALUE, meanAbsError: Number.MAX_VALUE }],
    ['NaN everywhere in the artefact', [[1, 2], [NaN, NaN]], { cosine: 0, sqnr: -200, top1Agreement: 0 }],
    ['NaN in the source', [[NaN, 2], [1, 2]], { cosine: 0, sqnr: -200 }],
    ['an infinity in the artefact', [[1, 2], [1, Infinity]], { cosine: 0, maxAbsError: Number.MAX_VALUE }],
    ['opposite infinities', [[1, Infinity], [1, -Infinity]], { cosine: 0 }],
    ['another length', [[1, 2], [1, 2, 3]], { cosine: 0, top1Agreement: 0, maxAbsError: Number.MAX_VALUE }],
  ])('%s', (_, pair, expected) => {
    expect(measure([pair])).toMatchObject(expected);
  });

  it('counts what cannot be compared, and gives figures that JSON carries', () => {
    const meter = accuracyMeter('y');
    meter.add({ dims: [3], data: [1, 2, 3] }, { dims: [3], data: [1, NaN, Infinity] });
    expect(meter.incomparable()).toBe(2);
    expect(JSON.parse(JSON.stringify(meter.result()))).toEqual(meter.result());
  });

  it('looks for the source\'s answer among the five largest', () => {
    const rows = (data: number[]): number[] => [data.length / 7, 7];
    expect(measure([[[9, 0, 0, 0, 0, 0, 0], [4, 5, 5, 5, 5, 0, 0]]], rows).top5Agreement).toBe(1);
    expect(measure([[[9, 0, 0, 0, 0, 0, 0], [4, 5, 5, 5, 5, 5, 0]]], rows).top5Agreement).toBe(0);
    // Of equal elements the first ones are among the five.
    expect(measure([[[0, 0, 0, 0, 9, 0, 0], [4, 4, 4, 4, 4, 4, 4]]], rows).top5Agreement).toBe(1);
    expect(measure([[[0, 0, 0, 0, 0, 9, 0], [4, 4, 4, 4, 4, 4, 4]]], rows).top5Agreement).toBe(0);
    expect(measure([[[0, 0, 0, 0, 0, 9, 0], [NaN, 4, 4, 4, 4, 4, 4]]], rows).top5Agreement).toBe(0);
    expect(measure([[[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]]).top5Agreement).toBeNull();
  });

  it('takes rows as probabilities where all of the source are', () => {
    const rows = (data: number[]): number[] => [data.length / 2, 2];
    expect(measure([[[0.5, 0.5], [0.25, 0.75]]], rows).klDivergence).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 12);
    // The second row sums to 2: scores, of which softmax is taken in both.
    const p = 1 / (1 + Math.exp(0.5));
    expect(measure([[[0.5, 0.5, 1, 1], [0.25, 0.75, 1, 1]]], rows).klDivergence).toBeCloseTo((Math.log(0.5) - (Math.log(p) + Math.log(1 - p)) / 2) / 2, 12);
    expect(measure([[[0, 1], [0, 1]]], rows).klDivergence).toBe(0);
    expect(measure([[[0.5, 0.5], [0, 1]]], rows).klDivergence).toBeCloseTo(0.5 * (Math.log(0.5 / 1e-7) + Math.log(0.5)), 12);
  });

  it('has a divergence of floating point only, and none that looks good where values are broken', () => {
    const meter = accuracyMeter('y', 'int64');
    meter.add({ dims: [2], data: [1, 2] }, { dims: [2], data: [2, 1] });
    expect(meter.result()).toMatchObject({ klDivergence: null, top1Agreement: 0 });
    expect(measure([[[1, 2], [1, NaN]]]).klDivergence).toBe(Number.MAX_VALUE);
    expect(measure([[[-Infinity, 1, 2], [-Infinity, 1, 2]]]).klDivergence).toBe(0);
    expect(measure([[[5], [4]]]).klDivergence).toBeNull();
  });

  it('refuses a result without samples', () => {
    expect(() => accuracyMeter('y').result()).toThrow(RangeError);
  });
});

describe('accuracyMeter, properties', () => {
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  const pair = fc.integer({ min: 1, max: 20 }).chain((length) => fc.tuple(fc.array(float, { minLength: length, maxLength: length }), fc.array(float, { minLength: length, maxLength: length })));

  it('stays in its ranges over all finite float32 values and is symmetric where it should be', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [there, back] = [measure([[a, b]]), measure([[b, a]])];
        expect(there.cosine).toBeGreaterThanOrEqual(-1);
        expect(there.cosine).toBeLessThanOrEqual(1);
        expect([back.cosine, back.maxAbsError, back.meanAbsError, back.top1Agreement]).toEqual([there.cosine, there.maxAbsError, there.meanAbsError, there.top1Agreement]);
        expect(there.meanAbsError).toBeLessThanOrEqual(there.maxAbsError * (1 + a.length * Number.EPSILON));
        expect(measure([[a, a]])).toMatchObject({ cosine: 1, maxAbsError: 0, sqnr: null });
      }),
    );
  });

  it('agrees with a plain formula on many samples', () => {
    // Magnitudes of at least 0.1 keep both vectors away from zero, where a cosine says nothing.
    const value = fc.tuple(fc.double({ min: 0.1, max: 9, noNaN: true }), fc.boolean()).map(([size, isNegative]) => (isNegative ? -size : size));
    const vector = fc.array(value, { minLength: 4, maxLength: 4 });
    const small = fc.array(fc.tuple(vector, vector), { minLength: 1, maxLength: 5 });
    const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    fc.assert(
      fc.property(small, (pairs) => {
        const found = measure(pairs);
        const cosines = pairs.map(([a, b]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)));
        const errors = pairs.flatMap(([a, b]) => a.map((value, i) => Math.abs(value - b[i]!)));
        expect(found.cosine).toBeCloseTo(Math.min(...cosines), 12);
        expect(found.meanCosine).toBeCloseTo(cosines.reduce((sum, value) => sum + value, 0) / cosines.length, 12);
        expect(found.maxAbsError).toBe(Math.max(...errors));
        expect(found.meanAbsError).toBeCloseTo(errors.reduce((sum, value) => sum + value, 0) / errors.length, 12);
      }),
    );
  });
});

interface Reference {
  source: number[][]; found: number[][]; dims: number[]; cosines: number[]; sqnr: number; maxAbsError: number; meanAbsError: number;
  top1: number; top5: number; kl: number; probabilities: [number[], number[]]; klOfProbabilities: number;
}

describe('accuracyMeter, beside scipy and scikit-learn', () => {
  const { outputs } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../test/reference/metrics.json'), 'utf8')) as { outputs: Reference };
  const { source, found, dims } = outputs;

  it('gives the same figures', () => {
    const result = measure(source.map((values, i) => [values, found[i]!]), () => dims);
    expect(result.cosine).toBeCloseTo(Math.min(...outputs.cosines), 12);
    expect(result.meanCosine).toBeCloseTo((outputs.cosines[0]! + outputs.cosines[1]!) / 2, 12);
    expect(result.sqnr).toBeCloseTo(outputs.sqnr, 10);
    expect(result.maxAbsError).toBe(outputs.maxAbsError);
    expect(result.meanAbsError).toBeCloseTo(outputs.meanAbsError, 12);
    expect([result.top1Agreement, result.top5Agreement]).toEqual([outputs.top1, outputs.top5]);
    expect(result.klDivergence).toBeCloseTo(outputs.kl, 12);
  });

  it('gives the same divergence of probabilities', () => {
    expect(measure([outputs.probabilities], () => [12, 12]).klDivergence).toBeCloseTo(outputs.klOfProbabilities, 12);
  });
});
