import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extremesOf, reach } from './extremes.ts';
import { SIDE } from './bins.ts';
import { addToHistogram, emptyHistogram, sidesOf, type Histogram } from './histogram.ts';

function histogramOf(runs: readonly Float32Array[]): Histogram {
  const histogram = emptyHistogram();
  for (const run of runs) addToHistogram(histogram, run, reach(extremesOf(run)));
  return histogram;
}

const run = fc.float32Array({ noNaN: true, noDefaultInfinity: true, minLength: 1, maxLength: 40 });

describe('a histogram', () => {
  it('is the same whatever the order of the runs, and as if all had come at once', () => {
    fc.assert(fc.property(fc.array(run, { minLength: 1, maxLength: 6 }), (runs) => {
      const whole = histogramOf([Float32Array.from(runs.flatMap((values) => [...values]))]);
      expect(histogramOf(runs)).toEqual(whole);
      expect(histogramOf(runs.toReversed())).toEqual(whole);
    }));
  });

  it('has every value in the bin whose edges enclose it', () => {
    fc.assert(fc.property(run, (values) => {
      const { counts, width, zeros } = histogramOf([values]);
      const expected = new Float64Array(2 * SIDE);
      if (width > 0) for (const value of values) expected[Math.floor(value / width) + SIDE]!++;
      expect(counts).toEqual(expected);
      expect(zeros).toBe(width > 0 ? 0 : values.length);
    }));
  });

  it('uses more than half of its bins on the side that reaches further', () => {
    fc.assert(fc.property(run.filter((values) => values.some((value) => value !== 0)), (values) => {
      const largest = reach(extremesOf(values));
      const { width } = histogramOf([values]);
      expect(Number.isInteger(Math.log2(width))).toBe(true);
      expect(largest).toBeLessThan(SIDE * width);
      expect(largest).toBeGreaterThanOrEqual((SIDE * width) / 2);
    }));
  });

  it('lets some values stand for their neighbours', () => {
    const [all, some] = [emptyHistogram(), emptyHistogram()];
    const values = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i));
    addToHistogram(all, values.filter((_, i) => i % 7 === 0), 1);
    addToHistogram(some, values, 1, 7);
    expect(some.counts).toEqual(all.counts.map((count) => 7 * count));
  });

  it('counts runs of zeros that come before anything else', () => {
    const histogram = histogramOf([new Float32Array(5), Float32Array.of(1, -1)]);
    expect([histogram.counts[SIDE], histogram.counts[SIDE + 1024], histogram.counts[SIDE - 1024]]).toEqual([5, 1, 1]);
  });

  it('takes the zeros of a Relu for as many as its neighbours', () => {
    const { positive, negative } = sidesOf(histogramOf([Float32Array.of(0, 0, 0, 0, 1.5 / 1024, 1, -1 / 1024)]));
    expect([positive[0], positive[1], positive[1024]]).toEqual([1, 1, 1]);
    expect(negative[0]).toBe(1);
  });
});

describe('extremes', () => {
  it('are those of all values, and NaN where one is', () => {
    fc.assert(fc.property(fc.float32Array({ maxLength: 20 }), (values) => {
      const { min, max } = extremesOf(values);
      // Either zero will do.
      expect([min + 0, max + 0]).toEqual([Math.min(...values) + 0, Math.max(...values) + 0]);
    }));
  });
});
