import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementCount, type Tensor } from '../onnx/index.ts';
import { channelLayout, channelWalk, float32Chunks } from './float-chunks.ts';

describe('float32Chunks', () => {
  it('gives the elements of pieces that start anywhere in memory', () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const memory = new Uint8Array(3 + data.byteLength);
    memory.set(new Uint8Array(data.buffer), 3);
    const tensor: Tensor = { dtype: 'float32', dims: [6], byteLength: 24, chunks: () => [memory.subarray(3, 11), memory.subarray(11, 27)] };
    expect([...float32Chunks(tensor)].flatMap((values) => [...values])).toEqual([...data]);
  });
});

describe('channelWalk', () => {
  it('visits every element once, in order, with its channel', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(shapes, fc.nat(3), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (dims, at, sizes) => {
      const axis = at === 3 ? undefined : at % dims.length;
      const layout = channelLayout(dims, axis);
      const count = elementCount(dims);
      const found: number[] = [];
      const walk = channelWalk(layout);
      for (let start = 0, piece = 0; start < count; piece++) {
        const length = Math.min(count - start, sizes[piece % sizes.length]!);
        walk(length, (from, to, channel, step) => {
          expect(start + from).toBe(found.length);
          expect(to).toBeGreaterThan(from);
          for (let i = from; i < to; i++) found.push(channel + step * (i - from));
        });
        expect(found).toHaveLength(start + length);
        start += length;
      }
      expect(found).toEqual(Array.from({ length: count }, (_, i) => (axis === undefined ? 0 : indexAlong(dims, axis, i))));
    }));
  });
});

/** The index along an axis of the element at a place in row-major order. */
function indexAlong(dims: readonly number[], axis: number, place: number): number {
  let rest = place;
  for (let i = dims.length - 1; i > axis; i--) rest = Math.floor(rest / dims[i]!);
  return rest % dims[axis]!;
}
