import * as fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildModel, type ModelParts } from '../../../../test/support/build-model.ts';
import { DYNAMIC, expectClose, feedsOf, integerProduct, product, weight } from '../../../../test/support/integer-arithmetic.ts';
import { elementsOf, initializer, numbersOf, opTypes, quantize } from '../../../../test/support/quantize-model.ts';
import { longs, runModel, seededFloats, type Feeds } from '../../../../test/support/run-model.ts';
import { makeNode } from '../graph/index.ts';
import { readPayload, tensorOf, type Model } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

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
      const { format } = await expectClose(product({ inputs: { x: shape(32) }, outputs: { y } }), { x: seededFloats(dims) });
      expect(format).toBe('int8-dynamic');
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
    for (const format of ['int8', 'int8-dynamic'] as const) {
      const { weights } = await expectClose(source, { x: seededFloats([33, 40]) }, { format });
      expect(weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual([['w', 'int8-dynamic'], ['a', 'kept']]);
    }
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

  it('stays float32 when the transposed table is an output', () => {
    const source = tied({ outputs: { y: 'float32[A,B,64]', t: 'float32[24,64]' } });
    expect(quantize(source, DYNAMIC).weights[0]!.scheme).toBe('kept');
  });

  it('stays float32 when the transposed table is read as a value too', () => {
    const nodes = [makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['t']), makeNode('MatMul', ['e', 't'], ['a']), makeNode('ReduceSum', ['t'], ['r']), makeNode('Add', ['a', 'r'], ['y'])];
    expect(quantize(tied({ nodes }), DYNAMIC).weights[0]!.scheme).toBe('kept');
  });
});
