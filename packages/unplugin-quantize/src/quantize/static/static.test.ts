import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ints, type ModelParts } from '../../../../../test/support/build-model.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { minMaxStatistics, quantizeStatic } from '../../../../../test/support/min-max-statistics.ts';
import { countOps, optimizedModel } from '../../../../../test/support/optimized-model.ts';
import { initializer, numbersOf, opTypes, quantize, type Quantized } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import { bytesSource, readPayload, type Model } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { observeActivations, type QuantizeOptions, type Statistics } from '../index.ts';

const STATIC: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int8-static', keepNames: true };
const PADS = { pads: [1, 1, 1, 1] };

/** Two convolutions of 8 channels with a Relu between. */
const network = (parts: Partial<ModelParts> = {}): Model => buildModel({
  nodes: [
    makeNode('Conv', ['x', 'w', 'b'], ['c'], PADS, { name: 'one' }), makeNode('Relu', ['c'], ['r']), makeNode('Conv', ['r', 'v', 'a'], ['y'], PADS, { name: 'two' }),
  ],
  initializers: { w: weight([8, 3, 3, 3], 1), b: weight([8], 2), v: weight([8, 8, 3, 3], 3), a: weight([8], 4) },
  inputs: { x: 'float32[N,3,6,6]' }, outputs: { y: 'float32' }, ...parts,
});

const samples: Feeds[] = [1, 2, 3, 4].map((seed) => ({ x: seededFloats([2, 3, 6, 6], seed) }));

describe('fixed scales', () => {
  it('are chosen by samples, the same each time, and weights are announced', async () => {
    const first = await quantizeStatic(network(), samples);
    expect(first.bytes).toEqual((await quantizeStatic(network(), samples)).bytes);
    expect(first).toMatchObject({ format: 'int8-static', minOnnxruntime: '1.12.0', sessionOptions: {}, notes: [] });
    expect(first.weights.toSorted((a, b) => b.bytesBefore - a.bytesBefore)).toMatchObject([
      { tensor: 'v', scheme: 'int8-static', bytesBefore: 2304, bytesAfter: 576 + 32 },
      { tensor: 'w', scheme: 'int8-static', bytesBefore: 864, bytesAfter: 216 + 32 },
      { tensor: 'b', scheme: 'int8-static', bytesBefore: 32, bytesAfter: 32 },
      { tensor: 'a', scheme: 'int8-static', bytesBefore: 32, bytesAfter: 32 },
    ]);
    expect(opTypes(first.model)).toEqual(['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', 'QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', 'QuantizeLinear', 'DequantizeLinear']);
  });

  it('need samples', () => {
    expect(() => quantize(network(), { format: 'int8-static' })).toThrow(/there are none\. \[SAMPLES_NOT_FOUND\]\n {2}option: calibration\n {2}hint: Give samples/);
  });

  it('bring models of old opsets to opset 13', async () => {
    const { model, bytes, minOnnxruntime } = await quantizeStatic(network({ opset: 9, ir: 4 }), samples);
    expect(model.proto.opsetImport).toMatchObject([{ version: 13n }]);
    expect(minOnnxruntime).toBe('1.6.0');
    await expectNear(network(), bytes);
  });

  it('leave out what the user excludes, and one observation serves all choices', async () => {
    const statistics = await minMaxStatistics(bytesOf(network()), STATIC, samples);
    // The engine would quantize weights by itself that are between integers: then all three would be QLinearConv.
    for (const [exclude, convolutions] of [[['one'], 1], [['v'], 1], [['one', 'two'], 0]] as [string[], number][]) {
      const { model, bytes, integerShare } = quantize(network(), { ...STATIC, exclude }, undefined, { statistics });
      expect(countOps(await optimizedModel(bytes, 'extended'))['QLinearConv'] ?? 0).toBe(convolutions);
      expect(integerShare?.nodes.filter(({ kernel }) => kernel !== null).length ?? 0).toBe(convolutions);
      expect(initializer(model, exclude[0] === 'one' ? 'w' : 'v').dataType).toBe(1);
      await expectNear(network(), bytes);
    }
  });

  it('can leave out a Relu alone, which is observed on both sides then', async () => {
    const source = network();
    source.proto.graph!.node[1]!.name = 'between';
    const { bytes, model, notes } = await quantizeStatic(source, samples, { exclude: ['between'] });
    expect(notes).toEqual([]);
    // The engine folds it, as its range begins at zero; the file has it.
    expect(opTypes(model)).toContain('Relu');
    expect(countOps(await optimizedModel(bytes, 'extended'))['QLinearConv']).toBe(2);
    await expectNear(source, bytes);
  });

  it('leave float32 what is excluded between integers, which the engine would quantize for the whole tensor', async () => {
    const three = network({ nodes: [...network().proto.graph!.node, makeNode('Clip', ['y', 'low', 'high'], ['q']), makeNode('Conv', ['q', 'v', 'a'], ['z'], PADS)], outputs: { z: 'float32' }, initializers: {
      w: weight([8, 3, 3, 3], 1), b: weight([8], 2), v: weight([8, 8, 3, 3], 3), u: weight([8, 8, 3, 3], 5), a: weight([8], 4), low: floats([], [0]), high: floats([], [1e6]) } });
    three.proto.graph!.node[2]!.input[1] = 'u';
    for (const [options, integers] of [[{ exclude: ['two'] }, 2], [{ excludeOps: ['Conv'] }, 0], [{ integerDepthwise: false }, 3]] as [Partial<QuantizeOptions>, number][]) {
      const found = countOps(await optimizedModel((await quantizeStatic(three, samples, options)).bytes, 'extended'));
      expect(found['QLinearConv'] ?? 0).toBe(integers);
      expect((found['Conv'] ?? 0) + (found['FusedConv'] ?? 0)).toBe(3 - integers);
    }
  });

  it('keep values that are outputs, and what subgraphs read', async () => {
    const branch = (name: string) => buildGraph({ nodes: [makeNode(name, ['r'], ['t'])], outputs: { t: 'float32' } });
    const source = network({
      nodes: [
        ...network().proto.graph!.node, makeNode('If', ['on'], ['z'], { then_branch: branch('Neg'), else_branch: branch('Abs') }),
      ],
      inputs: { x: 'float32[N,3,6,6]', on: 'bool[]' }, outputs: { y: 'float32', r: 'float32', z: 'float32' },
    });
    const { Tensor } = await import('onnxruntime-node');
    const feeds = samples.map(({ x }) => ({ x: x!, on: new Tensor('bool', [true], []) }));
    const { bytes } = await quantizeStatic(source, feeds);
    const [expected, found] = [await runModel(source, feeds[0]!), await runModel(bytes, feeds[0]!)];
    expect(Object.keys(found)).toEqual(['y', 'r', 'z']);
    expect(near(expected['r']!.data as Float32Array, found['r']!.data as Float32Array)).toBeLessThan(0.03);
    expect(found['z']!.data).toEqual((found['r']!.data as Float32Array).map((value) => -value));
  });

  it('store weights small that a branch reads too to which no sample came, and say so', async () => {
    const branch = (nodes: ReturnType<typeof makeNode>[]) => buildGraph({ nodes, outputs: { t: 'float32' }, initializers: { k: weight([8, 8, 3, 3], 9) } });
    const source = network({
      nodes: [
        makeNode('Conv', ['x', 'w', 'b'], ['c'], PADS), makeNode('If', ['on'], ['y'], {
          then_branch: branch([makeNode('Conv', ['c', 'k'], ['t'], PADS)]), else_branch: branch([makeNode('Relu', ['c'], ['u']), makeNode('Conv', ['u', 'k'], ['t'], PADS)]),
        }),
      ],
      inputs: { x: 'float32[N,3,6,6]', on: 'bool[]' },
    });
    const { Tensor } = await import('onnxruntime-node');
    const feeds = samples.map(({ x }) => ({ x: x!, on: new Tensor('bool', [true], []) }));
    const { notes, weights, bytes, integerShare } = await quantizeStatic(source, feeds);
    expect(notes).toEqual(['2 products in subgraphs stay float32: they were excluded, no sample came to them, or they have no integer form. Their weights are stored small.']);
    expect(weights.map(({ scheme }) => scheme)).toEqual(['int8-static', 'int8-static', 'int8-storage']);
    // Two images of 6 x 6 and a weight of 216 elements; those of the branches count once each.
    expect(integerShare!.nodes.map(({ op, kernel, multiplyAdds }) => [op, kernel, multiplyAdds])).toEqual([['Conv', 'QLinearConv', 2 * 36 * 216], ['Conv', null, 576], ['Conv', null, 576]]);
    expect(new Set(integerShare!.nodes.map(({ node }) => node)).size).toBe(3);
    expect(integerShare!.share).toBeCloseTo((2 * 36 * 216) / (2 * 36 * 216 + 2 * 576), 12);
    await expectNear(source, bytes, feeds[0]!);
  });

  it('store weights small that have no integer form', async () => {
    const source = network({
      nodes: [makeNode('Conv', ['x', 'w', 'b'], ['c'], PADS), makeNode('ConvTranspose', ['c', 'v', 'a'], ['y'], PADS)],
    });
    const { weights, integerShare, bytes } = await quantizeStatic(source, samples);
    expect(weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual([['w', 'int8-static'], ['b', 'int8-static'], ['v', 'int8-storage'], ['a', 'kept']]);
    // Per sample of two images: 2 x 36 places x 27 x 8, and 2 x 36 x 8 x 72.
    expect(integerShare).toEqual({
      share: 15552 / (15552 + 41472),
      nodes: [{ node: 'c', op: 'Conv', kernel: 'QLinearConv', multiplyAdds: 15552 }, { node: 'y', op: 'ConvTranspose', kernel: null, multiplyAdds: 41472 }],
    });
    await expectNear(source, bytes);
  });

  it('share a weight that two products read, and give each its own bias', async () => {
    const source = network({
      nodes: [
        makeNode('Conv', ['x', 'w', 'b'], ['c'], PADS), makeNode('Relu', ['c'], ['r']),
        makeNode('Conv', ['c', 'v', 'a'], ['d'], PADS), makeNode('Conv', ['r', 'v', 'a'], ['e'], PADS), makeNode('Add', ['d', 'e'], ['s']), makeNode('Conv', ['s', 'v', 'a'], ['y'], PADS),
      ],
    });
    const { model, bytes } = await quantizeStatic(source, samples, { biasCorrection: false });
    expect(model.proto.graph!.initializer.filter(({ dims }) => dims.join() === '8,8,3,3')).toHaveLength(1);
    expect(countOps(await optimizedModel(bytes, 'extended'))['QLinearConv']).toBe(4);
    await expectNear(source, bytes);
  });
});

describe('biases', () => {
  /** Means of the output's channels over the samples that were observed. */
  async function means(model: Model | Uint8Array, feeds: readonly Feeds[], output = 'y'): Promise<number[]> {
    const sums = Array<number>(8).fill(0);
    for (const feed of feeds) {
      const { data, dims } = (await runModel(model, feed))[output]!;
      const inner = (dims[2] ?? 1) * (dims[3] ?? 1);
      (data as Float32Array).forEach((value, i) => void (sums[Math.floor(i / inner) % 8]! += value / (data as Float32Array).length));
    }
    return sums;
  }

  const positive: Feeds[] = samples.map(({ x }) => ({ x: x! }));
  /** One product of inputs whose mean is far from zero, without padding. */
  const shifted = (nodes: ReturnType<typeof makeNode>[], parts: Partial<ModelParts> = {}): Model => network({ nodes: [makeNode('Sigmoid', ['x'], ['p']), ...nodes], ...parts });

  it.each([
    ['Conv', shifted([makeNode('Conv', ['p', 'w', 'b'], ['y'])])],
    ['Conv without bias', shifted([makeNode('Conv', ['p', 'w'], ['y'])])],
    ['grouped Conv', shifted([makeNode('Conv', ['p', 'g', 'b'], ['m']), makeNode('Conv', ['m', 'h'], ['y'], { group: 2n })], { initializers: { g: weight([8, 3, 3, 3]), h: weight([8, 4, 1, 1], 9), b: weight([8]) } })],
  ])('of a %s keep the mean of each channel', async (_, source) => {
    const expected = await means(source, positive);
    const errors = await Promise.all([true, false].map(async (biasCorrection) => {
      const { bytes } = await quantizeStatic(source, positive, { biasCorrection, perChannel: false });
      return (await means(bytes, positive)).reduce((sum, mean, i) => sum + Math.abs(mean - expected[i]!), 0);
    }));
    expect(errors[0]!).toBeLessThan(0.6 * errors[1]!);
  });

  it('of a MatMul are what is added to it', async () => {
    const source = buildModel({
      nodes: [makeNode('Unsqueeze', ['x', 'axes'], ['u']), makeNode('Sigmoid', ['u'], ['p']), makeNode('MatMul', ['p', 'w'], ['m']), makeNode('Add', ['b', 'm'], ['y'])],
      initializers: { w: weight([24, 8]), b: weight([8], 2), axes: ints([1], [1]) }, inputs: { x: 'float32[N,24]' }, outputs: { y: 'float32' },
    });
    const feeds = [1, 2].map((seed) => ({ x: seededFloats([16, 24], seed) }));
    const [corrected, plain] = [await quantizeStatic(source, feeds, { perChannel: false }), await quantizeStatic(source, feeds, { perChannel: false, biasCorrection: false })];
    expect(numbersOf(plain.model, 'b')).not.toEqual(numbersOf(corrected.model, 'b'));
    const expected = await means(source, feeds);
    const error = async ({ bytes }: Quantized): Promise<number> => (await means(bytes, feeds)).reduce((sum, mean, i) => sum + Math.abs(mean - expected[i]!), 0);
    expect(await error(corrected)).toBeLessThan(0.6 * await error(plain));
  });
});

describe('an observing model', () => {
  it('computes the same, and hands out what is to be watched', async () => {
    const source = network();
    const { stream, taps } = observeActivations(bytesSource(bytesOf(source), 'm'), undefined, { ...STATIC, equalize: false });
    // How large the first product is, its Relu tells.
    expect(taps).toEqual([{ name: 'x', channelAxis: 1 }, { name: 'r', channelAxis: 1 }, { name: 'y', channelAxis: null }]);
    const outputs = await runModel(readPayload(stream), samples[0]!);
    expect(outputs['y']).toEqual((await runModel(source, samples[0]!))['y']);
    expect(outputs['x']!.data).toEqual(samples[0]!['x']!.data);
  });

  it('has nothing to watch where nothing would be quantized', () => {
    const source = network({ nodes: [makeNode('Relu', ['x'], ['y'])], initializers: {} });
    expect(observeActivations(bytesSource(bytesOf(source), 'm'), undefined, STATIC).taps).toEqual([]);
  });
});

describe('ranges', () => {
  const withRange = async (name: string, range: { min: number; max: number } | undefined): Promise<Quantized> => {
    const statistics = new Map(await minMaxStatistics(bytesOf(network()), STATIC, samples));
    if (range === undefined) statistics.delete(name);
    else statistics.set(name, range);
    return quantize(network(), { ...STATIC, equalize: false }, undefined, { statistics: statistics as Statistics });
  };

  it.each([
    ['NaN', { min: 0, max: NaN }, /has the range 0 to NaN on the samples\. [^]*node: r\n {2}hint: Look for the samples/],
    ['infinite', { min: -Infinity, max: 1 }, /has the range -Infinity to 1 on the samples/],
    ['beyond float32', { min: -1e39, max: 1 }, /has the range -1e\+39 to 1 on the samples/],
    ['empty', { min: Infinity, max: -Infinity }, /which is empty\.[^]*hint: Observe at least one sample/],
    ['unknown', undefined, /Samples told nothing of the value "r"/],
  ])('that are %s are refused with the node', async (_, range, message) => {
    await expect(withRange('r', range)).rejects.toMatchObject({ code: 'SAMPLES_INVALID', message: expect.stringMatching(message) });
  });

  it.each([['nothing but zero', { min: 0, max: 0 }], ['too small for a scale', { min: 0, max: 1e-38 }], ['a constant', { min: 3, max: 3 }], ['below zero', { min: -2, max: -1 }]])('of %s are widened', async (_, range) => {
    const { bytes } = await withRange('y', range);
    const { y } = await runModel(bytes, samples[0]!);
    const values = y!.data as Float32Array;
    expect(Math.min(...values)).toBeGreaterThanOrEqual(range.min < 0 ? Math.fround(range.min) : 0);
    // Around zeros any scale does; here it is 1.
    expect(Math.max(...values)).toBeLessThanOrEqual(range.max > 1e-30 ? Math.fround(range.max) * (1 + 2 ** -23) : 255);
  });

  it('of zeros keep a Relu shut, with signed integers too', async () => {
    const statistics = new Map(await minMaxStatistics(bytesOf(network()), STATIC, samples)).set('r', { min: 0, max: 0 });
    for (const activations of ['u8', 's8'] as const) {
      const { model } = quantize(network(), { ...STATIC, activations, equalize: false, biasCorrection: false }, undefined, { statistics });
      const q = model.proto.graph!.node.filter(({ opType }) => opType === 'QuantizeLinear')[1]!;
      expect([numbersOf(model, q.input[1]!), numbersOf(model, q.input[2]!)]).toEqual([[1], [activations === 'u8' ? 0 : -128]]);
    }
  });
});

describe('int8 with samples', () => {
  const int8 = (source: Model, feeds: readonly Feeds[]): Promise<Quantized> => quantizeStatic(source, feeds, { format: 'int8' });

  it('fixes the scales of convolutional models', async () => {
    const wide = network({
      initializers: { w: weight([8, 3, 3, 3], 1), b: weight([8], 2), v: weight([64, 8, 3, 3], 3), a: weight([64], 4), u: weight([64, 64, 3, 3], 5) },
      nodes: [...network().proto.graph!.node.slice(0, 2), makeNode('Conv', ['r', 'v', 'a'], ['d'], PADS), makeNode('Relu', ['d'], ['e']), makeNode('Conv', ['e', 'u'], ['y'], PADS)],
    });
    const { format, weights, integerShare } = await int8(wide, samples);
    expect([format, integerShare!.share, weights[0]!.scheme]).toEqual(['int8', 1, 'int8-static']);
  });

  it('keeps float32 arithmetic where WebAssembly would be slower, and says so', async () => {
    const depthwise = network({
      initializers: { w: weight([8, 3, 1, 1], 1), b: weight([8], 2), v: weight([8, 1, 5, 5], 3), a: weight([8], 4) },
      nodes: [makeNode('Conv', ['x', 'w', 'b'], ['c']), makeNode('Relu', ['c'], ['r']), makeNode('Conv', ['r', 'v', 'a'], ['y'], { group: 8n })],
    });
    const { weights, notes, integerShare } = await int8(depthwise, samples);
    expect(notes[0]).toMatch(/^Fixed scales would take about \d\.\d of float32's time in WebAssembly, so weights are only stored small\./);
    expect(integerShare).toBeUndefined();
    expect(weights.map(({ scheme }) => scheme)).not.toContain('int8-static');
  });

  it('measures inputs of transformers at run time', async () => {
    const source = buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight([64, 48]) }, inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32' } });
    const { weights } = await int8(source, [{ x: seededFloats([4, 64]) }]);
    expect(weights).toMatchObject([{ scheme: 'int8-dynamic' }]);
  });
});

describe('constants that are read as values', () => {
  it('are integers with parameters of their own', async () => {
    const source = network({
      nodes: [makeNode('Conv', ['x', 'w', 'b'], ['c'], PADS), makeNode('LeakyRelu', ['c'], ['l']), makeNode('Add', ['l', 'k'], ['s']), makeNode('Conv', ['s', 'v', 'a'], ['y'], PADS)],
      initializers: { w: weight([8, 3, 3, 3], 1), b: weight([8], 2), v: weight([8, 8, 3, 3], 3), a: weight([8], 4), k: floats([8, 1, 1], [-1, 0, 0.5, 1, 1.5, 2, 3, 4.1]) },
    });
    const { model, weights } = await quantizeStatic(source, samples, { equalize: false });
    // Range -1 to 4.1: scale 0.02, zero point 50.
    expect(numbersOf(model, 'k_q')).toEqual([0, 50, 75, 100, 125, 150, 200, 255]);
    expect(weights.find(({ tensor }) => tensor === 'k')).toMatchObject({ scheme: 'int8-static', bytesBefore: 32, bytesAfter: 8 });
  });
});

/** Largest difference as a share of the largest value. */
function near(expected: Float32Array, found: Float32Array): number {
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  expect(found).toHaveLength(expected.length);
  return found.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0) / largest;
}

async function expectNear(source: Model, artefact: Uint8Array, feeds = samples[0]!): Promise<void> {
  const [expected, found] = [await runModel(source, feeds), await runModel(artefact, feeds)].map(({ y }) => y!.data as Float32Array);
  expect(near(expected!, found!)).toBeLessThan(0.06);
}
