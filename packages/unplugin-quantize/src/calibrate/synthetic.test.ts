import { describe, expect, it } from 'vitest';
import { halfToNumber } from '../onnx/index.ts';
import type { ValueSignature } from '../types.ts';
import { checkFeeds } from './check-feeds.ts';
import { FREE_SIZES, syntheticCandidates } from './synthetic.ts';
import { ARRAY_OF } from './tensor.ts';

const signature = (name: string, dtype: string, dims: ValueSignature['dims']): ValueSignature => ({ name, dtype, dims });

describe('syntheticCandidates', () => {
  it('fits the signature for every element type', () => {
    const inputs = [...Object.keys(ARRAY_OF), 'string'].map((dtype) => signature(`in_${dtype}`, dtype, ['batch', 'sequence', 3]));
    const candidates = [...syntheticCandidates(inputs)];
    expect(candidates).toHaveLength(FREE_SIZES.length);
    for (const [i, feeds] of candidates.entries()) {
      expect(checkFeeds(feeds, inputs, i)).toEqual(feeds);
      expect(feeds['in_float32']!.dims).toEqual([1, FREE_SIZES[i], 3]);
    }
  });

  it('gives the same values for the same seed, others for another', () => {
    const inputs = [signature('x', 'float32', [4])];
    const first = (seed: number): unknown => [...syntheticCandidates(inputs, seed)][0]!['x']!.data;
    expect(first(1)).toEqual(first(1));
    expect(first(1)).not.toEqual(first(2));
  });

  it('draws floats evenly from [-1, 1), ids from 0 and 1, masks of ones', () => {
    const inputs = [signature('x', 'float32', [10000]), signature('h', 'float16', [1000]), signature('ids', 'int64', [1000]), signature('attention_mask', 'int64', [8]), signature('image', 'uint8', [1000])];
    const [feeds] = syntheticCandidates(inputs);
    const x = [...(feeds!['x']!.data as Float32Array)];
    expect(Math.min(...x)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...x)).toBeLessThanOrEqual(1);
    // The mean of n uniform values has standard deviation sqrt(1/3/n); the draw is fixed, so 4 of them cannot flake.
    expect(Math.abs(x.reduce((sum, value) => sum + value, 0) / x.length)).toBeLessThan(4 * Math.sqrt(1 / 3 / x.length));
    expect(x.reduce((sum, value) => sum + value * value, 0) / x.length).toBeCloseTo(1 / 3, 1);
    expect(Math.max(...[...(feeds!['h']!.data as Uint16Array)].map(halfToNumber).map(Math.abs))).toBeLessThanOrEqual(1);
    expect(new Set(feeds!['ids']!.data as BigInt64Array)).toEqual(new Set([0n, 1n]));
    expect([...(feeds!['attention_mask']!.data as BigInt64Array)]).toEqual(Array(8).fill(1n));
    expect(Math.max(...(feeds!['image']!.data as Uint8Array))).toBeGreaterThan(200);
  });

  it('makes one candidate where nothing is open, and batches of one', () => {
    const inputs = [signature('x', 'float32', [null, 3, 32, 32]), signature('y', 'float32', ['N', 2])];
    const candidates = [...syntheticCandidates(inputs)];
    expect(candidates).toHaveLength(1);
    expect(candidates[0]!['x']!.dims).toEqual([1, 3, 32, 32]);
    expect([...syntheticCandidates([signature('s', 'float32', ['sequence', 4])])][0]!['s']!.dims).toEqual([32, 4]);
  });
});
