import { describe, expect, it } from 'vitest';
import { decode } from '../../../../test/support/quantize-model.ts';
import { arrayTensor } from '../onnx/index.ts';
import { transposed } from './transpose.ts';

describe('transposed', () => {
  // Sizes around the tile of 32 and matrices of one row or column.
  it.each([[1, 1], [1, 40], [40, 1], [31, 33], [32, 32], [64, 65], [3, 200]])('[%i, %i]', (rows, columns) => {
    const data = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const turned = transposed(arrayTensor('float32', [rows, columns], data));
    expect(turned).toMatchObject({ dims: [columns, rows], byteLength: data.byteLength });
    const found = decode(turned, 'float32');
    for (let i = 0; i < found.length; i++) expect(found[i]).toBe((i % rows) * columns + Math.floor(i / rows));
    expect([...decode(transposed(turned), 'float32')]).toEqual([...data]);
  });
});
