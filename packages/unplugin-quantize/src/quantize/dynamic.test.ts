import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ints, type ModelParts } from '../../../../test/support/build-model.ts';
import { elementsOf, initializer, numbersOf, opTypes, quantize, type Quantized } from '../../../../test/support/quantize-model.ts';
import { bytesOf, longs, runModel, seededFloats, type Feeds, type Outputs } from '../../../../test/support/run-model.ts';
import { makeNode, scopesOf } from '../graph/index.ts';
import { opsetVersion, readPayload, tensorOf, type Model, type Tensor } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';
import { inputSignatures } from './signature.ts';

const DYNAMIC = { format: 'int8-dynamic' } as const;

/** Weights with columns of different size, in [-1, 1) times the column's factor. */
function weight(dims: number[], seed = 3): Tensor {
  const { data } = seededFloats(dims, seed);
  return floats(dims, Array.from(data as Float32Array, (x, i) => x * (1 + (i % 7))));
}

/** x [2, 32] times w [32, 40]. */
const product = (parts: Partial<ModelParts> = {}): Model => buildModel({
  nodes: [makeNode('MatMul', ['x', 'w'], ['y'], {}, { name: 'product' })],
  initializers: { w: weight([32, 40]) },
  inputs: { x: 'float32[N,32]' },
  outputs: { y: 'float32[N,40]' },
  ...parts,
});

describe('a product in integers', () => {
  it('computes what DynamicQuantizeLinear and MatMulInteger are defined to compute', async () => {
    const result = quantize(product(), DYNAMIC);
    expect(opTypes(result.model)).toEqual(['DynamicQuantizeLinear', 'MatMulInteger', 'Cast', 'Mul', 'Mul']);
    const [q, s] = [numbersOf(result.model, 'w_q'), numbersOf(result.model, 'w_s')];
    const inputs = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 64, maxLength: 64 });
    await fc.assert(fc.asyncProperty(inputs, async (values) => {
      const x = Float32Array.from(values);
      const { y } = await runModel(result.bytes, { x: new ort.Tensor('float32', x, [2, 32]) });
      expect([...(y!.data as Float32Array)]).toEqual(integerProduct(x, 2, 32, 40, q, s));
    }), { numRuns: 30 });
  });

  it('is off from the float product by what rounding weights and activations can do', async () => {
    const source = product();
    const { bytes, model } = quantize(source, DYNAMIC);
    const x = seededFloats([2, 32]);
    const [{ y: expected }, { y: found }] = [await runModel(source, { x }), await runModel(bytes, { x }, 'all')];
    const w = elementsOf(source, source.proto.graph!.initializer[0]!);
    const s = numbersOf(model, 'w_s');
    // |x w - x' w'| <= |x - x'| |w| + |x'| |w - w'|, with |x - x'| <= its step (the zero point is rounded too) and |w - w'| <= s / 2.
    const values = [...(x.data as Float32Array)];
    const step = (Math.max(...values) - Math.min(...values)) / 255;
    (found!.data as Float32Array).forEach((value, i) => {
      const [row, column] = [Math.floor(i / 40), i % 40];
      let bound = 1e-4;
      for (let k = 0; k < 32; k++) bound += step * Math.abs(w[k * 40 + column]!) + (Math.abs(values[row * 32 + k]!) + step) * (s[column]! / 2);
      expect(Math.abs(value - (expected!.data as Float32Array)[i]!)).toBeLessThanOrEqual(bound);
    });
  });

  it('takes activations of one, three and four dimensions', async () => {
    for (const dims of [[32], [2, 3, 32], [2, 1, 3, 32]]) {
      const shape = (last: number): string => `float32[${[...dims.slice(0, -1), last].join()}]`;
      const y = dims.length === 1 ? 'float32[40]' : shape(40);
      await expectClose(product({ inputs: { x: shape(32) }, outputs: { y } }), { x: seededFloats(dims) });
    }
  });

  it('reports bytes before and after, scales included', () => {
    const { weights } = quantize(product(), DYNAMIC);
    expect(weights).toEqual([{ tensor: 'w', ops: ['MatMul'], dims: [32, 40], dtype: 'float32', scheme: 'int8-dynamic', bytesBefore: 5120, bytesAfter: 1280 + 160 }]);
  });

  it('shares the quantized activation among products, once for each graph', async () => {
    const source = buildModel({
      nodes: [
        ...['q', 'k', 'v'].map((name) => makeNode('MatMul', ['x', `w${name}`], [name])),
        makeNode('Add', ['q', 'k'], ['qk']), makeNode('Add', ['qk', 'v'], ['y']),
      ],
      initializers: { wq: weight([32, 40], 1), wk: weight([32, 40], 2), wv: weight([32, 40], 3) },
      inputs: { x: 'float32[N,32]' },
      outputs: { y: 'float32[N,40]' },
    });
    const { model } = await expectClose(source, { x: seededFloats([2, 32]) });
    expect(opTypes(model).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1);
  });

  it('keeps a weight that two products read one tensor', async () => {
    const source = product({
      nodes: [makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Relu', ['x'], ['n']), makeNode('MatMul', ['n', 'w'], ['b']), makeNode('Add', ['a', 'b'], ['y'])],
    });
    const { model, weights } = await expectClose(source, { x: seededFloats([2, 32]) });
    expect(opTypes(model).filter((op) => op === 'MatMulInteger')).toHaveLength(2);
    expect(model.proto.graph!.initializer.map((proto) => proto.name)).toEqual(['w_q', 'w_s']);
    expect(weights).toHaveLength(1);
  });

  it.each<[string, Partial<ModelParts>]>([
    ['on the left side', { nodes: [makeNode('MatMul', ['w', 'x'], ['y'])], inputs: { x: 'float32[40,N]' }, outputs: { y: 'float32[32,N]' } }],
    ['on both sides', { nodes: [makeNode('MatMul', ['w', 'w'], ['s']), makeNode('Add', ['s', 'x'], ['y'])], initializers: { w: weight([32, 32]) }, inputs: { x: 'float32[32,32]' }, outputs: { y: 'float32[32,32]' } }],
    ['of three dimensions', { initializers: { w: weight([2, 32, 20]) }, outputs: { y: 'float32[2,N,20]' } }],
    ['below 1024 elements', { initializers: { w: weight([32, 31]) }, outputs: { y: 'float32[N,31]' } }],
    ['that is also read as a value', { nodes: [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('ReduceSum', ['w'], ['r']), makeNode('Add', ['m', 'r'], ['y'])] }],
    ['that is an output', { outputs: { y: 'float32[N,40]', w: 'float32[32,40]' } }],
    ['of another domain\'s operator', { nodes: [makeNode('FusedMatMul', ['x', 'w'], ['y'], {}, { domain: 'com.microsoft' })], domains: { 'com.microsoft': 1 } }],
  ])('leaves a weight %s', async (_, parts) => {
    const source = product(parts);
    const { model, weights } = quantize(source, DYNAMIC);
    expect(opTypes(model)).not.toContain('MatMulInteger');
    expect(weights.map(({ scheme }) => scheme)).toEqual(['kept']);
    await runModel(model, feedsOf(source));
  });

  it('quantizes an initializer on the left side as the activation that it is', async () => {
    const source = buildModel({
      nodes: [makeNode('MatMul', ['a', 'w'], ['m']), makeNode('Add', ['m', 'x'], ['y'])],
      initializers: { a: weight([33, 32], 9), w: weight([32, 40]) },
      inputs: { x: 'float32[33,40]' },
      outputs: { y: 'float32[33,40]' },
    });
    for (const format of ['int8', 'int8-dynamic'] as const) await expectClose(source, { x: seededFloats([33, 40]) }, { format });
  });

  it('only takes operators that were asked for', () => {
    expect(quantize(product(), { ...DYNAMIC, ops: ['Gather', 'Gemm', 'Conv'] }).weights[0]!.scheme).toBe('kept');
  });

  it.each([['product'], ['w'], ['pro*']])('leaves what %s names', async (pattern) => {
    const { weights, model } = quantize(product(), { ...DYNAMIC, exclude: [pattern] });
    expect(weights[0]).toMatchObject({ scheme: 'kept', reason: 'excluded by name' });
    expect(opTypes(model)).toEqual(['MatMul']);
  });
});

describe('Gemm', () => {
  const gemm = (attributes: Parameters<typeof makeNode>[3], { bias = true, dims = [32, 40] as number[], ops = {} as Partial<QuantizeOptions> } = {}) => ({
    options: { ...DYNAMIC, ...ops },
    source: product({
      nodes: [makeNode('Gemm', ['x', 'w', ...(bias ? ['b'] : [])], ['y'], attributes, { name: 'product' })],
      initializers: { w: weight(dims), ...(bias && { b: weight([40], 8) }) },
    }),
  });

  it.each([
    ['plain', gemm({})], ['with transB', gemm({ transB: 1n }, { dims: [40, 32] })], ['without bias', gemm({}, { bias: false })],
    ['with transB, without bias, beta 2', gemm({ transB: 1n, beta: { float: 2 } }, { dims: [40, 32], bias: false })],
    ['alone', gemm({}, { ops: { ops: ['Gemm'] } })],
  ])('%s becomes a product in integers', async (_, { source, options }) => {
    const result = await expectClose(source, { x: seededFloats([2, 32]) }, options);
    expect(opTypes(result.model).slice(0, 2)).toEqual(['DynamicQuantizeLinear', 'MatMulInteger']);
    expect(result.weights[0]).toMatchObject({ tensor: 'w', dims: [32, 40], scheme: 'int8-dynamic' });
  });

  it('with transB has the scales of its rows', () => {
    const { source } = gemm({ transB: 1n }, { dims: [40, 32] });
    const w = elementsOf(source, source.proto.graph!.initializer[0]!);
    const scales = numbersOf(quantize(source, DYNAMIC).model, 'w_s');
    expect(scales).toEqual(Array.from({ length: 40 }, (_, row) => Math.fround((2 * Math.max(...w.slice(row * 32, row * 32 + 32).map(Math.abs))) / 254)));
  });

  it.each([
    ['alpha 2', gemm({ alpha: { float: 2 } })], ['beta 2', gemm({ beta: { float: 2 } })], ['not among the operators', gemm({}, { ops: { ops: ['MatMul'] } })],
    ['excluded', gemm({}, { ops: { exclude: ['product'] } })], ['too small', gemm({}, { dims: [32, 31], bias: false })],
  ])('with %s stays as it is', (_, { source, options }) => {
    const { model, weights } = quantize(source, options);
    expect(opTypes(model)).toEqual(['Gemm']);
    expect(weights.map(({ scheme }) => scheme)).not.toContain('int8-dynamic');
  });

  it('with transA stays as it is', () => {
    const { model } = quantize(product({ nodes: [makeNode('Gemm', ['x', 'w'], ['y'], { transA: 1n })], inputs: { x: 'float32[32,N]' } }), DYNAMIC);
    expect(opTypes(model)).toEqual(['Gemm']);
  });

  it('whose matrix has other readers stays, and the matrix with it', async () => {
    const source = product({
      nodes: [makeNode('Gemm', ['x', 'w'], ['a'], { transB: 1n }), makeNode('MatMul', ['a', 'w'], ['y'])],
      inputs: { x: 'float32[N,40]' },
      initializers: { w: weight([32, 40]) },
    });
    const { model } = quantize(source, DYNAMIC);
    expect(opTypes(model)).toEqual(['Gemm', 'MatMul']);
    expect(readPayload(tensorOf(model, initializer(model, 'w')))).toEqual(readPayload(tensorOf(source, source.proto.graph!.initializer[0]!)));
  });
});

describe('an embedding', () => {
  const table = weight([64, 24]);
  const gather = (parts: Partial<ModelParts> = {}): Model => buildModel({
    nodes: [makeNode('Gather', ['w', 'ids'], ['y'], {}, { name: 'embed' })],
    initializers: { w: table },
    inputs: { ids: 'int64[A,B]' },
    outputs: { y: 'float32[A,B,24]' },
    ...parts,
  });

  it('gives rows times their scales, exactly', async () => {
    const result = quantize(gather(), DYNAMIC);
    expect(opTypes(result.model)).toEqual(['Gather', 'Gather', 'Cast', 'Cast', 'Mul']);
    const [q, s] = [numbersOf(result.model, 'w_q'), numbersOf(result.model, 'w_s')];
    const rows = [0, 63, -1, 5];
    const { y } = await runModel(result.bytes, { ids: longs([2, 2], rows) });
    expect(y!.dims).toEqual([2, 2, 24]);
    const expected = rows.flatMap((row) => Array.from({ length: 24 }, (_, i) => Math.fround(q[((row + 64) % 64) * 24 + i]! * s[(row + 64) % 64]!)));
    expect([...(y!.data as Float32Array)]).toEqual(expected);
  });

  it('has one float16 scale for each row', () => {
    const { model, weights } = quantize(gather(), DYNAMIC);
    expect(tensorOf(model, initializer(model, 'w_s'))).toMatchObject({ dtype: 'float16', dims: [64, 1] });
    expect(weights[0]!.bytesAfter).toBe(64 * 24 + 64 * 2);
  });

  it.each<[string, Partial<ModelParts>, Feeds]>([
    ['a scalar index', { inputs: { ids: 'int64[]' }, outputs: { y: 'float32[24]' } }, { ids: longs([], [3]) }],
    ['an axis that counts from the end', { nodes: [makeNode('Gather', ['w', 'ids'], ['y'], { axis: -2n })] }, { ids: longs([1, 2], [3, 4]) }],
    ['three dimensions', { initializers: { w: weight([16, 8, 24]) }, outputs: { y: 'float32[A,B,8,24]' } }, { ids: longs([1, 2], [3, 4]) }],
  ])('with %s', async (_, parts, feeds) => {
    const { weights } = await expectClose(gather(parts), feeds);
    expect(weights[0]!.scheme).toBe('int8-dynamic');
  });

  it.each<[string, Partial<ModelParts>]>([
    ['along axis 1', { nodes: [makeNode('Gather', ['w', 'ids'], ['y'], { axis: 1n })], outputs: { y: 'float32[64,A,B]' } }],
    ['along axis -1', { nodes: [makeNode('Gather', ['w', 'ids'], ['y'], { axis: -1n })], outputs: { y: 'float32[64,A,B]' } }],
    ['of a vector', { initializers: { w: weight([2000]) }, outputs: { y: 'float32[A,B]' } }],
  ])('%s stays float32', (_, parts) => {
    expect(quantize(gather(parts), DYNAMIC).weights[0]!.scheme).toBe('kept');
  });

  const tied = (parts: Partial<ModelParts> = {}): Model => gather({
    nodes: [makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['e', 't'], ['y'], {}, { name: 'lm_head' })],
    outputs: { y: 'float32[A,B,64]' },
    ...parts,
  });

  it('that is tied to the head stays one tensor', async () => {
    const { model, weights } = await expectClose(tied(), { ids: longs([1, 5], [3, 4, 63, 0, 7]) });
    expect(model.proto.graph!.initializer.filter((proto) => elementsOf(model, proto).length >= 64 * 24)).toHaveLength(1);
    expect(weights).toMatchObject([{ ops: ['Gather', 'Transpose'], scheme: 'int8-dynamic' }]);
    expect(opTypes(model)).toContain('MatMulInteger');
  });

  it('that is tied to a head without a permutation attribute, or to two heads', async () => {
    const nodes = [makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['t']), makeNode('MatMul', ['e', 't'], ['a']), makeNode('Neg', ['e'], ['n']), makeNode('MatMul', ['n', 't'], ['b']), makeNode('Sub', ['a', 'b'], ['y'])];
    const { model } = await expectClose(tied({ nodes }), { ids: longs([1, 2], [3, 4]) });
    expect(opTypes(model).filter((op) => op === 'MatMulInteger')).toHaveLength(2);
  });

  it('stays float32 when the head behind the transposition is excluded', () => {
    const { weights, model } = quantize(tied(), { ...DYNAMIC, exclude: ['lm_head*'] });
    expect(weights).toMatchObject([{ scheme: 'kept', reason: 'excluded by name' }]);
    expect(opTypes(model)).toEqual(['Gather', 'Transpose', 'MatMul']);
  });

  it('stays float32 when the transposed table is read as a value too', () => {
    const nodes = [makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['t']), makeNode('MatMul', ['e', 't'], ['a']), makeNode('ReduceSum', ['t'], ['r']), makeNode('Add', ['a', 'r'], ['y'])];
    expect(quantize(tied({ nodes }), DYNAMIC).weights[0]!.scheme).toBe('kept');
  });
});

describe('Conv', () => {
  const conv = (dims: number[], attributes: Parameters<typeof makeNode>[3], { bias = true, x = [1, 8, 9, 9] } = {}) => ({
    source: buildModel({
      nodes: [makeNode('Conv', ['x', 'w', ...(bias ? ['b'] : [])], ['y'], attributes)],
      initializers: { w: weight(dims), ...(bias && { b: weight([dims[0]!], 8) }) },
      inputs: { x: `float32[${x.map((_, i) => (i === 1 ? x[1] : `d${i}`)).join()}]` },
      outputs: { y: `float32[${x.map((_, i) => `o${i}`).join()}]` },
    }),
    feeds: { x: seededFloats(x) },
  });
  const asked = { ...DYNAMIC, ops: ['Conv'] } as Partial<QuantizeOptions>;

  it.each([
    ['plain', conv([16, 8, 3, 3], {})],
    ['padded, with strides and dilations', conv([16, 8, 3, 3], { pads: [1, 2, 2, 1], strides: [2, 1], dilations: [2, 2] })],
    ['padded by the rule', conv([16, 8, 3, 3], { auto_pad: 'SAME_UPPER' })],
    ['without bias', conv([16, 8, 3, 3], {}, { bias: false })],
    ['in groups', conv([32, 4, 3, 3], { group: 2n })],
    ['depth-wise', conv([128, 1, 3, 3], { group: 128n }, { x: [1, 128, 5, 5] })],
    ['one-dimensional', conv([16, 8, 9], { pads: [4, 4] }, { x: [1, 8, 30] })],
    ['three-dimensional', conv([16, 8, 2, 3, 2], {}, { x: [1, 8, 4, 4, 4], bias: false })],
  ])('%s, when it is asked for', async (_, { source, feeds }) => {
    const result = await expectClose(source, feeds, asked);
    expect(opTypes(result.model)).toContain('ConvInteger');
    expect(tensorOf(result.model, initializer(result.model, 'w_q')).dtype).toBe('uint8');
    expect(numbersOf(result.model, 'zero_point_128')).toEqual([128]);
  });

  it('is left alone otherwise', () => {
    const { source } = conv([16, 8, 3, 3], {});
    expect(opTypes(quantize(source, DYNAMIC).model)).toEqual(['Conv']);
  });

  it('shares the activation, and the zero point within a graph', async () => {
    const source = buildModel({
      nodes: [makeNode('Conv', ['x', 'v'], ['a']), makeNode('Conv', ['x', 'w'], ['b']), makeNode('Add', ['a', 'b'], ['y'])],
      initializers: { v: weight([16, 8, 3, 3], 1), w: weight([16, 8, 3, 3], 2) },
      inputs: { x: 'float32[N,8,9,9]' },
      outputs: { y: 'float32[N,16,7,7]' },
    });
    const { model } = await expectClose(source, { x: seededFloats([1, 8, 9, 9]) }, asked);
    expect(opTypes(model).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1);
    expect(model.proto.graph!.initializer.filter((proto) => proto.name.startsWith('zero_point'))).toHaveLength(1);
  });

  it('is computed as ConvInteger is defined', async () => {
    const { source } = conv([16, 8, 3, 3], { pads: [1, 1, 1, 1] }, { bias: false });
    const { bytes, model } = quantize(source, asked);
    const x = seededFloats([1, 8, 9, 9]);
    const { y } = await runModel(bytes, { x });
    const { values, scale, zeroPoint } = quantizeActivation(x.data as Float32Array);
    const [q, s] = [numbersOf(model, 'w_q'), numbersOf(model, 'w_s')];
    const expected: number[] = [];
    for (let out = 0; out < 16; out++) for (let i = 0; i < 9; i++) for (let j = 0; j < 9; j++) {
      let sum = 0;
      for (let c = 0; c < 8; c++) for (let u = 0; u < 3; u++) for (let v = 0; v < 3; v++) {
        const [row, column] = [i + u - 1, j + v - 1];
        if (row < 0 || column < 0 || row > 8 || column > 8) continue;
        sum += (values[(c * 9 + row) * 9 + column]! - zeroPoint) * (q[((out * 8 + c) * 3 + u) * 3 + v]! - 128);
      }
      expected.push(Math.fround(Math.fround(sum) * Math.fround(scale * s[out]!)));
    }
    expect([...(y!.data as Float32Array)]).toEqual(expected);
  });
});

describe('subgraphs', () => {
  /** A product in both branches of If: one with a weight of the main graph, one with its own. */
  const branches = (parts: Partial<ModelParts> = {}): Model => product({
    nodes: [
      makeNode('MatMul', ['x', 'w'], ['outside']),
      makeNode('If', ['flag'], ['inside'], {
        then_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'w'], ['t'])], outputs: { t: 'float32[N,40]' } }),
        else_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'own'], ['e'])], initializers: { own: weight([32, 40], 5) }, outputs: { e: 'float32[N,40]' } }),
      }, { name: 'choice' }),
      makeNode('Add', ['outside', 'inside'], ['y']),
    ],
    inputs: { x: 'float32[N,32]', flag: 'bool[]' },
    ...parts,
  });

  it.each([true, false])('of If(%s) compute with weights of their own and of the graph around', async (flag) => {
    const feeds = { x: seededFloats([2, 32]), flag: bool(flag) };
    const { model, weights } = await expectClose(branches(), feeds);
    const nodes = scopesOf(model).map(({ graph }) => graph.node.map((node) => node.opType));
    expect(nodes.filter((ops) => ops.includes('MatMulInteger') && ops.includes('DynamicQuantizeLinear'))).toHaveLength(3);
    expect(weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual([['w', 'int8-dynamic'], ['choice/else_branch/own', 'int8-dynamic']]);
  });

  it('of Loop read a Gemm\'s matrix of the graph around', async () => {
    const body = buildGraph({
      nodes: [makeNode('Gemm', ['state', 'w'], ['next'], { transB: 1n }, { name: 'step' }), makeNode('Identity', ['go'], ['going'])],
      inputs: { i: 'int64[]', go: 'bool[]', state: 'float32[2,32]' },
      outputs: { going: 'bool[]', next: 'float32[2,32]' },
    });
    const source = product({ nodes: [makeNode('Loop', ['count', '', 'x'], ['y'], { body })], initializers: { w: weight([32, 32]), count: ints([], [2]) }, inputs: { x: 'float32[2,32]' }, outputs: { y: 'float32[2,32]' } });
    const { weights } = await expectClose(source, { x: seededFloats([2, 32]) });
    expect(weights[0]).toMatchObject({ tensor: 'w', scheme: 'int8-dynamic' });
  });

  it('have a zero point for convolutions of their own', async () => {
    const branch = (output: string): ReturnType<typeof buildGraph> => buildGraph({ nodes: [makeNode('Conv', ['x', 'w'], [output])], outputs: { [output]: 'float32[1,16,7,7]' } });
    const source = product({
      nodes: [makeNode('If', ['flag'], ['y'], { then_branch: branch('t'), else_branch: branch('e') })],
      initializers: { w: weight([16, 8, 3, 3]) },
      inputs: { x: 'float32[1,8,9,9]', flag: 'bool[]' },
      outputs: { y: 'float32[1,16,7,7]' },
    });
    for (const flag of [true, false]) await expectClose(source, { x: seededFloats([1, 8, 9, 9]), flag: bool(flag) }, { ...DYNAMIC, ops: ['Conv'] });
  });
});

describe('older opsets', () => {
  it.each([9, 10])('%i is converted, other operators with it', async (opset) => {
    const nodes = [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Clip', ['m'], ['y'], { min: { float: -12 }, max: { float: 12 } })];
    const { model, notes } = await expectClose(product({ opset, ir: 4, nodes }), { x: seededFloats([2, 32]) });
    expect(opsetVersion(model.proto)).toBe(11);
    expect(notes).toEqual([]);
  });

  const refused = (): Model => product({
    opset: 10,
    domains: { 'ai.onnx.ml': 1 },
    nodes: [makeNode('NotAnOperator', ['x'], ['z'], {}, { name: 'strange' }), makeNode('Gemm', ['z', 'w'], ['y'], { transB: 1n })],
    initializers: { w: weight([40, 32]) },
  });

  it('that cannot be converted are left as they are, with a note that names the node', () => {
    const { notes, weights, model } = quantize(refused(), DYNAMIC);
    expect(notes[0]).toMatch(/^No integer arithmetic: opset 11 is needed, and .*NotAnOperator.*strange/);
    expect(weights[0]).toMatchObject({ scheme: 'kept', dims: [40, 32] });
    expect(opTypes(model)).toEqual(['NotAnOperator', 'Gemm']);
  });

  it('that cannot be converted still get small storage as int8', () => {
    const { weights } = quantize(refused(), { format: 'int8' });
    expect(weights[0]!.scheme).toBe('int8-storage');
  });

  it('are not converted when there is nothing to compute in integers', () => {
    const source = product({ opset: 9, ir: 4, initializers: { w: weight([32, 31]) }, outputs: { y: 'float32[N,31]' } });
    expect(opsetVersion(quantize(source, DYNAMIC).model.proto)).toBe(9);
  });

  it('a model without any opset is told apart', () => {
    const source = product();
    source.proto.opsetImport = [];
    expect(quantize(bytesOf(source), DYNAMIC).notes[0]).toContain('does not say which opset');
  });
});

function bool(value: boolean): ort.Tensor {
  return new ort.Tensor('bool', [value], []);
}

/** Seeded values for float32 inputs, a symbolic dimension being 2. */
function feedsOf(model: Model): Feeds {
  return Object.fromEntries(inputSignatures(model.proto.graph!).map(({ name, dims }) => [name, seededFloats(dims!.map((dim) => (typeof dim === 'number' ? dim : 2)))]));
}

/** Runs source and artefact in onnxruntime-node, node by node and optimized, and bounds the error by a share of the largest output. */
async function expectClose(source: Model, feeds: Feeds, options: Partial<QuantizeOptions> = DYNAMIC): Promise<Quantized> {
  const result = quantize(source, options);
  const expected = await runModel(source, feeds);
  const plain = await runModel(result.bytes, feeds);
  const optimized = await runModel(quantize(source, { ...options, keepNames: false }).bytes, feeds, 'all');
  for (const found of [plain, optimized]) expectNear(found, expected);
  return result;
}

/**
 * Two roundings to 8 bits, of weights (1 / 254 of the column's largest) and activations (1 / 510 of their range), with errors of random
 * sign: 2 % of the largest output leaves room for sums of two products and rules out a wrong scale, axis or zero point.
 */
function expectNear(found: Outputs, expected: Outputs): void {
  for (const [name, { data, dims, dtype }] of Object.entries(expected)) {
    expect(found[name]).toMatchObject({ dims, dtype });
    const values = Array.from(data as Float32Array);
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    (found[name]!.data as Float32Array).forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(0.02 * largest));
  }
}

/** DynamicQuantizeLinear of the standard: float32 arithmetic, round half to even, saturation. */
function quantizeActivation(x: Float32Array): { values: number[]; scale: number; zeroPoint: number } {
  const [min, max] = [Math.min(0, ...x), Math.max(0, ...x)];
  const range = Math.fround(max - min);
  const scale = range === 0 ? 1 : Math.fround(range / 255);
  const even = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const saturate = (v: number): number => Math.min(255, Math.max(0, v));
  const zeroPoint = saturate(even(Math.fround(-min / scale)));
  return { scale, zeroPoint, values: Array.from(x, (v) => saturate(even(Math.fround(v / scale)) + zeroPoint)) };
}

function integerProduct(x: Float32Array, rows: number, K: number, N: number, q: number[], s: number[]): number[] {
  const { values, scale, zeroPoint } = quantizeActivation(x);
  return Array.from({ length: rows * N }, (_, i) => {
    const [row, column] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += (values[row * K + k]! - zeroPoint) * q[k * N + column]!;
    return Math.fround(Math.fround(sum) * Math.fround(scale * s[column]!));
  });
}
