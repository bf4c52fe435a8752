import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchRows } from './batch-rows.ts';
import { medianOf, percentileOf, ratioOf } from './ratio.ts';
import { speedFigures, speedRatios } from './speed.ts';
import { takeTurns, type TimedModel } from './turns.ts';

describe('ratioOf', () => {
  const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

  // Ranks of the 95 % interval of a median, from tables of the sign test.
  it.each([[6, 1, 6], [9, 2, 8], [10, 2, 9], [20, 6, 15], [25, 8, 18], [40, 14, 27]])('takes of %i pairs those of rank %i and %i', (n, low, high) => {
    expect(ratioOf(oneTo(n).fill(1), oneTo(n))).toEqual({ ratio: (n + 1) / 2, low, high });
  });

  it('does not see what slows both of a pair down', () => {
    const time = fc.double({ min: 0.1, max: 100, noNaN: true });
    fc.assert(fc.property(fc.array(fc.tuple(time, time), { minLength: 6, maxLength: 30 }), (pairs) => {
      // Powers of two, so that nothing is rounded.
      const slow = pairs.map((_, i) => 2 ** (i % 5));
      const plain = ratioOf(pairs.map(([a]) => a), pairs.map(([, b]) => b));
      expect(ratioOf(pairs.map(([a], i) => a * slow[i]!), pairs.map(([, b], i) => b * slow[i]!))).toEqual(plain);
      expect(plain.low).toBeLessThanOrEqual(plain.ratio);
      expect(plain.high).toBeGreaterThanOrEqual(plain.ratio);
    }));
  });

  it('refuses fewer than six pairs', () => expect(() => ratioOf([1, 1, 1, 1, 1], [1, 1, 1, 1, 1])).toThrow(RangeError));
});

describe('speedFigures', () => {
  it('counts by hand', () => {
    const rounds = [[1, 3], [2], [4], [5], [6], [7]];
    const times = { loads: [9, 1, 5, 5, 5, 7], rounds, memory: { idle: 100, peak: 350 } };
    expect(speedFigures(times, 8)).toEqual({ median: 4, p95: 7, throughput: (1000 * 8 * 7) / 28, load: 5, peakMemory: 350, modelMemory: 250, runs: 7 });
    expect(speedRatios(times, { ...times, rounds: rounds.map((round) => round.map((time) => time / 2)), memory: { idle: 100, peak: 600 } })).toMatchObject({
      latency: { ratio: 0.5, low: 0.5, high: 0.5 }, load: { ratio: 1 }, memory: 2,
    });
  });

  it('counts the samples of a batch', () => {
    const feeds = { x: { dtype: 'float32', dims: [4, 3], data: new Float32Array(12) } };
    const input = (dims: (number | string | null)[]): { name: string; dtype: string; dims: (number | string | null)[] }[] => [{ name: 'x', dtype: 'float32', dims }];
    expect([['N', 3], [null, 3], [4, 3], ['N']].map((dims) => batchRows(feeds, input(dims)))).toEqual([4, 4, 1, 1]);
  });

  it('takes percentiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0, 0.5, 0.95, 1].map((share) => percentileOf(hundred, share))).toEqual([1, 50, 95, 100]);
    expect(medianOf(hundred)).toBe(50.5);
  });
});

describe('takeTurns', () => {
  it('lets one model work at a time, in an order that turns around, and reads memory before loading again', async () => {
    const log: string[] = [];
    let working = 0;
    const work = async <T>(entry: string, result: T): Promise<T> => {
      expect(working++).toBe(0);
      await new Promise((resolve) => setTimeout(resolve));
      working--;
      log.push(entry);
      return result;
    };
    const model = (name: string): TimedModel => ({
      open: () => work(`${name} open`, 5),
      burst: () => work(name, [1, 2]),
      memory: () => work(`${name} memory`, { idle: 1, peak: 2 }),
      close: () => work(`${name} close`, undefined),
    });
    const [a, b] = await takeTurns([model('a'), model('b')], 0);
    expect(log.slice(0, 16)).toEqual(['a open', 'b open', 'a', 'b', 'a', 'b', 'b', 'a', 'a', 'b', 'b', 'a', 'a', 'b', 'b', 'a']);
    expect(log.slice(16, 26)).toEqual(['a memory', 'b memory', 'b close', 'b open', 'a close', 'a open', 'a close', 'a open', 'b close', 'b open']);
    expect(a).toEqual({ loads: Array(6).fill(5), rounds: Array.from({ length: 6 }, () => [1, 2]), memory: { idle: 1, peak: 2 } });
    expect(b).toEqual(a);
  });
});
