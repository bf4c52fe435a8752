import { expect } from 'vitest';
import type { Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import type { QuantizeOptions } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { quantize, type Quantized } from './quantize-model.ts';
import { runModel, type Feeds } from './run-model.ts';

/**
 * Quantizes to fp16, which fails in onnxruntime when one value has the wrong type, and compares with the source, node by node and optimized.
 *
 * @param tolerance as a share of the largest output: each of the few operators in a row rounds its result by 2^-11 of it, and inputs and
 *   weights of a product are off by 2^-11 each, so that 2^-7 leaves room for four operators and for cancellation in sums
 */
export async function expectHalf(source: Model, feeds: Feeds, options: Partial<QuantizeOptions> = {}, tolerance = 2 ** -7): Promise<Quantized> {
  const result = quantize(source, { ...options, format: 'fp16' });
  expect(result.format).toBe('fp16');
  const expected = await runModel(source, feeds);
  const short = quantize(source, { ...options, format: 'fp16', keepNames: false });
  for (const found of [await runModel(result.bytes, feeds), await runModel(short.bytes, feeds, 'all')]) {
    for (const [name, { data, dims, dtype }] of Object.entries(expected)) {
      expect(found[name]).toMatchObject({ dims, dtype });
      const values = Array.from(data as Float32Array);
      const limit = tolerance * Math.max(...values.map(Math.abs));
      const off = Array.from(found[name]!.data as Float32Array).filter((value, i) => !(Math.abs(value - values[i]!) <= limit));
      expect(off).toEqual([]);
    }
  }
  return result;
}
