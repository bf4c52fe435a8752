import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arrayTensor, halfToNumber } from '../../onnx/index.ts';
import { ALGORITHMS } from '../blocks/algorithms.ts';
import type { BlockLayout, Packing } from '../blocks/layout.ts';
import { quantizeBlocks, type BlockTensor } from '../blocks/quantize-blocks.ts';
import { quantizeWithFeedback } from './feedback.ts';
import { hessianFactor } from './hessian.ts';

interface Reference { name: string; K: number; N: number; size: number; weight: string; sums: string; error: number; peerError: number }
const { weights }: { weights: Reference[] } = JSON.parse(readFileSync(new URL('../../../../../test/reference/quantize/gptq.json', import.meta.url), 'utf8'));
const cases = weights.map((weight) => [weight.name, weight] as const);

const decode = (text: string): Float64Array => new Float64Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
const layoutOf = ({ K, N, size }: Pick<Reference, 'K' | 'N' | 'size'>, symmetric = false): BlockLayout => ({ outer: 1, length: K, inner: N, size, bits: 4, symmetric });

/** One byte a level, column by column. */
function plainPacking({ length, inner, size }: BlockLayout): Packing {
  const blocks = Math.ceil(length / size);
  return {
    byteLength: inner * blocks * size,
    put: (bytes, levels, _, index, column) => bytes.set(levels, (column * blocks + index) * size),
    scaleAt: (_, index, column) => column * blocks + index,
  };
}

/** trace((W - Q)ᵀ H (W - Q)): the squared error of all products with the observed inputs. */
function productError(weight: Float32Array, { packed, scales, zeroPoints }: BlockTensor, { length: K, inner: N, size, symmetric }: BlockLayout, sums: Float64Array): number {
  const blocks = Math.ceil(K / size);
  let total = 0;
  for (let column = 0; column < N; column++) {
    const distance = Float64Array.from({ length: K }, (_, k) => {
      const block = column * blocks + Math.floor(k / size);
      const level = packed[block * size + (k % size)]!;
      return weight[k * N + column]! - halfToNumber(scales[block]!) * (level - (symmetric ? 8 : zeroPoints[block]!));
    });
    for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) total += distance[i]! * sums[i * K + j]! * distance[j]!;
  }
  return total;
}

describe('GPTQ', () => {
  it.each(cases)("leaves the error that it has by definition, and half of what onnxruntime.quantization's leaves at most: %s", (_, reference) => {
    const weight = Float32Array.from(decode(reference.weight));
    const sums = decode(reference.sums);
    const layout = layoutOf(reference);
    const tensor = arrayTensor('float32', [reference.K, reference.N], weight);
    const factor = hessianFactor(sums, reference.K)!;
    const error = productError(weight, quantizeWithFeedback(tensor, layout, plainPacking(layout), ALGORITHMS['rtn'](layout), factor, 'w'), layout, sums);
    // The zero point's scale is float32 here, which moves single levels.
    expect(error / reference.error).toBeGreaterThan(0.99);
    expect(error / reference.error).toBeLessThan(1.01);
    expect(error).toBeLessThan(0.5 * reference.peerError);
  });

  it.each([true, false])('halves the error that blocks by themselves leave, where inputs are correlated, symmetric %s', (symmetric) => {
    const [reference] = weights as [Reference];
    const weight = Float32Array.from(decode(reference.weight));
    const sums = decode(reference.sums);
    const layout = layoutOf(reference, symmetric);
    const tensor = arrayTensor('float32', [reference.K, reference.N], weight);
    const search = ALGORITHMS['search'](layout);
    const alone = quantizeBlocks(tensor, layout, plainPacking(layout), search, 'w');
    const together = quantizeWithFeedback(tensor, layout, plainPacking(layout), search, hessianFactor(sums, reference.K)!, 'w');
    expect(productError(weight, together, layout, sums)).toBeLessThan(0.5 * productError(weight, alone, layout, sums));
  });

  it.each([[96, 32, 17], [50, 32, 3], [16, 16, 16], [70, 16, 33]])('with inputs that have nothing to do with one another gives what blocks by themselves give: %i rows in blocks of %i, %i columns', (K, size, N) => {
    const weight = Float32Array.from({ length: K * N }, (_, i) => Math.sin(i * i + 1) / 10);
    const layout = layoutOf({ K, N, size });
    const tensor = arrayTensor('float32', [K, N], weight);
    const search = ALGORITHMS['search'](layout);
    const sums = new Float64Array(K * K);
    for (let k = 0; k < K; k++) sums[k * K + k] = 1 + (k % 5);
    const found = quantizeWithFeedback(tensor, layout, plainPacking(layout), search, hessianFactor(sums, K)!, 'w');
    expect(found).toEqual(quantizeBlocks(tensor, layout, plainPacking(layout), search, 'w'));
  });

  it('refuses a weight with NaN and names it', () => {
    const layout = layoutOf({ K: 32, N: 2, size: 32 });
    const tensor = arrayTensor('float32', [32, 2], new Float32Array(64).fill(NaN, 40, 41));
    const factor = hessianFactor(Float64Array.from({ length: 1024 }, (_, i) => (i % 33 === 0 ? 1 : 0)), 32)!;
    const run = (): unknown => quantizeWithFeedback(tensor, layout, plainPacking(layout), ALGORITHMS['search'](layout), factor, 'layer/w');
    expect(run).toThrowError(expect.objectContaining({ code: 'MODEL_INVALID', node: 'layer/w' }));
  });
});
