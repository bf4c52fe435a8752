import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementCount, rawByteLength, rawTensor, readPayload, type DType } from '../../onnx/index.ts';
import { keepsOrder, transposeTensor } from './transpose-tensor.ts';

/** Transpose by its definition: the element at every index, one by one. */
function slow(bytes: Uint8Array, width: number, dims: readonly number[], perm: readonly number[]): Uint8Array {
  const result = new Uint8Array(bytes.length);
  const outDims = perm.map((axis) => dims[axis]!);
  for (let to = 0; to < elementCount(dims); to++) {
    let rest = to;
    const index = Array<number>(dims.length).fill(0);
    for (let i = outDims.length - 1; i >= 0; i--) {
      index[perm[i]!] = rest % outDims[i]!;
      rest = Math.floor(rest / outDims[i]!);
    }
    const from = index.reduce((sum, at, axis) => sum * dims[axis]! + at, 0);
    result.set(bytes.subarray(from * width, (from + 1) * width), to * width);
  }
  return result;
}

const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });
const permuted = shape.chain((dims) => fc.tuple(fc.constant(dims), fc.shuffledSubarray(dims.map((_, axis) => axis), { minLength: dims.length })));

describe('transposeTensor', () => {
  it('is what the definition says, for every width', () => {
    fc.assert(fc.property(permuted, fc.constantFrom<DType>('uint8', 'float16', 'float32', 'int64', 'complex128'), ([dims, perm], dtype) => {
      const width = rawByteLength(dtype, 1);
      const bytes = Uint8Array.from({ length: width * elementCount(dims) }, (_, i) => (i * 7) % 251);
      const result = transposeTensor(rawTensor(dtype, dims, bytes), perm)!;
      expect(result.dims).toEqual(perm.map((axis) => dims[axis]));
      expect(readPayload(result)).toEqual(slow(bytes, width, dims, perm));
    }));
  });

  it('needs no moving where only axes of length 1 change places', () => {
    fc.assert(fc.property(permuted, ([dims, perm]) => {
      fc.pre(keepsOrder(dims, perm));
      const bytes = Uint8Array.from({ length: elementCount(dims) }, (_, i) => i % 251);
      expect(slow(bytes, 1, dims, perm)).toEqual(bytes);
    }));
    expect(keepsOrder([1, 5, 1, 3], [1, 3, 0, 2])).toBe(true);
    expect(keepsOrder([1, 5, 1, 3], [3, 1, 0, 2])).toBe(false);
  });

  it('comes in pieces of whole words', () => {
    const dims = [700, 1000];
    const values = Float32Array.from({ length: 700_000 }, (_, i) => i);
    const result = transposeTensor(rawTensor('float32', dims, new Uint8Array(values.buffer)), [1, 0])!;
    for (const chunk of result.chunks()) expect(chunk.byteLength % 8).toBe(0);
    const transposed = new Float32Array(readPayload(result).buffer);
    expect([0, 699, 700, 350_000, 699_999].map((i) => transposed[i])).toEqual([0, 699_000, 1, 500, 699_999]);
  });

  it('leaves packed elements alone', () => {
    expect(transposeTensor(rawTensor('int4', [2, 2], new Uint8Array(2)), [1, 0])).toBeUndefined();
  });
});
