import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halfToNumber, readPayload, type Tensor } from '../../onnx/index.ts';
import { blockTensors, zeroPointBytes, type BlockTensors } from './block-tensor.ts';
import type { BlockCode } from './block-code.ts';
import { blockBytes, blockCount, type BlockLayout, type Packing } from './layout.ts';
import { quantizeBlocks } from './quantize-blocks.ts';
import { searchQuantizer } from './search.ts';

/** A float32 tensor that comes in pieces of the given numbers of elements. */
function pieces(values: Float32Array, sizes: readonly number[]): Tensor {
  return {
    dtype: 'float32',
    dims: [values.length],
    byteLength: values.byteLength,
    * chunks() {
      for (let start = 0, i = 0; start < values.length; i++) {
        const end = Math.min(values.length, start + sizes[i % sizes.length]!);
        yield new Uint8Array(values.slice(start, end).buffer);
        start = end;
      }
    },
  };
}

function seeded(count: number): Float32Array {
  let state = 9;
  return Float32Array.from({ length: count }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1);
}

/** One byte a level, blocks in the order of [outer, index, inner]. */
function plainPacking(layout: BlockLayout): Packing {
  const { inner, length, size } = layout;
  const blocks = Math.ceil(length / size);
  const at = (outer: number, index: number, column: number): number => (outer * blocks + index) * inner + column;
  return { byteLength: blockCount(layout) * size, put: (bytes, levels, outer, index, column) => bytes.set(levels, at(outer, index, column) * size), scaleAt: at };
}

function tensorsOf(tensor: Tensor, layout: BlockLayout): BlockTensors {
  const packing = plainPacking(layout);
  return blockTensors(layout, packing, () => quantizeBlocks(tensor, layout, packing, searchQuantizer(layout), 'w'));
}

/** The same by single elements: what each block holds is looked up by its indices. */
function slowly(values: Float32Array, layout: BlockLayout): { levels: number[]; scales: number[]; zeroPoints: number[] } {
  const { outer, length, inner, size } = layout;
  const quantize = searchQuantizer(layout);
  const result = { levels: [] as number[], scales: [] as number[], zeroPoints: [] as number[] };
  for (let o = 0; o < outer; o++) {
    for (let start = 0; start < length; start += size) {
      for (let column = 0; column < inner; column++) {
        const block = Float64Array.from({ length: Math.min(size, length - start) }, (_, i) => values[(o * length + start + i) * inner + column]!);
        const levels = new Uint8Array(block.length);
        const code: BlockCode = { scale: 0, zeroPoint: 0 };
        quantize(block, levels, code);
        // What lies behind the last element reads as zero.
        result.levels.push(...levels, ...Array<number>(size - block.length).fill(code.zeroPoint));
        result.scales.push(code.scale);
        result.zeroPoints.push(code.zeroPoint);
      }
    }
  }
  return result;
}

const layouts = fc.record({
  outer: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 40 }), inner: fc.integer({ min: 1, max: 5 }),
  size: fc.constantFrom(4, 16, 32), bits: fc.constantFrom(4 as const, 8 as const), symmetric: fc.boolean(),
});

describe('quantizeBlocks', () => {
  it('finds each block in the tensor, however its bytes come', () => {
    fc.assert(fc.property(layouts, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }), (layout, sizes) => {
      const values = seeded(layout.outer * layout.length * layout.inner);
      const { packed, scales, zeroPoints } = quantizeBlocks(pieces(values, sizes), layout, plainPacking(layout), searchQuantizer(layout), 'w');
      const expected = slowly(values, layout);
      expect([...packed]).toEqual(expected.levels);
      expect([...scales].map(halfToNumber)).toEqual(expected.scales);
      expect([...zeroPoints]).toEqual(layout.symmetric ? [] : expected.zeroPoints);
    }));
  });

  it.each([[NaN], [Infinity], [1e9]])('refuses a weight with %d and names it', (bad) => {
    const values = seeded(64);
    values[50] = bad;
    const layout: BlockLayout = { outer: 1, length: 64, inner: 1, size: 32, bits: 4, symmetric: true };
    const run = (): unknown => quantizeBlocks(pieces(values, [64]), layout, plainPacking(layout), searchQuantizer(layout), 'then_branch/w');
    expect(run).toThrowError(expect.objectContaining({ code: 'MODEL_INVALID', node: 'then_branch/w' }));
  });
});

describe('blockTensors', () => {
  const layout: BlockLayout = { outer: 3, length: 80, inner: 1, size: 16, bits: 4, symmetric: false };
  const values = seeded(240);

  it('reads the weight once when all parts are written in order, and gives the same bytes in any order', () => {
    let reads = 0;
    const source = pieces(values, [100]);
    const counted: Tensor = { ...source, chunks: () => (reads++, source.chunks()) };
    const parts = (): Uint8Array[] => {
      const tensors = tensorsOf(counted, layout);
      return [tensors.packed([240]), tensors.scales([15]), tensors.zeroPoints(3)].map((tensor) => readPayload(tensor));
    };
    const [packed, scales, zeroPoints] = parts();
    expect(reads).toBe(1);
    const backwards = tensorsOf(counted, layout);
    expect(readPayload(backwards.zeroPoints(3))).toEqual(zeroPoints);
    expect(readPayload(backwards.scales([15]))).toEqual(scales);
    expect(readPayload(backwards.packed([240]))).toEqual(packed);
    expect(reads).toBe(2);
    expect(readPayload(backwards.packed([240]))).toEqual(packed);
    expect(reads).toBe(3);
  });

  it('packs zero points row by row, the first of two in the low half of a byte', () => {
    const plain = quantizeBlocks(pieces(values, [240]), layout, plainPacking(layout), searchQuantizer(layout), 'w').zeroPoints;
    const rows = [0, 5, 10].map((at) => [plain[at]! + 16 * plain[at + 1]!, plain[at + 2]! + 16 * plain[at + 3]!, plain[at + 4]!]);
    const tensor = tensorsOf(pieces(values, [240]), layout).zeroPoints(3);
    expect(tensor).toMatchObject({ dtype: 'uint8', dims: [3, 3], byteLength: 9 });
    expect([...readPayload(tensor)]).toEqual(rows.flat());
  });

  it('packs zero points of 8 bits one a byte', () => {
    const wide: BlockLayout = { ...layout, bits: 8 };
    const plain = quantizeBlocks(pieces(values, [240]), wide, plainPacking(wide), searchQuantizer(wide), 'w').zeroPoints;
    const tensor = tensorsOf(pieces(values, [240]), wide).zeroPoints(3);
    expect(tensor.dims).toEqual([3, 5]);
    expect(readPayload(tensor)).toEqual(plain);
  });
});

describe('sizes', () => {
  it.each([[4, 32, 16], [8, 32, 32], [4, 16, 8], [8, 256, 256]] as const)('a block of %i bits and %i elements has %i bytes', (bits, size, bytes) => {
    expect(blockBytes({ bits, size })).toBe(bytes);
  });

  it('a row has half a byte or a byte for each zero point, in whole bytes', () => {
    const layout: BlockLayout = { outer: 1, length: 96, inner: 1, size: 32, bits: 4, symmetric: false };
    expect(zeroPointBytes(layout, 3)).toBe(2);
    expect(zeroPointBytes({ ...layout, bits: 8 }, 3)).toBe(3);
    expect(zeroPointBytes({ ...layout, symmetric: true }, 3)).toBe(0);
  });
});
