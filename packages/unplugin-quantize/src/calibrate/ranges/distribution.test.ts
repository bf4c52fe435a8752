import { describe, expect, it } from 'vitest';
import { distributionOf } from './distribution.ts';
import { addToHistogram, emptyHistogram } from './histogram.ts';

function seen(values: Float32Array): { histogram: ReturnType<typeof emptyHistogram>; range: { min: number; max: number } } {
  const histogram = emptyHistogram();
  addToHistogram(histogram, values, Math.max(...values.map(Math.abs)));
  return { histogram, range: { min: Math.min(...values), max: Math.max(...values) } };
}

describe('distributionOf', () => {
  const ramp = Float32Array.from({ length: 40_000 }, (_, i) => i / 40_000 - 0.5);

  it('of values spread evenly has the noise of a step: step^2 / 12', () => {
    const { histogram, range } = seen(ramp);
    const { sqnr, histogram: { counts, from, to } } = distributionOf(histogram, range, range);
    const step = (range.max - range.min) / 255;
    // Sixteen fine bins a step leave out the noise inside of one: 1/256 of it, 0.02 dB; the rest is for where bins and levels meet.
    expect(Math.abs(sqnr! - 10 * Math.log10((1 / 12) / (step ** 2 / 12)))).toBeLessThan(0.2);
    expect([counts.length, counts.reduce((a, b) => a + b), from, to]).toEqual([64, 40_000, range.min, range.max]);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(40_000 / 64 / 4);
  });

  it('counts what is clipped as noise', () => {
    const { histogram, range } = seen(ramp);
    const whole = distributionOf(histogram, range, range).sqnr!;
    const clipped = distributionOf(histogram, range, { min: -0.25, max: 0.25 }).sqnr!;
    // A quarter of the values is off by up to 0.25 on each side: 2 * integral of x^2 from 0 to 0.25 = 0.0104 against 1/12.
    expect(Math.abs(clipped - 10 * Math.log10((1 / 12) / (2 * 0.25 ** 3 / 3)))).toBeLessThan(0.1);
    expect(clipped).toBeLessThan(whole);
  });

  it('of zeros is without noise', () => {
    const { histogram } = seen(new Float32Array(10));
    expect(distributionOf(histogram, { min: 0, max: 0 }, { min: 0, max: 0 }).sqnr).toBeNull();
  });
});
