import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, type GraphParts, type ModelParts } from '../../../../test/support/build-model.ts';
import { bool, weight } from '../../../../test/support/integer-arithmetic.ts';
import { countOps, optimizedModel } from '../../../../test/support/optimized-model.ts';
import { elementsOf, quantize, type Quantized } from '../../../../test/support/quantize-model.ts';
import { reread, runModel, seededFloats, longs, type Feeds } from '../../../../test/support/run-model.ts';
import { makeNode, scopesOf } from '../graph/index.ts';
import { arrayTensor, setTensor, tensorOf, type Model, type TensorProto } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

const INT8 = { format: 'int8-storage' } as const;
const HALF = { format: 'fp16-storage' } as const;

const model = (nodes: GraphParts['nodes'], parts: Omit<ModelParts, 'nodes' | 'outputs'> & { y?: string }): Model =>
  buildModel({ ...parts, nodes, outputs: { y: parts.y ?? 'float32' } });
const conv = (attributes: Parameters<typeof makeNode>[3] = {}): Model =>
  model([makeNode('Conv', ['x', 'w'], ['y'], attributes)], { initializers: { w: weight([16, 8, 3, 3]) }, inputs: { x: 'float32[1,8,9,9]' } });
const image = { x: seededFloats([1, 8, 9, 9]) };
const rows = { x: seededFloats([2, 32]) };

interface Case {
  source: Model;
  feeds: Feeds;
  /** Channel axis of the scales. */
  axis: number;
}

const CASES: Record<string, Case> = {
  'Conv': { source: conv(), feeds: image, axis: 0 },
  'Conv in groups': { source: model([makeNode('Conv', ['x', 'w'], ['y'], { group: 2n })], { initializers: { w: weight([16, 4, 3, 3]) }, inputs: { x: 'float32[1,8,9,9]' } }), feeds: image, axis: 0 },
  'ConvTranspose': { source: model([makeNode('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] })], { initializers: { w: weight([8, 16, 3, 3]) }, inputs: { x: 'float32[1,8,9,9]' } }), feeds: image, axis: 1 },
  'MatMul, right': { source: model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([32, 40]) }, inputs: { x: 'float32[2,32]' } }), feeds: rows, axis: 1 },
  'MatMul, left': { source: model([makeNode('MatMul', ['w', 'x'], ['y'])], { initializers: { w: weight([40, 32]) }, inputs: { x: 'float32[32,2]' } }), feeds: { x: seededFloats([32, 2]) }, axis: 0 },
  'MatMul, three dimensions': { source: model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([3, 32, 40]) }, inputs: { x: 'float32[2,32]' } }), feeds: rows, axis: 2 },
  'Gemm': { source: model([makeNode('Gemm', ['x', 'w'], ['y'], { alpha: { float: 2 } })], { initializers: { w: weight([32, 40]) }, inputs: { x: 'float32[2,32]' } }), feeds: rows, axis: 1 },
  'Gemm, transB': { source: model([makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1n })], { initializers: { w: weight([40, 32]) }, inputs: { x: 'float32[2,32]' } }), feeds: rows, axis: 0 },
  'Gather': { source: model([makeNode('Gather', ['w', 'x'], ['y'])], { initializers: { w: weight([50, 12]) }, inputs: { x: 'int64[2]' } }), feeds: { x: longs([2], [3, 49]) }, axis: 0 },
  'Gather, axis -1': { source: model([makeNode('Gather', ['w', 'x'], ['y'], { axis: -1n })], { initializers: { w: weight([12, 50]) }, inputs: { x: 'int64[2]' } }), feeds: { x: longs([2], [3, 49]) }, axis: 1 },
  'two readers along different axes': {
    source: model([makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Gather', ['w', 'i'], ['b']), makeNode('MatMul', ['a', 'b'], ['y'])], { initializers: { w: weight([32, 40]), i: arrayTensor('int64', [40], new BigInt64Array(40)) }, inputs: { x: 'float32[2,32]' } }),
    feeds: rows,
    axis: 1,
  },
  'LSTM of both directions': {
    source: model([makeNode('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 8n, direction: 'bidirectional' })], { initializers: { w: weight([2, 32, 12]), r: weight([2, 32, 8]) }, inputs: { x: 'float32[5,1,12]' } }),
    feeds: { x: seededFloats([5, 1, 12]) },
    axis: 1,
  },
  'GRU': {
    source: model([makeNode('GRU', ['x', 'w', 'r'], ['y'], { hidden_size: 12n })], { initializers: { w: weight([1, 36, 12]), r: weight([1, 36, 12], 4) }, inputs: { x: 'float32[5,1,12]' } }),
    feeds: { x: seededFloats([5, 1, 12]) },
    axis: 1,
  },
  'weights that are sliced and put together again': {
    source: model([
      makeNode('Slice', ['w', 'zero', 'half', 'one'], ['a']), makeNode('Slice', ['w', 'half', 'end', 'one'], ['b']),
      makeNode('Concat', ['b', 'a'], ['c'], { axis: 1n }), makeNode('LSTM', ['x', 'c', 'r'], ['y'], { hidden_size: 8n }),
    ], {
      initializers: { w: weight([1, 32, 12]), r: weight([1, 32, 8]), zero: longTensor([0]), end: longTensor([32]), one: longTensor([1]) },
      inputs: { x: 'float32[5,1,12]', half: 'int64[1]' },
    }),
    // Constants are folded before, so a bound has to be fed.
    feeds: { x: seededFloats([5, 1, 12]), half: longs([1], [16]) },
    axis: 1,
  },
  'weights that are sliced and get another shape': {
    source: model([
      makeNode('Slice', ['w', 'zero', 'end'], ['a']), makeNode('Reshape', ['a', 'shape'], ['b']), makeNode('Conv', ['x', 'b'], ['y']),
    ], {
      initializers: { w: weight([20, 72]), zero: longTensor([0]), shape: longTensor([16, 8, 3, 3]) },
      inputs: { x: 'float32[1,8,9,9]', end: 'int64[1]' },
    }),
    feeds: { ...image, end: longs([1], [16]) },
    axis: 0,
  },
  'opset 9': { source: model([makeNode('Conv', ['x', 'w'], ['y'])], { opset: 9, ir: 3, initializers: { w: weight([16, 8, 3, 3]) }, inputs: { x: 'float32[1,8,9,9]', w: 'float32[16,8,3,3]' } }), feeds: image, axis: 0 },
};

describe('int8-storage', () => {
  it.each(Object.entries(CASES))('of %s is the source with weights of 255 levels for each channel', async (_, { source, feeds, axis }) => {
    const result = quantize(source, INT8);
    const expanded = expectUnpacked(source, result, axis);
    // Unpacked at load the weights are the numbers that arithmetic gives here, so the rest of the graph computes the same bits.
    expect(await runModel(result.bytes, feeds, 'all')).toEqual(await runModel(expanded, feeds, 'all'));
    expect(result.weights.filter(({ scheme }) => scheme === 'int8-storage')).not.toHaveLength(0);
    expect(await runModel(quantize(source, { ...INT8, keepNames: false }).bytes, feeds, 'all')).toEqual(await runModel(expanded, feeds, 'all'));
  });

  it.each(Object.entries(CASES))('of %s is folded when a session is made', async (_, { source }) => {
    const ops = countOps(await optimizedModel(quantize(source, INT8).bytes, 'basic'));
    expect(ops).not.toHaveProperty('Cast');
    expect(ops).not.toHaveProperty('Mul');
  });

  it.each<[string, Model, Partial<QuantizeOptions>, string]>([
    ['excluded by its name', conv(), { exclude: ['w'] }, 'excluded by name'],
    ['an output', buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight([32, 40]) }, inputs: { x: 'float32[2,32]' }, outputs: { y: 'float32[2,40]', w: 'float32[32,40]' } }), {}, 'is an output of the graph'],
    ['too small', model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: weight([6, 6]) }, inputs: { x: 'float32[2,6]' } }), {}, 'too small to gain'],
    ['a vector', model([makeNode('Add', ['x', 'w'], ['y'])], { initializers: { w: weight([2000]) }, inputs: { x: 'float32[2000]' } }), {}, 'has one dimension'],
    ['a value', model([makeNode('Add', ['x', 'w'], ['y'])], { initializers: { w: weight([40, 50]) }, inputs: { x: 'float32[40,50]' } }), {}, 'read by Add as a value, not as a weight'],
    ['a value behind a Slice', model([makeNode('Slice', ['w', 's', 'e'], ['v']), makeNode('Add', ['x', 'v'], ['y'])], { initializers: { w: weight([40, 50]), s: longTensor([0]) }, inputs: { x: 'float32[20,50]', e: 'int64[1]' } }), {}, 'read by Slice as a value, not as a weight'],
    ['put before an activation', model([makeNode('Concat', ['w', 'x'], ['v'], { axis: 1n }), makeNode('MatMul', ['v', 'm'], ['y'])], { initializers: { w: weight([1, 20, 40]), m: weight([40, 40]) }, inputs: { x: 'float32[1,3,40]' } }), {}, 'read by Concat as a value, not as a weight'],
  ])('leaves a weight that is %s', async (_, source, options, reason) => {
    const { weights, model: artefact } = quantize(source, { ...INT8, ...options });
    expect(weights[0]).toMatchObject({ tensor: 'w', scheme: 'kept', reason });
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toContain('w');
  });

  it('sees exclusions behind operators that only move elements', () => {
    const source = model([makeNode('Reshape', ['w', 's'], ['v']), makeNode('Conv', ['x', 'v'], ['y'], {}, { name: 'head' }), makeNode('ReduceSum', ['v'], ['z'])], { initializers: { w: weight([16, 72]) }, inputs: { x: 'float32[1,8,9,9]', s: 'int64[4]' } });
    expect(quantize(source, { ...INT8, exclude: ['head'] }).weights[0]).toMatchObject({ reason: 'excluded by name' });
  });

  it('unpacks weights in the graphs that own them', async () => {
    const branch = (own: string, seed: number): ReturnType<typeof buildGraph> => buildGraph({
      nodes: [makeNode('MatMul', ['x', own], [`${own}_m`]), makeNode('MatMul', ['x', 'w'], [`${own}_n`]), makeNode('Add', [`${own}_m`, `${own}_n`], [`${own}_y`])],
      initializers: { [own]: weight([32, 40], seed) },
      outputs: { [`${own}_y`]: 'float32[2,40]' },
    });
    const source = model([makeNode('If', ['flag'], ['y'], { then_branch: branch('a', 1), else_branch: branch('b', 2) }, { name: 'choice' })], { initializers: { w: weight([32, 40]) }, inputs: { x: 'float32[2,32]', flag: 'bool[]' } });
    for (const options of [INT8, HALF]) {
      const result = quantize(source, options);
      const expanded = expectUnpacked(source, result, options === INT8 ? 1 : undefined);
      expect(result.weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual(['w', 'choice/then_branch/a', 'choice/else_branch/b'].map((name) => [name, options.format]));
      for (const flag of [true, false]) {
        const feeds = { ...rows, flag: bool(flag) };
        expect(await runModel(result.bytes, feeds)).toEqual(await runModel(expanded, feeds));
      }
      const ops = countOps(await optimizedModel(result.bytes, 'basic'));
      expect([ops['Cast'], ops['Mul']]).toEqual([undefined, undefined]);
    }
  });

  it('leaves what a subgraph hands out', () => {
    const then = buildGraph({ nodes: [makeNode('MatMul', ['x', 'v'], ['t'])], initializers: { v: weight([32, 40]) }, outputs: { t: 'float32[2,40]', v: 'float32[32,40]' } });
    const other = buildGraph({ nodes: [makeNode('MatMul', ['x', 'u'], ['e'])], initializers: { u: weight([32, 40], 9) }, outputs: { e: 'float32[2,40]', u: 'float32[32,40]' } });
    const source = model([makeNode('If', ['flag'], ['y', 'z'], { then_branch: then, else_branch: other })], { inputs: { x: 'float32[2,32]', flag: 'bool[]' } });
    expect(quantize(source, INT8).weights.map(({ reason }) => reason)).toEqual(['is an output of the graph', 'is an output of the graph']);
  });

  it('refuses NaN by the path of the weight, however late it is', () => {
    const data = new Float32Array(600_000).fill(0.5);
    data[599_999] = NaN;
    const source = model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: floats([1000, 600], [...data]) }, inputs: { x: 'float32[2,1000]' } });
    const refusal = expect.objectContaining({ name: 'QuantizeError', code: 'MODEL_INVALID', node: 'w' });
    expect(() => quantize(source, INT8)).toThrow(refusal);
    expect(() => quantize(source, { format: 'int8' })).toThrow(refusal);
    expect(quantize(source, { ...INT8, exclude: ['w'] }).format).toBe('none');
  });
});

describe('fp16-storage', () => {
  it.each(Object.entries(CASES))('of %s is the source with weights rounded to float16, folded when a session is made', async (_, { source, feeds }) => {
    const result = quantize(source, HALF);
    const expanded = expectUnpacked(source, result);
    expect(await runModel(result.bytes, feeds, 'all')).toEqual(await runModel(expanded, feeds, 'all'));
    expect(countOps(await optimizedModel(result.bytes, 'basic'))).not.toHaveProperty('Cast');
  });

  it('takes vectors and values too', () => {
    const source = model([makeNode('Add', ['x', 'w'], ['y'])], { initializers: { w: weight([2000]) }, inputs: { x: 'float32[2000]' } });
    expect(quantize(source, HALF).weights).toMatchObject([{ scheme: 'fp16-storage', bytesBefore: 8000, bytesAfter: 4000 }]);
  });

  it.each([
    ['beyond its range', [65520], 'Add', 'has values beyond the range of float16'],
    ['that are masks', [-3.4e38], 'Add', 'has values beyond the range of float16'],
    ['that are divisors and would become zero', [1e-9], 'Div', 'has divisors that float16 would round to zero'],
  ])('leaves values %s', (_, values, op, reason) => {
    const source = model([makeNode(op, ['x', 'w'], ['y'])], { initializers: { w: floats([2000], [...Array<number>(1999).fill(1), ...values]) }, inputs: { x: 'float32[2000]' } });
    expect(quantize(source, HALF).weights).toMatchObject([{ scheme: 'kept', reason }]);
  });

  it('keeps infinities, NaN and values up to 65504', async () => {
    const values = [Infinity, -Infinity, NaN, 65504, -65519, ...Array<number>(995).fill(0.1)];
    const source = model([makeNode('Add', ['x', 'w'], ['y'])], { initializers: { w: floats([1000], values) }, inputs: { x: 'float32[1000]' } });
    const { bytes, weights } = quantize(source, HALF);
    expect(weights[0]!.scheme).toBe('fp16-storage');
    const { y } = await runModel(bytes, { x: new ort.Tensor('float32', new Float32Array(1000), [1000]) });
    expect(Array.from((y!.data as Float32Array).subarray(0, 6))).toEqual([Infinity, -Infinity, NaN, 65504, -65504, 0.0999755859375]);
  });
});

/**
 * The source with every packed weight replaced by what it unpacks to. Each is checked against the source's values: within half a step
 * of its channel (int8), or within half a unit in the last place of float16.
 */
function expectUnpacked(source: Model, { model: artefact }: Quantized, axis?: number): Model {
  const expanded = reread(source);
  const packed = new Map(scopesOf(artefact).flatMap(({ graph }) => graph.initializer).map((proto) => [proto.name, proto]));
  for (const { graph } of scopesOf(expanded)) {
    for (const proto of graph.initializer) {
      const q = packed.get(`${proto.name}_q`);
      if (q === undefined) continue;
      const values = unpack(artefact, q, packed.get(`${proto.name}_s`), axis);
      const outside = elementsOf(expanded, proto).filter((x, i) => Math.abs(x - values.numbers[i]!) > values.bound(i));
      expect(outside).toEqual([]);
      setTensor(expanded, proto, arrayTensor('float32', proto.dims.map(Number), values.numbers));
    }
  }
  return expanded;
}

function unpack(artefact: Model, q: TensorProto, s: TensorProto | undefined, axis: number | undefined): { numbers: Float32Array; bound: (i: number) => number } {
  const numbers = elementsOf(artefact, q);
  if (s === undefined) return { numbers: Float32Array.from(numbers), bound: (i) => Math.max(Math.abs(numbers[i]!) * 2 ** -11, 2 ** -25) };
  const { dims } = tensorOf(artefact, q);
  const scales = elementsOf(artefact, s);
  // The shape of the scales says along which axis they broadcast.
  const at = dims.length - s.dims.length;
  expect(at).toBe(axis);
  expect(s.dims.map(Number)).toEqual([dims[at], ...dims.slice(at + 1).map(() => 1)]);
  const inner = dims.slice(at + 1).reduce((a, b) => a * b, 1);
  const scaleOf = (i: number): number => scales[Math.floor(i / inner) % dims[at]!]!;
  // Half a step, plus float32 rounding of the quotient and of the product q s with |q| <= 127.
  return { numbers: Float32Array.from(numbers, (value, i) => value * scaleOf(i)), bound: (i) => scaleOf(i) * (0.5 + 3 * 127 * 2 ** -24) };
}

function longTensor(values: number[]): ReturnType<typeof floats> {
  return arrayTensor('int64', [values.length], BigInt64Array.from(values, BigInt));
}
