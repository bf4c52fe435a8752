import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, type ModelParts } from '../../../../test/support/build-model.ts';
import { bool, weight } from '../../../../test/support/integer-arithmetic.ts';
import { outputsOf, storedAsFloats } from '../../../../test/support/packed-weights.ts';
import { initializer, opTypes, quantize, type Quantized } from '../../../../test/support/quantize-model.ts';
import { bytesOf, longs, seededFloats, type Feeds } from '../../../../test/support/run-model.ts';
import { findEngines } from '../evaluate/index.ts';
import { findAttribute, intAttribute, makeNode, scopesOf } from '../graph/index.ts';
import { tensorOf, type Model, type NodeProto } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

type Options = Partial<QuantizeOptions>;

/** Nothing is kept in 8 bits unasked, so that small models have 4. */
const INT4: Options = { format: 'int4', mixed: [] };
const INT8: Options = { format: 'int8-weight' };

const model = (nodes: NodeProto[], parts: Partial<ModelParts> = {}): Model => buildModel({ nodes, outputs: { y: 'float32' }, ...parts });
const product = (rows: number, columns: number): Model =>
  model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([rows, columns]) }, inputs: { x: `float32[2,${rows}]` } });
const embedding = (rows: number, columns: number): Model =>
  model([makeNode('Gather', ['w', 'ids'], ['y'])], { initializers: { w: weight([rows, columns]) }, inputs: { ids: 'int64[2,3]' } });
const ids = longs([2, 3], [0, 5, 127, 64, 5, 1]);

const tied = (): Model => model([
  makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['wt'], { perm: [1, 0] }), makeNode('MatMul', ['e', 'wt'], ['y']),
], { initializers: { w: weight([128, 64]) }, inputs: { ids: 'int64[2,3]' } });

/** A matrix of the main graph that a branch reads, and one of the branch's own. */
const branches = (): Model => {
  const inner = (nodes: NodeProto[], own: Record<string, ReturnType<typeof weight>> = {}): ReturnType<typeof buildGraph> => buildGraph({ nodes, initializers: own, outputs: { b: 'float32' } });
  const node = makeNode('If', ['c'], ['y'], {
    then_branch: inner([makeNode('MatMul', ['x', 'w'], ['b'])]),
    else_branch: inner([makeNode('MatMul', ['x', 'v'], ['b'])], { v: weight([64, 64], 8) }),
  });
  return model([node], { initializers: { w: weight([64, 64]) }, inputs: { x: 'float32[2,64]', c: 'bool[]' } });
};

interface Case {
  source: Model;
  feeds: Feeds;
  ops: string[];
}

const CASES: Record<string, Case> = {
  'MatMul': { source: product(64, 80), feeds: { x: seededFloats([2, 64]) }, ops: ['Cast', 'MatMulNBits'] },
  'MatMul whose last block is not full': { source: product(70, 80), feeds: { x: seededFloats([2, 70]) }, ops: ['Cast', 'MatMulNBits'] },
  'MatMul with an odd number of rows': { source: product(75, 60), feeds: { x: seededFloats([2, 75]) }, ops: ['Cast', 'MatMulNBits'] },
  'MatMul with fewer rows than a block': { source: product(20, 300), feeds: { x: seededFloats([2, 20]) }, ops: ['Cast', 'MatMulNBits'] },
  'MatMul with an odd number of blocks': { source: product(96, 48), feeds: { x: seededFloats([2, 96]) }, ops: ['Cast', 'MatMulNBits'] },
  'two products of one matrix': {
    source: model([makeNode('MatMul', ['x', 'w'], ['a']), makeNode('MatMul', ['a', 'w'], ['y'])], { initializers: { w: weight([64, 64]) }, inputs: { x: 'float32[2,64]' } }),
    feeds: { x: seededFloats([2, 64]) }, ops: ['Cast', 'MatMulNBits', 'MatMulNBits'],
  },
  'Gemm with a bias': {
    source: model([makeNode('Gemm', ['x', 'w', 'b'], ['y'])], { initializers: { w: weight([64, 80]), b: weight([80], 4) }, inputs: { x: 'float32[2,64]' } }),
    feeds: { x: seededFloats([2, 64]) }, ops: ['Cast', 'MatMulNBits', 'Add'],
  },
  'Gemm of a transposed matrix': {
    source: model([makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1n })], { initializers: { w: weight([80, 64]) }, inputs: { x: 'float32[2,64]' } }),
    feeds: { x: seededFloats([2, 64]) }, ops: ['Cast', 'MatMulNBits'],
  },
  'Gather': { source: embedding(128, 64), feeds: { ids }, ops: ['Cast', 'GatherBlockQuantized'] },
  'Gather of rows that are whole blocks of 16 only': { source: embedding(128, 48), feeds: { ids }, ops: ['Cast', 'GatherBlockQuantized'] },
  'Gather along the axis -2': {
    source: model([makeNode('Gather', ['w', 'ids'], ['y'], { axis: -2n })], { initializers: { w: weight([128, 64]) }, inputs: { ids: 'int64[2,3]' } }),
    feeds: { ids }, ops: ['Cast', 'GatherBlockQuantized'],
  },
  'embedding and head in one': { source: tied(), feeds: { ids }, ops: ['Cast', 'GatherBlockQuantized', 'Reshape', 'MatMulNBits'] },
  'branch that reads an outer matrix': { source: branches(), feeds: { x: seededFloats([2, 64]), c: bool(true) }, ops: ['Cast', 'If'] },
  'branch with a matrix of its own': { source: branches(), feeds: { x: seededFloats([2, 64]), c: bool(false) }, ops: ['Cast', 'If'] },
};

const VARIANTS: [string, Options][] = [
  ['4 bits', INT4], ['4 bits, symmetric', { ...INT4, symmetric: true }], ['8 bits', INT8], ['8 bits, zero points', { ...INT8, symmetric: false }],
];

it('both engines are here', async () => {
  const { engines } = await findEngines();
  expect(engines.map(({ name }) => name)).toEqual(['onnxruntime-node', 'onnxruntime-web']);
});

describe.each(VARIANTS)('%s', (_, options) => {
  it.each(Object.entries(CASES))('%s computes with the numbers that are stored', async (_, { source, feeds, ops }) => {
    const result = quantize(source, options);
    expect(result.format).toBe(options.format);
    expect(opTypes(result.model)).toEqual(ops);
    await expectStoredNumbers(source, result, feeds);
  });

  it.each([16, 32, 64, 128, 256])('in blocks of %i', async (block) => {
    const source = product(512, 32);
    const result = quantize(source, { ...options, block });
    expect(intAttribute(result.model.proto.graph!.node[1]!, 'block_size', 0)).toBe(block);
    await expectStoredNumbers(source, result, { x: seededFloats([2, 512]) });
    await expectStoredNumbers(embedding(128, 256), quantize(embedding(128, 256), { ...options, block }), { ids });
  });

  it('counts the bytes that are stored', () => {
    for (const { source } of Object.values(CASES)) {
      const { weights, model: artefact } = quantize(source, options);
      const stored = scopesOf(artefact).flatMap(({ graph }) => graph.initializer).filter(({ name }) => /_[qsz]$/.test(name)).map((proto) => tensorOf(artefact, proto).byteLength);
      const counted = weights.filter(({ scheme }) => scheme !== 'kept').map(({ bytesAfter }) => bytesAfter);
      expect(counted.reduce((a, b) => a + b, 0)).toBe(stored.reduce((a, b) => a + b, 0));
    }
  });
});

describe('the layout', () => {
  it('is [N, blocks, block bytes], [N, blocks] and [N, blocks / 2]; scales are half precision behind a Cast', () => {
    const { model: artefact } = quantize(product(90, 80), INT4);
    const dims = (name: string): readonly number[] => tensorOf(artefact, initializer(artefact, name)).dims;
    expect([dims('w_q'), dims('w_s'), dims('w_z')]).toEqual([[80, 3, 16], [80, 3], [80, 2]]);
    const [cast, matmul] = artefact.proto.graph!.node;
    expect([cast!.input, cast!.output, matmul!.input]).toEqual([['w_s'], ['w_f'], ['x', 'w_q', 'w_f', 'w_z']]);
    expect(['K', 'N', 'bits', 'block_size'].map((name) => intAttribute(matmul!, name, 0))).toEqual([90, 80, 4, 32]);
  });

  it('leaves out zero points that are all the middle', () => {
    const { model: artefact } = quantize(product(64, 80), { ...INT4, symmetric: true });
    expect(artefact.proto.graph!.node[1]!.input).toEqual(['x', 'w_q', 'w_f']);
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toEqual(['w_q', 'w_s']);
  });

  it('stores an embedding that is also a head once', () => {
    const { model: artefact, weights } = quantize(tied(), INT4);
    expect(weights).toMatchObject([{ tensor: 'w', scheme: 'int4', ops: ['Gather', 'Transpose'] }]);
    expect(artefact.proto.graph!.initializer.filter(({ name }) => name === 'w_q')).toHaveLength(1);
  });

  it('has no attribute for 4-bit embeddings that older releases refuse', () => {
    const bitsOf = (options: Options): unknown => findAttribute(quantize(embedding(128, 64), options).model.proto.graph!.node[1]!, 'bits')?.i;
    expect(bitsOf(INT4)).toBeUndefined();
    expect(bitsOf(INT8)).toBe(8n);
  });

  it('takes the blocks up to the wanted size that take the fewest bytes, and none below 16 rows', () => {
    const blockOf = (rows: number): number => intAttribute(quantize(product(rows, 512), { ...INT4, block: 256 }).model.proto.graph!.node[1]!, 'block_size', 0);
    // 320 rows are three blocks of 128 with 64 bytes, two and a half of them empty, or five of 64.
    expect([512, 320, 250, 129, 128, 65, 64, 33, 17, 16].map(blockOf)).toEqual([256, 64, 256, 32, 128, 16, 64, 16, 32, 16]);
    expect(quantize(product(15, 512), INT4).weights[0]!.scheme).toBe('int8-storage');
  });
});

describe('left to 8-bit storage are', () => {
  const scheme = (source: Model, options: Options = INT4): string => quantize(source, options).weights.find(({ tensor }) => tensor === 'w')!.scheme;
  const x = { x: 'float32[2,64]' };

  it.each<[string, Model]>([
    ['weights of few elements', product(64, 40)],
    ['rows of an embedding that are no whole blocks', embedding(128, 40)],
    ['columns that are gathered', model([makeNode('Gather', ['w', 'ids'], ['y'], { axis: 1n })], { initializers: { w: weight([64, 128]) }, inputs: { ids: 'int64[2]' } })],
    ['matrices that are read along both axes', model([
      makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['a', 't'], ['y']),
    ], { initializers: { w: weight([64, 128]) }, inputs: x })],
    ['matrices on the left side', model([makeNode('MatMul', ['w', 'x'], ['y'])], { initializers: { w: weight([80, 64]) }, inputs: { x: 'float32[64,2]' } })],
    ['convolutions', model([makeNode('Conv', ['x', 'w'], ['y'])], { initializers: { w: weight([64, 16, 3, 3]) }, inputs: { x: 'float32[1,16,5,5]' } })],
  ])('%s', (_, source) => {
    expect(scheme(source)).toBe('int8-storage');
  });

  it('and what is excluded stays as it is', () => {
    expect(scheme(product(64, 80), { ...INT4, exclude: ['w'] })).toBe('kept');
  });
});

describe('int4-fp16', () => {
  const source = (): Model => model([makeNode('MatMul', ['x', 'w'], ['a'], {}, { name: 'first' }), makeNode('Relu', ['a'], ['b']), makeNode('MatMul', ['b', 'v'], ['y'])], {
    initializers: { w: weight([64, 80]), v: weight([80, 64], 6) }, inputs: { x: 'float32[2,64]' }, outputs: { y: 'float32[2,64]' },
  });
  const options: Options = { format: 'int4-fp16', mixed: [] };

  it('reads half-precision scales directly and casts at the borders only', () => {
    const { model: artefact, inputs, outputs } = quantize(source(), options);
    expect(opTypes(artefact)).toEqual(['Cast', 'MatMulNBits', 'Relu', 'MatMulNBits', 'Cast']);
    expect(artefact.proto.graph!.node[1]!.input.slice(1)).toEqual(['w_q', 'w_s', 'w_z']);
    expect([inputs[0]!.dtype, outputs[0]!.dtype]).toEqual(['float32', 'float32']);
  });

  it('keeps an excluded product in float32', () => {
    const { model: artefact } = quantize(source(), { ...options, exclude: ['first'] });
    expect(opTypes(artefact)).toEqual(['MatMul', 'Cast', 'Relu', 'MatMulNBits', 'Cast']);
  });

  it.each([['products', source(), { x: seededFloats([2, 64]) }], ['embedding and head in one', tied(), { ids }]] as [string, Model, Feeds][])('computes %s in both engines', async (_, model, feeds) => {
    const result = quantize(model, options);
    const [expected] = await outputsOf(storedAsFloats(model, result), feeds);
    const scale = Math.max(...expected!.map(Math.abs));
    for (const found of await outputsOf(result.bytes, feeds)) {
      // Products of half-precision numbers, with a relative error of 2^-11 each, in two layers of at most 80 terms.
      for (const [i, value] of found.entries()) expect(Math.abs(value - expected![i]!)).toBeLessThan(scale * 80 * 2 ** -11);
    }
  });
});

it('int8-weight is sixteen times as exact as int4', async () => {
  const source = product(256, 64);
  const feeds = { x: seededFloats([2, 256]) };
  const [exact] = await outputsOf(bytesOf(source), feeds);
  const error = async (options: Options): Promise<number> => {
    const [found] = await outputsOf(quantize(source, options).bytes, feeds);
    return Math.sqrt(found!.reduce((sum, value, i) => sum + (value - exact![i]!) ** 2, 0));
  };
  const [four, eight] = [await error({ ...INT4, symmetric: true }), await error(INT8)];
  expect(four / eight).toBeGreaterThan(8);
  expect(four / eight).toBeLessThan(32);
});

/** The artefact computes what the source computes with the weights that the artefact's bytes stand for, in both engines. */
async function expectStoredNumbers(source: Model, result: Quantized, feeds: Feeds): Promise<void> {
  const [expected] = await outputsOf(storedAsFloats(source, result), feeds);
  const scale = Math.max(...expected!.map(Math.abs));
  for (const found of await outputsOf(result.bytes, feeds)) {
    expect(found).toHaveLength(expected!.length);
    // Sums of at most 512 float32 products in another order.
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected![i]!)).toBeLessThanOrEqual(scale * 512 * 2 ** -24);
  }
}
