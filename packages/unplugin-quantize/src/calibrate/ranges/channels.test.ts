import { describe, expect, it } from 'vitest';
import { channelCollector } from './channels.ts';
import { statisticsCollector } from './statistics.ts';

describe('figures of channels', () => {
  it('are taken along an axis with planes behind it', () => {
    const collector = channelCollector(1);
    collector.add(Float32Array.of(1, 2, -3, 4, 5, 6, 7, 8), [2, 2, 1, 2]);
    collector.add(Float32Array.of(0, 0, 0, 9), [1, 2, 1, 2]);
    expect(collector.result()).toEqual({ min: Float32Array.of(0, -3), max: Float32Array.of(6, 9), mean: Float64Array.of(14 / 6, 25 / 6) });
  });

  it('are taken along the last axis of inputs of any length', () => {
    const collector = channelCollector(-1);
    collector.add(Float32Array.of(1, 10, 2, 20), [1, 2, 2]);
    collector.add(Float32Array.of(-6, 60), [1, 1, 2]);
    expect(collector.result()).toEqual({ min: Float32Array.of(-6, 10), max: Float32Array.of(2, 60), mean: Float64Array.of(-1, 30) });
  });

  it('tell the extremes of all values where planes are gone through, and NaN where one is', () => {
    const collector = channelCollector(1);
    expect(collector.add(Float32Array.of(1, 2, -3, 4, 5, 6), [1, 3, 2])).toEqual({ min: -3, max: 6 });
    expect(collector.add(Float32Array.of(1, 2, NaN, 4, 5, 6), [1, 3, 2])).toEqual({ min: NaN, max: NaN });
    expect(collector.add(Float32Array.of(1, 2, -Infinity, Infinity, 5, 6), [1, 3, 2])).toEqual({ min: -Infinity, max: Infinity });
    expect(channelCollector(-1).add(Float32Array.of(1, 2), [1, 2])).toBeUndefined();
  });

  it('are not told where their number differs, or the axis is not there', () => {
    const differing = channelCollector(-1);
    differing.add(new Float32Array(4), [2, 2]);
    differing.add(new Float32Array(3), [1, 3]);
    expect(differing.result()).toBeUndefined();
    const absent = channelCollector(1);
    absent.add(new Float32Array(2), [2]);
    expect(absent.result()).toBeUndefined();
    expect(channelCollector(0).result()).toBeUndefined();
  });
});

describe('statistics', () => {
  const taps = [{ name: 'a', channelAxis: -1 }, { name: 'b', channelAxis: null }];
  const collect = (): ReturnType<typeof statisticsCollector> => statisticsCollector(taps, 'minmax', (tensor) => `node of ${tensor}`);
  const tensor = (...data: number[]): { dtype: string; dims: number[]; data: Float32Array } => ({ dtype: 'float32', dims: [1, data.length], data: Float32Array.from(data) });

  it('are those of each tap, with the mean number of elements', () => {
    const collector = collect();
    collector.add({ a: tensor(1, -2), b: tensor(5) }, 0);
    collector.add({ a: tensor(3, 0), b: tensor(6, 7, 8) }, 1);
    const { statistics, notes } = collector.result();
    expect(statistics.get('a')).toMatchObject({ min: -2, max: 3, elements: 2, channels: { min: Float32Array.of(1, -2), max: Float32Array.of(3, 0), mean: Float64Array.of(2, -1) } });
    expect(statistics.get('b')).toMatchObject({ min: 5, max: 8, elements: 2 });
    expect(notes).toEqual([]);
  });

  it('leave out tensors that were always empty', () => {
    const collector = collect();
    collector.add({ a: tensor(1, 2), b: tensor() }, 0);
    expect([...collector.result().statistics.keys()]).toEqual(['a']);
  });

  it.each([NaN, Infinity, -Infinity])('are refused for %d, naming tensor, node and sample', (value) => {
    const collector = collect();
    const outputs = { a: tensor(1, 2), b: tensor(1, 2, 3, value, 5) };
    expect(() => collector.add(outputs, 7)).toThrow(/In sample 7 the tensor "b" has values that are NaN or infinite[^]*node of b/);
  });
});
