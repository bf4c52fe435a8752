import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ValueSignature } from '../types.ts';
import { checkFeeds } from './check-feeds.ts';

const image: ValueSignature = { name: 'image', dtype: 'float32', dims: ['batch', 3, null] };
const ids: ValueSignature = { name: 'ids', dtype: 'int64', dims: ['batch', 'sequence'] };
const mask: ValueSignature = { name: 'attention_mask', dtype: 'bool', dims: [1, 2] };

describe('checkFeeds accepts', () => {
  it('tensors of onnxruntime', () => {
    const feeds = checkFeeds({ ids: new Tensor('int64', [1n, 2n], [1, 2]) }, [ids], 0);
    expect(feeds).toEqual({ ids: { dtype: 'int64', dims: [1, 2], data: BigInt64Array.of(1n, 2n) } });
  });

  it('plain objects, with and without a type', () => {
    const data = new Float32Array(6);
    const expected = { dtype: 'float32', dims: [1, 3, 2], data };
    expect(checkFeeds({ image: { data, dims: [1, 3, 2] } }, [image], 0)['image']).toEqual(expected);
    expect(checkFeeds({ image: { data, shape: [1, 3, 2], dtype: 'float32' } }, [image], 0)['image']).toEqual(expected);
    expect(checkFeeds({ image: { data: [0, 0, 0, 0, 0, 0], dims: [1, 3, 2] } }, [image], 0)['image']).toEqual(expected);
  });

  it('nested numbers, which take the type of the input', () => {
    expect(checkFeeds({ ids: [[1, 2], [3, 4]] }, [ids], 0)['ids']).toEqual({ dtype: 'int64', dims: [2, 2], data: BigInt64Array.of(1n, 2n, 3n, 4n) });
    expect(checkFeeds({ attention_mask: [[true, false]] }, [mask], 0)['attention_mask']!.data).toEqual(Uint8Array.of(1, 0));
  });

  it('a flat array where the shape follows from the length', () => {
    const signature: ValueSignature = { name: 'x', dtype: 'float32', dims: ['batch', 3] };
    expect(checkFeeds({ x: new Float32Array(6) }, [signature], 0)['x']!.dims).toEqual([2, 3]);
    expect(checkFeeds({ x: 16000 }, [{ name: 'x', dtype: 'int64', dims: [] }], 0)['x']).toEqual({ dtype: 'int64', dims: [], data: BigInt64Array.of(16000n) });
  });

  it('bytes for bool, bit patterns and plain numbers for float16', () => {
    expect(checkFeeds({ attention_mask: { data: Uint8Array.of(1, 0), dims: [1, 2] } }, [mask], 0)['attention_mask']!.dtype).toBe('bool');
    const half: ValueSignature = { name: 'h', dtype: 'float16', dims: [2] };
    const data = Uint16Array.of(0x3c00, 0xc000);
    expect(checkFeeds({ h: data }, [half], 0)['h']).toEqual({ dtype: 'float16', dims: [2], data });
    expect(checkFeeds({ h: [1, -2] }, [half], 0)['h']!.data).toEqual(data);
  });

  it('a bare tensor for the only input', () => {
    const tensor = { data: new Float32Array(3), dims: [1, 3, 1] };
    expect(checkFeeds(tensor, [image], 0)['image']!.dims).toEqual([1, 3, 1]);
    expect(checkFeeds(new Tensor(new Float32Array(3), [1, 3, 1]), [image], 0)['image']!.dims).toEqual([1, 3, 1]);
    expect(checkFeeds([[1, 2]], [ids], 0)['ids']!.dims).toEqual([1, 2]);
  });
});

describe('checkFeeds refuses', () => {
  const cases: [string, unknown, ValueSignature[], RegExp][] = [
    ['an unknown name', { imaeg: new Float32Array(3) }, [image], /Sample 4 has a value for "imaeg".*\n.*\n.*Did you mean "image"\?/],
    ['a missing input', { ids: [[1, 2]] }, [ids, mask], /Sample 4 has no value for the input "attention_mask"/],
    ['another type', { image: { data: new Float64Array(3), dims: [1, 3, 1] } }, [image], /expects float32\[batch,3,\?\], found float64\[1,3,1\]/],
    ['another size', { image: { data: new Float32Array(4), dims: [1, 4, 1] } }, [image], /found float32\[1,4,1\]/],
    ['another rank', { image: { data: new Float32Array(3), dims: [3] } }, [image], /found float32\[3\]/],
    ['too few elements', { image: { data: new Float32Array(2), dims: [1, 3, 1] } }, [image], /found 2 elements for dims \[1,3,1\]/],
    ['uneven nesting', { ids: [[1, 2], [3]] }, [ids], /uneven lengths/],
    ['a fraction as an id', { ids: [[1.5]] }, [ids], /an array of number for int64/],
    ['an integer out of range', { x: [300] }, [{ name: 'x', dtype: 'uint8', dims: [1] }], /for uint8/],
    ['a negative for uint64', { x: [-1] }, [{ name: 'x', dtype: 'uint64', dims: [1] }], /for uint64/],
    ['text for numbers', { ids: [['a']] }, [ids], /an array of string for int64/],
    ['two dims left open', { ids: BigInt64Array.of(1n) }, [ids], /found int64\[1\]/],
    ['one tensor for several inputs', { data: new Float32Array(3), dims: [3] }, [ids, mask], /several inputs/],
    ['NaN', { x: Float32Array.of(1, -Infinity, NaN) }, [{ name: 'x', dtype: 'float32', dims: [null] }], /Sample 4 has NaN in the input "x" at element 2/],
    ['NaN of half precision', { x: Uint16Array.of(0x7c00, 0xfe00) }, [{ name: 'x', dtype: 'float16', dims: [null] }], /NaN in the input "x" at element 1/],
    ['nothing', null, [ids], /not an object of tensors/],
  ];

  it.each(cases)('%s', (_, sample, inputs, message) => {
    expect(() => checkFeeds(sample, inputs, 4)).toThrowError(message);
    expect(() => checkFeeds(sample, inputs, 4)).toThrowError(/SAMPLES_INVALID/);
  });
});
