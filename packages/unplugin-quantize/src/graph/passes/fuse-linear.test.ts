import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, type ModelParts } from '../../../../../test/support/build-model.ts';
import { models } from '../../../../../test/support/models.ts';
import { countOps } from '../../../../../test/support/optimized-model.ts';
import { numbersOf, opTypes } from '../../../../../test/support/quantize-model.ts';
import { realFeeds } from '../../../../../test/support/real-feeds.ts';
import { reread, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { bytesSource, elementCount, readModel, readPayload, tensorOf, type Model, type NodeProto, type Tensor } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropUnusedInitializers } from './drop-unused-initializers.ts';
import { fuseLinear } from './fuse-linear.ts';
import { cleanGraph, prepareGraph } from './run-passes.ts';

const random = (dims: number[], seed: number, low = -1, high = 1): Tensor =>
  floats(dims, [...(seededFloats(dims, seed).data as Float32Array)].map((value) => low + (value + 1) * (high - low) / 2));

/** Figures of BatchNormalization for a number of channels; variances are positive. */
const figures = (channels: number) => ({ s: random([channels], 11), o: random([channels], 12), m: random([channels], 13), v: random([channels], 14, 0.1, 2) });
const norm = (from: string, to: string, attributes = {}) => makeNode('BatchNormalization', [from, 's', 'o', 'm', 'v'], [to], attributes);

interface Case extends ModelParts {
  /** Products that one output adds up. */
  depth: number;
  /** Factors between the sum and the output are at most this large, offsets too. */
  gain: number;
}

const conv = (inputs: string[], attributes = {}) => makeNode('Conv', inputs, ['a'], attributes);
const image = { x: 'float32[2,6,9,8]' };
const w = random([4, 6, 3, 3], 1);
const CASES: Record<string, Case> = {
  'Conv, BatchNormalization': { nodes: [conv(['x', 'w']), norm('a', 'y')], initializers: { w, ...figures(4) }, inputs: image, outputs: { y: '' }, depth: 54, gain: 10 },
  'Conv with bias, BatchNormalization with epsilon': { nodes: [conv(['x', 'w', 'b']), norm('a', 'y', { epsilon: { float: 0.25 } })], initializers: { w, b: random([4], 2), ...figures(4) }, inputs: image, outputs: { y: '' }, depth: 55, gain: 10 },
  'Conv in groups': { nodes: [conv(['x', 'w'], { group: 3n }), norm('a', 'y')], initializers: { w: random([9, 2, 3, 3], 1), ...figures(9) }, inputs: image, outputs: { y: '' }, depth: 18, gain: 10 },
  'Conv of one dimension': { nodes: [conv(['x', 'w']), norm('a', 'y')], initializers: { w: random([4, 6, 3], 1), ...figures(4) }, inputs: { x: 'float32[2,6,9]' }, outputs: { y: '' }, depth: 18, gain: 10 },
  'ConvTranspose': { nodes: [makeNode('ConvTranspose', ['x', 'w', 'b'], ['a']), norm('a', 'y')], initializers: { w: random([6, 4, 3, 3], 1), b: random([4], 2), ...figures(4) }, inputs: image, outputs: { y: '' }, depth: 55, gain: 10 },
  'ConvTranspose in groups': { nodes: [makeNode('ConvTranspose', ['x', 'w'], ['a'], { group: 2n }), norm('a', 'y')], initializers: { w: random([6, 4, 3, 3], 1), ...figures(8) }, inputs: image, outputs: { y: '' }, depth: 27, gain: 10 },
  'Gemm': { nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['a'], { beta: { float: 0.5 }, alpha: { float: 2 } }), norm('a', 'y')], initializers: { w: random([6, 5], 1), b: random([1, 5], 2), ...figures(5) }, inputs: { x: 'float32[3,6]' }, outputs: { y: '' }, depth: 7, gain: 20 },
  'Gemm with transB': { nodes: [makeNode('Gemm', ['x', 'w'], ['a'], { transB: 1n }), norm('a', 'y')], initializers: { w: random([5, 6], 1), ...figures(5) }, inputs: { x: 'float32[3,6]' }, outputs: { y: '' }, depth: 6, gain: 10 },
  'Conv, Add': { nodes: [conv(['x', 'w']), makeNode('Add', ['c', 'a'], ['y'])], initializers: { w, c: random([1, 4, 1, 1], 3) }, inputs: image, outputs: { y: '' }, depth: 54, gain: 2 },
  'a chain of everything': {
    nodes: [conv(['x', 'w', 'b']), makeNode('Mul', ['a', 'k'], ['c']), makeNode('Sub', ['one', 'c'], ['d']), norm('d', 'e'), makeNode('Div', ['e', 'k'], ['f']), makeNode('Sub', ['f', 'k'], ['g']), makeNode('Add', ['g', 'one'], ['y'])],
    initializers: { w, b: random([4], 2), k: random([4, 1, 1], 5, 0.5, 2), one: floats([], [1]), ...figures(4) }, inputs: image, outputs: { y: '' }, depth: 55, gain: 60,
  },
};

function feedsOf({ inputs = {} }: ModelParts): Feeds {
  return Object.fromEntries(Object.entries(inputs).map(([name, type], i) => [name, seededFloats(/\[(.*)\]/.exec(type)![1]!.split(',').map(Number), 40 + i)]));
}

describe('fuseLinear', () => {
  it.each(Object.entries(CASES))('fuses %s', async (_, { depth, gain, ...parts }) => {
    const model = buildModel(parts);
    const before = (await runModel(model, feedsOf(parts)))['y']!;
    const nodes = opTypes(model).length;
    expect(fuseLinear(model)).toBe(nodes - 1);
    dropUnusedInitializers(model);
    assertSound(model);
    expect(model.proto.graph!.initializer).toHaveLength(2);
    const after = (await runModel(reread(model), feedsOf(parts)))['y']!;
    expect(after.dims).toEqual(before.dims);
    // Weights and inputs are at most 1: each way rounds a sum of `depth` products, each step, and each weight once.
    const bound = 2 * (depth + nodes + 1) * depth * gain * 2 ** -24;
    (before.data as Float32Array).forEach((value, i) => expect(Math.abs((after.data as Float32Array)[i]! - value)).toBeLessThanOrEqual(bound));
  });

  it('rounds each weight once, from float64', () => {
    const model = buildModel(CASES['Conv, BatchNormalization']!);
    const [original, s, v] = ['w', 's', 'v'].map((name) => numbersOf(model, name)) as [number[], number[], number[]];
    fuseLinear(model);
    const epsilon = Math.fround(1e-5);
    expect(numbersOf(model, 'w')).toEqual(original.map((value, i) => Math.fround(value * (s[Math.floor(i / 54)]! / Math.sqrt(v[Math.floor(i / 54)]! + epsilon)))));
  });

  it('reads the weight only when the result is read, in pieces as large as they come', () => {
    const big = random([8, 300, 11, 11], 3);
    const model = buildModel({ nodes: [conv(['x', 'w']), norm('a', 'y')], initializers: { w: big, ...figures(8) }, inputs: { x: 'float32[1,300,11,11]' }, outputs: { y: '' } });
    const { payload } = model.proto.graph!.initializer[0]!;
    const stored = model.payloads[payload]!;
    let isAllowed = false;
    const guarded = (): Iterable<Uint8Array> => {
      if (!isAllowed) throw new Error('The weight was read.');
      return stored.chunks();
    };
    model.payloads[payload] = { ...stored, chunks: guarded };
    fuseLinear(model);
    const fused = model.proto.graph!.initializer.find(({ name }) => name === 'w')!;
    expect(() => readPayload(tensorOf(model, fused))).toThrow('The weight was read.');
    isAllowed = true;
    const pieces = [...tensorOf(model, fused).chunks()];
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.reduce((sum, piece) => sum + piece.byteLength, 0)).toBe(4 * elementCount(big.dims));
  });

  it('moves the bias alone where the weight is shared, and makes a new bias where that is shared too', () => {
    const nodes = [conv(['x', 'w', 'b']), makeNode('Conv', ['x', 'w', 'b'], ['c']), makeNode('Add', ['a', 'k'], ['d']), makeNode('Mul', ['d', 'k'], ['y']), makeNode('Add', ['c', 'k'], ['z'])];
    const model = buildModel({ nodes, initializers: { w, b: random([4], 2), k: random([4, 1, 1], 3) }, inputs: image, outputs: { y: '', z: '' } });
    expect(fuseLinear(model)).toBe(2);
    assertSound(model);
    expect(opTypes(model)).toEqual(['Conv', 'Conv', 'Mul']);
    expect(model.proto.graph!.node.map(({ input }) => input)).toEqual([['x', 'w', 'a_bias'], ['x', 'w', 'c_bias'], ['d', 'k']]);
  });

  it('works in subgraphs, with weights of the graph around them', () => {
    const inner = buildGraph({ nodes: [conv(['x', 'w']), norm('a', 'out')], outputs: { out: '' } });
    const other = buildGraph({ nodes: [makeNode('Neg', ['x'], ['out'])], outputs: { out: '' } });
    const model = buildModel({ nodes: [makeNode('If', ['on'], ['y'], { then_branch: inner, else_branch: other })], initializers: { w, ...figures(4) }, inputs: { ...image, on: 'bool[]' }, outputs: { y: '' } });
    expect(fuseLinear(model)).toBe(1);
    assertSound(reread(model));
    expect(countOps(model)).toEqual({ If: 1, Conv: 1, Neg: 1 });
  });

  const k = random([1, 4, 1, 1], 3);
  const add = makeNode('Add', ['a', 'k'], ['y']);
  it.each<[string, Partial<ModelParts> & { nodes: NodeProto[] }]>([
    ['a product with other readers', { nodes: [conv(['x', 'w']), add, makeNode('Relu', ['a'], ['z'])], outputs: { y: '', z: '' } }],
    ['a product that is handed out', { nodes: [conv(['x', 'w']), add], outputs: { y: '', a: '' } }],
    ['computed constants', { nodes: [conv(['x', 'w']), makeNode('Add', ['a', 'c'], ['y'])], inputs: { ...image, c: 'float32[1,4,1,1]' } }],
    ['constants with positions', { nodes: [conv(['x', 'w']), add], initializers: { w, k: random([1, 4, 1, 6], 3) } }],
    ['constants along another axis', { nodes: [conv(['x', 'w']), add], initializers: { w: random([6, 6, 3, 3], 1), k: random([6], 3) } }],
    ['constants with more dims', { nodes: [conv(['x', 'w']), add], initializers: { w, k: random([1, 1, 4, 1, 1], 3) } }],
    ['a constant that makes channels', { nodes: [conv(['x', 'w']), add], initializers: { w: random([1, 6, 3, 3], 1), k } }],
    ['a constant divided by a product', { nodes: [conv(['x', 'w']), makeNode('Div', ['k', 'a'], ['y'])] }],
    ['division by zero', { nodes: [conv(['x', 'w']), makeNode('Div', ['a', 'k'], ['y'])], initializers: { w, k: floats([1, 4, 1, 1], [1, 2, 0, 4]) } }],
    ['a computed weight', { nodes: [conv(['x', 'w']), add], inputs: { ...image, w: 'float32[4,6,3,3]' }, initializers: { k } }],
    ['a computed bias', { nodes: [conv(['x', 'w', 'b']), add], inputs: { ...image, b: 'float32[4]' } }],
    ['training', { nodes: [conv(['x', 'w']), makeNode('BatchNormalization', ['a', 's', 'o', 'm', 'v'], ['y', 'm2', 'v2'], { training_mode: 1n })], initializers: { w, ...figures(4) } }],
    ['MatMul', { nodes: [makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Add', ['a', 'k'], ['y'])], initializers: { w: random([8, 4], 1), k: random([4], 2) } }],
    ['a bias that is a matrix', { nodes: [makeNode('Gemm', ['p', 'w', 'b'], ['a']), add], inputs: { p: 'float32[3,6]' }, initializers: { w: random([6, 4], 1), b: random([3, 4], 2), k: random([4], 3) } }],
    ['scaling of a shared weight', { nodes: [conv(['x', 'w']), makeNode('Mul', ['a', 'k'], ['y']), makeNode('Conv', ['x', 'w'], ['z'])], outputs: { y: '', z: '' } }],
  ])('leaves %s', (_, parts) => {
    expect(fuseLinear(buildModel({ initializers: { w, k }, inputs: image, outputs: { y: '' }, ...parts }))).toBe(0);
  });

  const ocr = ['ocrDetection', 'ocrRecognition', 'ocrDirection'] as const;
  it.each(ocr)('%s computes the same but for rounding, and is no larger', async (name) => {
    const load = (): Model => readModel(bytesSource(readFileSync(models[name])));
    const [clean, fused] = [load(), load()];
    cleanGraph(clean);
    prepareGraph(fused);
    const [before, after] = [countOps(clean), countOps(fused)];
    expect(Object.values(after).reduce((a, b) => a + b)).toBeLessThanOrEqual(Object.values(before).reduce((a, b) => a + b));
    const feeds = realFeeds[name]();
    const [expected, found] = [await runModel(clean, feeds), await runModel(fused, feeds)];
    for (const output of Object.keys(expected)) {
      const largest = Math.max(...(expected[output]!.data as Float32Array).map(Math.abs));
      // About a hundred layers, each of which rounds to 24 bits, in two orders; near 0 a sigmoid rounds as it does near 1.
      (expected[output]!.data as Float32Array).forEach((value, i) => expect(Math.abs((found[output]!.data as Float32Array)[i]! - value)).toBeLessThan(largest * 1e-4 + 2 ** -23));
    }
  });
});
