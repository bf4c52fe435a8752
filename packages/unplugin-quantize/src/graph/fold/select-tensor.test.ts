import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayTensor, CHUNK_BYTES, elementCount, readPayload, type Tensor } from '../../onnx/index.ts';
import { concatTensors } from './concat-tensor.ts';
import { selectTensor, slicePlaces } from './select-tensor.ts';

/** Python's slice.indices, told one place at a time. */
function pythonSlice(dim: number, start: number, end: number, step: number): number[] {
  const first = start < 0 ? Math.max(start + dim, step > 0 ? 0 : -1) : Math.min(start, step > 0 ? dim : dim - 1);
  const last = end < 0 ? Math.max(end + dim, step > 0 ? 0 : -1) : Math.min(end, step > 0 ? dim : dim - 1);
  const found: number[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) found.push(i);
  return found;
}

const numbersOf = (tensor: Tensor): number[] => [...new Int32Array(readPayload(tensor).buffer)];

describe('slicePlaces', () => {
  it('takes what Python takes', () => {
    const bound = fc.integer({ min: -12, max: 12 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), bound, bound, fc.integer({ min: -4, max: 4 }).filter((step) => step !== 0), (dim, start, end, step) => {
      // ONNX begins at the first element where a backward slice starts before it; Python takes nothing.
      fc.pre(step > 0 || start + dim >= 0);
      const places = slicePlaces(dim, start, end, step) as { start: number; step: number; length: number };
      expect(Array.from({ length: places.length }, (_, i) => places.start + i * places.step)).toEqual(pythonSlice(dim, start, end, step));
    }));
  });
});

describe('selectTensor and concatTensors', () => {
  it('take a tensor apart and put it together again', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(shape, fc.nat(), fc.nat(), (dims, at, cut) => {
      const axis = at % dims.length;
      const middle = cut % (dims[axis]! + 1);
      const tensor = arrayTensor('int32', dims, Int32Array.from({ length: elementCount(dims) }, (_, i) => i));
      const front = selectTensor(tensor, axis, { start: 0, step: 1, length: middle })!;
      const back = selectTensor(tensor, axis, { start: middle, step: 1, length: dims[axis]! - middle })!;
      const joined = concatTensors([front, back], axis)!;
      expect(joined.dims).toEqual(dims);
      expect(numbersOf(joined)).toEqual(numbersOf(tensor));
      const backwards = { start: dims[axis]! - 1, step: -1, length: dims[axis]! };
      expect(numbersOf(selectTensor(selectTensor(tensor, axis, backwards)!, axis, backwards)!)).toEqual(numbersOf(tensor));
    }));
  });

  it('give pieces of whole words, and as many bytes as they announce', () => {
    const bytes = Uint8Array.from({ length: CHUNK_BYTES + 13 }, (_, i) => i * 7);
    const joined = concatTensors([arrayTensor('uint8', [5], bytes.subarray(0, 5)), arrayTensor('uint8', [bytes.length - 5], bytes.subarray(5))], 0)!;
    const pieces = [...joined.chunks()].map((chunk) => chunk.byteLength);
    expect(pieces).toEqual([CHUNK_BYTES, 13]);
    expect(joined.byteLength).toBe(bytes.length);
    expect(Buffer.compare(readPayload(joined), bytes)).toBe(0);
  });

  it('leave what does not fit, and elements that share bytes', () => {
    const tensor = arrayTensor('int32', [2, 2], new Int32Array(4));
    expect(concatTensors([tensor, arrayTensor('int32', [2, 3], new Int32Array(6))], 0)).toBeUndefined();
    expect(concatTensors([tensor, arrayTensor('float32', [2, 2], new Float32Array(4))], 0)).toBeUndefined();
    expect(concatTensors([tensor], 2)).toBeUndefined();
    expect(selectTensor(arrayTensor('int4', [4], new Uint8Array(2)), 0, [1])).toBeUndefined();
  });
});
