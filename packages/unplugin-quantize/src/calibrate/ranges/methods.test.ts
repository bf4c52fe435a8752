import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALIBRATION_METHODS, type CalibrationMethod } from '../../options.ts';
import { reach } from './extremes.ts';
import { tensorCollector } from './tensor-collector.ts';
import type { Range } from './range.ts';

const folder = join(import.meta.dirname, '../../../../../test/reference/ranges');

type Pair = [min: number, max: number];
interface Reference {
  entropy: Pair;
  mse: Pair;
  movingAverage: Pair;
  onnxruntime: { minmax: Pair; percentile: { range: Pair; width: number } };
}

const { runs, values, tensors } = JSON.parse(readFileSync(join(folder, 'ranges.json'), 'utf8')) as { runs: number; values: number; tensors: Record<string, Reference> };
const stored = readFileSync(join(folder, 'activations.bin'));
const activations = Object.keys(tensors).map((name, tensor) => ({
  name,
  reference: tensors[name]!,
  samples: Array.from({ length: runs }, (_, run) => new Float32Array(stored.buffer.slice(stored.byteOffset + 4 * values * (tensor * runs + run), stored.byteOffset + 4 * values * (tensor * runs + run + 1)))),
}));

function rangeOf(method: CalibrationMethod, samples: readonly Float32Array[]): Range {
  const collector = tensorCollector({ name: 't', channelAxis: null }, method);
  for (const sample of samples) expect(collector.add(sample, [sample.length])).toBe(true);
  const { min, max } = collector.result()!.statistics;
  return { min, max };
}

const rangeFrom = ([min, max]: Pair): Range => ({ min, max });

describe.each(activations)('ranges of stored activations: $name', ({ samples, reference }) => {
  it('minmax is that of onnxruntime', () => expect(rangeOf('minmax', samples)).toEqual(rangeFrom(reference.onnxruntime.minmax)));

  it('percentile is that of onnxruntime but for the widths of bins', () => {
    const { range, width } = reference.onnxruntime.percentile;
    const found = rangeOf('percentile', samples);
    // Two sides of 2048 bins, of which more than half are in use.
    const own = (2 * reach(rangeFrom(reference.onnxruntime.minmax))) / 2048;
    expect(Math.abs(found.min - range[0])).toBeLessThanOrEqual(own + width);
    expect(Math.abs(found.max - range[1])).toBeLessThanOrEqual(own + width);
  });

  it('moving-average is the rule worked out in numpy', () => {
    const { min, max } = rangeOf('moving-average', samples);
    expect([min, max].map((end) => end.toPrecision(12))).toEqual(reference.movingAverage.map((end) => end.toPrecision(12)));
  });

  it('entropy is the rule worked out in numpy', () => expect(rangeOf('entropy', samples)).toEqual(rangeFrom(reference.entropy)));
  it('mse is the best of all pairs of ends', () => expect(rangeOf('mse', samples)).toEqual(rangeFrom(reference.mse)));
});

describe.each(CALIBRATION_METHODS)('%s', (method) => {
  it('gives a range inside the values, whatever they are', () => {
    const runsOf = fc.array(fc.float32Array({ noNaN: true, noDefaultInfinity: true, minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(runsOf, (samples) => {
      const all = samples.flatMap((sample) => [...sample]);
      const { min, max } = rangeOf(method, samples);
      const [low, high] = [Math.min(...all), Math.max(...all)];
      expect(min).toBeLessThanOrEqual(max);
      // Zero belongs to what mse looks at.
      expect(min).toBeGreaterThanOrEqual(Math.min(low, 0));
      expect(max).toBeLessThanOrEqual(Math.max(high, 0));
    }));
  });

  it.each([0, 3, -0.25, 1e-40, -3e38])('takes values that are all %d', (value) => {
    const { min, max } = rangeOf(method, [new Float32Array(100).fill(value), new Float32Array(7).fill(value)]);
    const [exact, found] = [Math.abs(Math.fround(value)), Math.max(Math.abs(min), Math.abs(max))];
    expect(found).toBeLessThanOrEqual(exact);
    // mse may take off a bin, of which 1,024 or more are in use.
    expect(found).toBeGreaterThanOrEqual(method === 'mse' ? exact * (1 - 1 / 1024) : exact);
  });
});

describe('a range with outliers', () => {
  const ordinary = Float32Array.from({ length: 400_000 }, (_, i) => ((i % 101) + ((7 * i) % 1009) / 10) / 100 - 1);

  // Entropy keeps 128 bins of a quarter at least, and has no reason to keep many more.
  it.each([['percentile', 2], ['entropy', 48], ['mse', 299]] as const)('is clipped by %s', (method, atMost) => {
    const range = rangeOf(method, [ordinary, Float32Array.of(300)]);
    expect(range.max).toBeLessThan(atMost);
    expect(range.max).toBeGreaterThanOrEqual(1);
  });

  // Every 13th value is counted: the second outlier is.
  it.each([['minmax', 5], ['minmax', 13 * 700], ['moving-average', 5]] as const)('is told of where %s keeps it', (method, outlier) => {
    const collector = tensorCollector({ name: 'conv1', channelAxis: null }, method);
    collector.add(ordinary.with(outlier, -300), [400, 1000]);
    collector.add(ordinary, [400, 1000]);
    expect(collector.result()!.notes).toEqual([expect.stringMatching(/^Values of "conv1" reach 300, but 99.99 % of them no further than 1\.\d+:/)]);
  });

  it.each([['percentile', /^Values of "conv1" reach 300, but 99\.99 % of them no further than 1\.\d+: the few are clipped at 1\.\d+\.$/], ['mse', /: (the few are clipped at|8 bits are coarse for those\. The range ends at) [\d.]+\.$/]] as const)('is told of where %s clips it', (method, message) => {
    const collector = tensorCollector({ name: 'conv1', channelAxis: null }, method);
    collector.add(ordinary.with(5, -300), [400, 1000]);
    expect(collector.result()!.notes).toEqual([expect.stringMatching(message)]);
  });

  it('is not seen in ordinary values, nor in few', () => {
    for (const method of CALIBRATION_METHODS) for (const samples of [[ordinary], [Float32Array.of(1, 300)]]) {
      const collector = tensorCollector({ name: 't', channelAxis: null }, method);
      for (const sample of samples) collector.add(sample, [sample.length]);
      expect(collector.result()!.notes).toEqual([]);
    }
  });
});
