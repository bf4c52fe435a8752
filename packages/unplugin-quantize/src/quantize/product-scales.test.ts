import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../test/support/quantize-model.ts';
import { arrayTensor, readPayload } from '../onnx/index.ts';
import { INT8, quantizeSymmetric } from './affine.ts';
import { quantizeProduct } from './product-scales.ts';

const COLUMNS = 64;
const ROWS = 3;

function matrix(values: ArrayLike<number>, columns = COLUMNS): ReturnType<typeof arrayTensor> {
  return arrayTensor('float32', [values.length / columns, columns], Float32Array.from(values));
}

const columnFactors = fc.array(fc.float({ min: Math.fround(0.01), max: 1000, noNaN: true }), { minLength: COLUMNS, maxLength: COLUMNS });
const elements = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: ROWS * COLUMNS, maxLength: ROWS * COLUMNS });

describe('quantizeProduct', () => {
  it('rounds scales up to float16, by less than 2^-10 of them, and weights to the nearest multiple', () => {
    fc.assert(fc.property(columnFactors, elements, (factors, values) => {
      // The first row has the largest magnitude of each column.
      const data = Float32Array.from(values, (value, i) => (i < COLUMNS ? 1 : value) * factors[i % COLUMNS]!);
      const tensor = matrix(data);
      const { values: q, scales } = quantizeProduct(tensor, 1, INT8, 'w');
      expect(scales.dtype).toBe('float16');
      const exact = decode(quantizeSymmetric(tensor, 1, INT8, 'w').scales, 'float32');
      const [halves, integers] = [decode(scales, 'float16'), decode(q, 'int8')];
      for (let column = 0; column < COLUMNS; column++) {
        expect(halves[column]!).toBeGreaterThanOrEqual(exact[column]!);
        expect(halves[column]!).toBeLessThan(exact[column]! * (1 + 2 ** -10));
      }
      for (let i = 0; i < data.length; i++) {
        // Half a step, and what rounding the quotient to float32 adds to up to 127 steps.
        const step = halves[i % COLUMNS]!;
        expect(Math.abs(integers[i]!)).toBeLessThanOrEqual(127);
        expect(Math.abs(integers[i]! * step - data[i]!)).toBeLessThanOrEqual(step * (0.5 + 127 * 2 ** -24));
      }
    }), { numRuns: 30 });
  });

  it.each([
    ['one is below the precision of float16', 127 * 2 ** -15],
    ['one is beyond the range of float16', 127 * 65_505],
  ])('keeps float32 scales, as onnxruntime.quantization computes them, where %s', (_, odd) => {
    const tensor = matrix(Array.from({ length: COLUMNS }, (__, i) => (i === 7 ? odd : 1)));
    const [found, expected] = [quantizeProduct(tensor, 1, INT8, 'w'), quantizeSymmetric(tensor, 1, INT8, 'w')];
    expect(found.scales.dtype).toBe('float32');
    expect(readPayload(found.scales)).toEqual(readPayload(expected.scales));
    expect(readPayload(found.values)).toEqual(readPayload(expected.values));
  });

  it('keeps float32 scales where they are few', () => {
    expect(quantizeProduct(matrix(new Float32Array(63).fill(1), 63), 1, INT8, 'w').scales.dtype).toBe('float32');
  });

  it('refuses what has no integer', () => {
    expect(() => quantizeProduct(matrix(new Float32Array(COLUMNS).fill(Infinity)), 1, INT8, 'w')).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', node: 'w' }));
  });
});
