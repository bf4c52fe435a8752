import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildModel } from '../../../../../test/support/build-model.ts';
import { cifar, pictureFeeds } from '../../../../../test/support/cifar.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { sumsOfInputs } from '../../../../../test/support/min-max-statistics.ts';
import { hasShared, models } from '../../../../../test/support/models.ts';
import { decode, quantize } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import { bytesSource, readModel, tensorOf, type Model } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { observeActivations, type QuantizeOptions } from '../index.ts';
import { prepareStatic } from '../static/prepare.ts';

const OPTIONS: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int8-static', equalize: false, reconstruct: true, keepNames: true };
const observations = (source: Model, options = OPTIONS) => observeActivations(bytesSource(bytesOf(source), 'm'), undefined, options).observations;

const image = (nodes: ReturnType<typeof makeNode>[], initializers: Record<string, ReturnType<typeof weight>>): Model =>
  buildModel({ nodes, initializers, inputs: { x: 'float32[N,3,7,6]' }, outputs: { y: 'float32' } });

/** The sum of outer products of the patches of 3 x 2 pixels, worked out element by element. */
function patchSums({ x }: Feeds, { strides, pads, dilations }: { strides: number[]; pads: number[]; dilations: number[] }): Float64Array {
  const [N, C, H, W] = x!.dims as [number, number, number, number];
  const data = x!.data as Float32Array;
  const kernel = [3, 2] as const;
  const K = C * 6;
  const sums = new Float64Array(K * K);
  const count = (side: number, i: 0 | 1): number => Math.floor((side + pads[i]! + pads[i + 2]! - dilations[i]! * (kernel[i] - 1) - 1) / strides[i]!) + 1;
  for (let n = 0; n < N; n++) {
    for (let oy = 0; oy < count(H, 0); oy++) {
      for (let ox = 0; ox < count(W, 1); ox++) {
        const patch = Array.from({ length: K }, (_, k) => {
          const [c, ky, kx] = [Math.floor(k / 6), Math.floor((k % 6) / 2), k % 2];
          const [iy, ix] = [oy * strides[0]! - pads[0]! + ky * dilations[0]!, ox * strides[1]! - pads[1]! + kx * dilations[1]!];
          return iy < 0 || ix < 0 || iy >= H || ix >= W ? 0 : data[((n * C + c) * H + iy) * W + ix]!;
        });
        for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) sums[i * K + j]! += patch[i]! * patch[j]!;
      }
    }
  }
  return sums;
}

describe('sums of what products read', () => {
  it.each([
    ['as they are', { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] }],
    ['with strides and pads', { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 1] }],
    ['with dilations', { strides: [1, 2], pads: [2, 1, 2, 1], dilations: [2, 3] }],
  ])('are those of the patches of a convolution %s', async (_, geometry) => {
    const attributes = Object.fromEntries(Object.entries(geometry).map(([name, values]) => [name, values]));
    const source = image([makeNode('Conv', ['x', 'w'], ['y'], attributes)], { w: weight([8, 3, 3, 2]) });
    const feeds = { x: seededFloats([2, 3, 7, 6]) };
    const found = (await sumsOfInputs(bytesOf(source), OPTIONS, [feeds])).get('w')!;
    const expected = patchSums(feeds, geometry);
    expect(found).toHaveLength(expected.length);
    // Float32 sums of at most 2 x 9 x 7 products below 1.
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(126 * 126 * 2 ** -24);
  });

  it.each([['alone', {}], ['with strides', { strides: [2, 1] }], ['with pads', { pads: [1, 0, 0, 1] }]])('are those of the pixels of a convolution of single pixels %s', async (_, attributes) => {
    const source = image([makeNode('Conv', ['x', 'w'], ['y'], attributes)], { w: weight([8, 3, 1, 1]) });
    const feeds = { x: seededFloats([2, 3, 7, 6]) };
    const data = feeds.x.data as Float32Array;
    const expected = new Float64Array(9);
    for (let n = 0; n < 2; n++) for (let row = 0; row < 7; row += 'strides' in attributes ? 2 : 1) for (let p = row * 6; p < row * 6 + 6; p++) {
      for (let i = 0; i < 9; i++) expected[i]! += data[(n * 3 + Math.floor(i / 3)) * 42 + p]! * data[(n * 3 + (i % 3)) * 42 + p]!;
    }
    const found = (await sumsOfInputs(bytesOf(source), OPTIONS, [feeds])).get('w')!;
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(84 * 84 * 2 ** -24);
  });

  it('are shared by products that read the same in the same way', () => {
    const source = image([
      makeNode('Conv', ['x', 'a'], ['p']), makeNode('Conv', ['x', 'b'], ['q']), makeNode('Conv', ['x', 'c'], ['r'], { pads: [1, 0, 0, 1] }), makeNode('Sum', ['p', 'q', 'r'], ['y']),
    ], { a: weight([8, 3, 2, 2]), b: weight([4, 3, 2, 2]), c: weight([8, 3, 2, 2], 5) });
    expect(observations(source).map(({ K, weights }) => [K, weights])).toEqual([[12, ['a', 'b']], [12, ['c']]]);
  });

  it('are not wanted of grouped and very wide products, nor without reconstruction', () => {
    const grouped = image([makeNode('Conv', ['x', 'w'], ['y'], { group: 3n })], { w: weight([3, 1, 3, 3]) });
    expect(observations(grouped)).toEqual([]);
    const wide = (K: number): Model => buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight([K, 4]) }, inputs: { x: `float32[N,${K}]` }, outputs: { y: 'float32' } });
    expect(observations(wide(2304))).toHaveLength(1);
    expect(observations(wide(2305))).toEqual([]);
    expect(observations(wide(64), { ...OPTIONS, reconstruct: false })).toEqual([]);
  });
});

describe.skipIf(!hasShared)('layers of a trained network, rounded by what samples told', () => {
  it('have less error than nearest rounding leaves, on pictures that were not observed', async () => {
    const source = readFileSync(models.mobilenet);
    const [seen, unseen] = await Promise.all([sumsOfInputs(source, OPTIONS, pictureFeeds(await cifar('calib', 2), 10)), sumsOfInputs(source, OPTIONS, pictureFeeds(await cifar('test', 2), 10))]);
    // Every value has the range of zero to one here: only the weights are looked at.
    const statistics = { get: () => ({ min: 0, max: 1 }), size: 1 } as unknown as ReadonlyMap<string, { min: number; max: number }>;
    const include = [...seen].filter(([, sums]) => sums.length <= 200 ** 2).map(([name]) => name);
    const reconstructed = quantize(source, { ...OPTIONS, include }, undefined, { statistics, hessians: seen }).model;
    const nearest = quantize(source, { ...OPTIONS, include, reconstruct: false }, undefined, { statistics }).model;
    const original = readModel(bytesSource(source, 'm'));
    prepareStatic(original, OPTIONS);
    const valuesOf = (model: Model, name: string): ArrayLike<number> => {
      const tensor = tensorOf(model, model.proto.graph!.initializer.find((proto) => proto.name === name)!);
      return decode(tensor, tensor.dtype);
    };
    const ratios = include.map((name) => {
      const exact = valuesOf(original, name);
      const [better, plain] = [reconstructed, nearest].map((model) => {
        const [integers, scales] = [valuesOf(model, `${name}_q`), valuesOf(model, `${name}_s`)];
        const K = Math.sqrt(unseen.get(name)!.length);
        const distance = Float64Array.from(exact, (value, i) => integers[i]! * scales[Math.floor(i / K)]! - value);
        return productError(distance, unseen.get(name)!, K);
      });
      return better! / plain!;
    });
    expect(ratios.length).toBeGreaterThan(10);
    const worst = Math.max(...ratios);
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    expect(worst).toBeLessThan(1);
    expect(mean).toBeLessThan(0.6);
  });
});

/** The squared error of all outputs, of a weight with rows of K elements. */
function productError(distance: Float64Array, sums: Float64Array, K: number): number {
  let total = 0;
  for (let row = 0; row < distance.length; row += K) {
    for (let i = 0; i < K; i++) {
      let sum = 0;
      for (let j = 0; j < K; j++) sum += sums[i * K + j]! * distance[row + j]!;
      total += sum * distance[row + i]!;
    }
  }
  return total;
}
