import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, type ModelParts } from '../../../../test/support/build-model.ts';
import { bool, weight } from '../../../../test/support/integer-arithmetic.ts';
import { countOps, optimizedModel } from '../../../../test/support/optimized-model.ts';
import { outputsOf } from '../../../../test/support/packed-weights.ts';
import { numbersOf, opTypes, quantize, type Quantized } from '../../../../test/support/quantize-model.ts';
import { bytesOf, longs, reread, seededFloats, type Feeds } from '../../../../test/support/run-model.ts';
import { makeNode, scopesOf } from '../graph/index.ts';
import { arrayTensor, setTensor, tensorOf, type Model, type NodeProto } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

const INT4: Partial<QuantizeOptions> = { format: 'int4-storage', mixed: [] };

const model = (nodes: NodeProto[], parts: Partial<ModelParts> = {}): Model => buildModel({ nodes, outputs: { y: 'float32' }, ...parts });
const embedding = (rows: number, columns: number, parts: Partial<ModelParts> = {}): Model =>
  model([makeNode('Gather', ['w', 'ids'], ['y'])], { initializers: { w: weight([rows, columns]) }, inputs: { ids: 'int64' }, ...parts });

interface Case {
  source: Model;
  feeds: Feeds;
  /** The weight as [outer, length, inner] with blocks of `size` along the middle. */
  layout: [outer: number, length: number, inner: number, size: number];
}

const CASES: Record<string, Case> = {
  'MatMul': {
    source: model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([64, 80]) }, inputs: { x: 'float32[2,64]' } }),
    feeds: { x: seededFloats([2, 64]) }, layout: [1, 64, 80, 32],
  },
  'MatMul whose rows are no multiple of 32': {
    source: model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([90, 64]) }, inputs: { x: 'float32[2,90]' } }),
    feeds: { x: seededFloats([2, 90]) }, layout: [1, 90, 64, 30],
  },
  'Gemm of a transposed matrix': {
    source: model([makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1n })], { initializers: { w: weight([80, 64]) }, inputs: { x: 'float32[2,64]' } }),
    feeds: { x: seededFloats([2, 64]) }, layout: [80, 64, 1, 32],
  },
  'Conv': {
    source: model([makeNode('Conv', ['x', 'w'], ['y'])], { initializers: { w: weight([32, 16, 3, 3]) }, inputs: { x: 'float32[1,16,5,5]' } }),
    feeds: { x: seededFloats([1, 16, 5, 5]) }, layout: [32, 144, 1, 36],
  },
  'LSTM': {
    source: model([makeNode('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 32n })], {
      initializers: { w: weight([1, 128, 48]), r: weight([1, 128, 32], 5) }, inputs: { x: 'float32[3,1,48]' }, outputs: { y: 'float32[3,1,1,32]' },
    }),
    feeds: { x: seededFloats([3, 1, 48]) }, layout: [1, 128 * 48, 1, 32],
  },
  'Gather': { source: embedding(128, 64), feeds: { ids: longs([2, 2], [0, 5, 127, 5]) }, layout: [128, 64, 1, 32] },
  'branch that reads an outer matrix': {
    source: model([makeNode('If', ['c'], ['y'], {
      then_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'w'], ['b'])], outputs: { b: 'float32' } }),
      else_branch: buildGraph({ nodes: [makeNode('Relu', ['x'], ['b'])], outputs: { b: 'float32' } }),
    })], { initializers: { w: weight([64, 80]) }, inputs: { x: 'float32[2,64]', c: 'bool[]' } }),
    feeds: { x: seededFloats([2, 64]), c: bool(true) }, layout: [1, 64, 80, 32],
  },
};

describe('int4-storage', () => {
  it.each(Object.entries(CASES))('%s computes with the numbers that are stored, and nothing is left to unpack after folding', async (_, { source, feeds, layout }) => {
    const result = quantize(source, INT4);
    expect(result.format).toBe('int4-storage');
    expect(result.weights[0]).toMatchObject({ tensor: 'w', scheme: 'int4-storage' });
    const folded = countOps(await optimizedModel(result.bytes, 'basic'));
    expect(folded).toEqual(countOps(await optimizedModel(bytesOf(source), 'basic')));
    await expectStored(source, result, feeds, layout);
  });

  it('has an int8 of 16 times each level, a float16 for each block, and counts their bytes', () => {
    const { model: artefact, weights } = quantize(CASES['MatMul']!.source, INT4);
    expect(opTypes(artefact)).toEqual(['BitShift', 'BitShift', 'BitShift', 'Concat', 'Cast', 'Cast', 'Cast', 'Mul', 'Mul', 'Reshape', 'MatMul']);
    const dims = Object.fromEntries(artefact.proto.graph!.initializer.map((proto) => [proto.name, tensorOf(artefact, proto).dims]));
    expect(dims).toEqual({ w_q: [2, 16, 80], w_s: [2, 1, 80], w_d: [2], four: [], sixteenth: [] });
    expect(weights[0]!.bytesAfter).toBe(2 * 16 * 80 + 2 * 2 * 80);
  });

  it.each([16, 32, 64, 128, 256])('in blocks of %i', async (block) => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([256, 32]) }, inputs: { x: 'float32[2,256]' } });
    const result = quantize(source, { ...INT4, block });
    expect(numbersOf(result.model, 'w_s')).toHaveLength((256 / block) * 32);
    await expectStored(source, result, { x: seededFloats([2, 256]) }, [1, 256, 32, block]);
  });

  it.each([[32, 62, 62], [32, 66, 22], [32, 34, 34], [32, 44, 22], [64, 120, 60], [256, 384, 192], [16, 30, 30]])('takes for blocks of %i of %i rows the divisor %i', (block, rows, size) => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([rows, 256]) }, inputs: { x: `float32[2,${rows}]` } });
    const { model: artefact, weights } = quantize(source, { ...INT4, block });
    expect(weights[0]!.scheme).toBe('int4-storage');
    expect(tensorOf(artefact, artefact.proto.graph!.initializer.find(({ name }) => name === 'w_s')!).dims).toEqual([rows / size, 1, 256]);
  });

  it.each<[string, Model]>([
    ['weights of few elements', model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([63, 64]) }, inputs: { x: 'float32[2,63]' } })],
    ['rows without a divisor', model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([67, 64]) }, inputs: { x: 'float32[2,67]' } })],
  ])('leaves %s to 8-bit storage', (_, source) => {
    expect(quantize(source, INT4).weights.find(({ tensor }) => tensor === 'w')!.scheme).toBe('int8-storage');
  });

  it('says that it is symmetric to who wants zero points', () => {
    expect(quantize(CASES['MatMul']!.source, { ...INT4, symmetric: false }).notes).toEqual([expect.stringMatching(/^int4-storage has symmetric blocks/)]);
    expect(quantize(CASES['MatMul']!.source, { ...INT4, symmetric: true }).notes).toEqual([]);
  });

  it('needs opset 11 and raises it, but not in models with operators that it cannot raise', () => {
    const old = (): Model => model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([64, 80]) }, inputs: { x: 'float32[2,64]' }, opset: 9 });
    expect(quantize(old(), INT4).weights[0]!.scheme).toBe('int4-storage');
    const { weights, notes } = quantize(model([makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Unknown', ['a'], ['y'])], {
      initializers: { w: weight([64, 80]) }, inputs: { x: 'float32[2,64]' }, opset: 9,
    }), INT4);
    expect(weights.find(({ tensor }) => tensor === 'w')!.scheme).toBe('int8-storage');
    expect(notes).toEqual([expect.stringMatching(/^No 4-bit storage: opset 11 is needed/)]);
  });
});

describe('a large embedding', () => {
  const rows = 1 << 15;
  const source = (): Model => embedding(rows, 32);

  it.each<[string, number[], number[]]>([
    ['one id', [], [7]], ['a list', [3], [0, rows - 1, 7]], ['a batch', [2, 2], [1, 2, 3, 4]], ['ids from the end', [2], [-1, -rows]], ['no ids', [0], []],
  ])('is unpacked after %s is gathered', async (_, dims, ids) => {
    const result = quantize(source(), INT4);
    expect(opTypes(result.model).slice(0, 4)).toEqual(['Gather', 'Gather', 'Shape', 'Concat']);
    await expectStored(source(), result, { ids: longs(dims, ids) }, [rows, 32, 1, 32]);
  });

  it('is never unpacked whole: the session keeps the packed bytes', async () => {
    const optimized = await optimizedModel(quantize(source(), INT4).bytes, 'basic');
    const sizes = optimized.proto.graph!.initializer.map((proto) => tensorOf(optimized, proto).byteLength);
    expect(Math.max(...sizes)).toBe((rows * 32) / 2);
  });

  it('is unpacked whole where a product reads it too', () => {
    const tied = model([makeNode('Gather', ['w', 'ids'], ['e']), makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['e', 't'], ['y'])], {
      initializers: { w: weight([rows, 32]) }, inputs: { ids: 'int64[2]' },
    });
    expect(opTypes(quantize(tied, INT4).model).slice(-4)).toEqual(['Reshape', 'Gather', 'Transpose', 'MatMul']);
  });

  it('is gathered in the branch that reads it', async () => {
    const branch = model([makeNode('If', ['c'], ['y'], {
      then_branch: buildGraph({ nodes: [makeNode('Gather', ['w', 'ids'], ['b'])], outputs: { b: 'float32' } }),
      else_branch: buildGraph({ nodes: [makeNode('Gather', ['w', 'others'], ['b'])], outputs: { b: 'float32' } }),
    })], { initializers: { w: weight([rows, 32]) }, inputs: { ids: 'int64[2]', others: 'int64[3]', c: 'bool[]' } });
    const result = quantize(branch, INT4);
    expect(opTypes(result.model)).toEqual(['If']);
    for (const c of [true, false]) {
      await expectStored(branch, result, { ids: longs([2], [1, 9]), others: longs([3], [4, 4, 5]), c: bool(c) }, [rows, 32, 1, 32]);
    }
  });
});

/** The artefact computes what the source computes with the weights that the artefact's bytes stand for, in both engines. */
async function expectStored(source: Model, result: Quantized, feeds: Feeds, layout: Case['layout']): Promise<void> {
  const changed = reread(source);
  for (const { graph } of scopesOf(changed)) {
    const proto = graph.initializer.find(({ name }) => name === 'w');
    if (proto !== undefined) setTensor(changed, proto, arrayTensor('float32', proto.dims.map(Number), unpack(result.model, layout)));
  }
  // The other weight of the LSTM is stored too.
  const others = result.weights.filter(({ tensor, scheme }) => tensor !== 'w' && scheme === 'int4-storage');
  for (const { tensor, dims } of others) {
    const proto = changed.proto.graph!.initializer.find(({ name }) => name === tensor)!;
    setTensor(changed, proto, arrayTensor('float32', dims, unpack(result.model, [1, dims[1]! * dims[2]!, 1, 32], tensor)));
  }
  const [expected] = await outputsOf(bytesOf(changed), feeds);
  const scale = Math.max(0, ...expected!.map(Math.abs));
  for (const found of await outputsOf(result.bytes, feeds)) {
    expect(found).toHaveLength(expected!.length);
    // The weights are equal; without optimizations sums may run in another order.
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected![i]!)).toBeLessThanOrEqual(scale * 256 * 2 ** -24);
  }
}

/** What the bytes stand for by definition: two's complement of 4 bits, the first half of a block in the low nibbles, times the block's scale. */
function unpack(artefact: Model, [outer, length, inner, size]: Case['layout'], name = 'w'): Float32Array {
  const [bytes, scales] = [numbersOf(artefact, `${name}_q`), numbersOf(artefact, `${name}_s`)];
  const blocks = length / size;
  const half = size / 2;
  return Float32Array.from({ length: outer * length * inner }, (_, at) => {
    const [row, place, column] = [Math.floor(at / (length * inner)), Math.floor(at / inner) % length, at % inner];
    const [block, i] = [row * blocks + Math.floor(place / size), place % size];
    const byte = bytes[(block * half + (i % half)) * inner + column]!;
    const nibble = i < half ? byte & 15 : byte >> 4;
    return scales[block * inner + column]! * (nibble < 8 ? nibble : nibble - 16);
  });
}
