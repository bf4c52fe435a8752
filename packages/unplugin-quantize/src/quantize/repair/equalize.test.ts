import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildModel, floats, ints, type ModelParts } from '../../../../../test/support/build-model.ts';
import { numbersOf } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { makeNode, type AttributeValue } from '../../graph/index.ts';
import { cloneModel, type Model, type NodeProto, type Tensor } from '../../onnx/index.ts';
import { equalizeChannels } from './equalize.ts';

/** A weight whose output channels differ by powers of two, given by their exponents. */
function uneven(dims: number[], exponents: readonly number[], axis = 0, seed = 1): Tensor {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const values = seededFloats(dims, seed).data as Float32Array;
  return floats(dims, [...values].map((value, i) => value * 2 ** exponents[Math.floor(i / inner) % dims[axis]!]!));
}

const EXPONENTS = [-6, -3, 0, 2, 4, 7];
const conv = (name: string, from: string, to: string, attributes: Record<string, AttributeValue> = {}): NodeProto =>
  makeNode('Conv', [from, `${name}_w`, `${name}_b`], [to], { pads: [1, 1, 1, 1], ...attributes }, { name });

/** Conv a with six uneven channels, what is given between, Conv b. */
function pair(between: NodeProto[], { from = 'c', more = {}, ...parts }: Partial<ModelParts> & { from?: string; more?: Record<string, Tensor> } = {}): Model {
  return buildModel({
    nodes: [conv('a', 'x', 'h'), ...between, conv('b', from, 'y')],
    initializers: { a_w: uneven([6, 3, 3, 3], EXPONENTS), a_b: uneven([6], EXPONENTS), b_w: uneven([4, 6, 3, 3], EXPONENTS.map((e) => -e), 1), b_b: floats([4], [1, 2, 3, 4]), ...more },
    inputs: { x: 'float32[1,3,8,8]' }, outputs: { y: 'float32' }, ...parts,
  });
}

const x = seededFloats([1, 3, 8, 8], 3);

/** Equalizes, and expects every output to keep every bit. */
async function equalized(model: Model): Promise<{ count: number; model: Model }> {
  const before = await runModel(model, { x });
  const count = equalizeChannels(model);
  expect(await runModel(model, { x })).toEqual(before);
  return { count, model: reread(model) };
}

/** The largest magnitude of each channel of a weight's first axis. */
function rowRanges(model: Model, name: string, rows: number): number[] {
  const values = numbersOf(model, name);
  const length = values.length / rows;
  return Array.from({ length: rows }, (_, row) => Math.max(...values.slice(row * length, (row + 1) * length).map(Math.abs)));
}

const spread = (values: readonly number[]): number => Math.max(...values) / Math.min(...values);

describe('equalizeChannels', () => {
  const relu = makeNode('Relu', ['h'], ['c']);

  it('evens out the channels between two convolutions', async () => {
    const source = pair([relu]);
    expect(spread(rowRanges(source, 'a_w', 6))).toBeGreaterThan(2 ** 11);
    const { count, model } = await equalized(source);
    expect(count).toBe(1);
    expect(spread(rowRanges(model, 'a_w', 6))).toBeLessThan(4);
  });

  it('multiplies by powers of two, weights and bias alike', async () => {
    const source = pair([relu]);
    const [weights, bias] = [numbersOf(source, 'a_w'), numbersOf(source, 'a_b')];
    const { model } = await equalized(source);
    const factors = numbersOf(model, 'a_b').map((value, i) => value / bias[i]!);
    for (const factor of factors) expect(Number.isInteger(Math.log2(factor))).toBe(true);
    expect(numbersOf(model, 'a_w')).toEqual(weights.map((value, i) => value * factors[Math.floor(i / 27)]!));
  });

  it('changes nothing when it is run again', async () => {
    const { model } = await equalized(pair([relu]));
    const before = bytesOf(model);
    expect(equalizeChannels(model)).toBe(0);
    expect(bytesOf(model)).toEqual(before);
  });

  const slope = { slope: floats([6, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) };
  it.each<[string, NodeProto[], Record<string, Tensor>?]>([
    ['nothing', [makeNode('Identity', ['h'], ['c'])]],
    ['LeakyRelu', [makeNode('LeakyRelu', ['h'], ['c'], { alpha: { float: 0.1 } })]],
    ['PRelu', [makeNode('PRelu', ['h', 'slope'], ['c'])], slope],
    ['MaxPool', [makeNode('MaxPool', ['h'], ['c'], { kernel_shape: [2, 2], strides: [2, 2] })]],
    ['AveragePool', [makeNode('AveragePool', ['h'], ['c'], { kernel_shape: [2, 2], strides: [2, 2] })]],
    ['a constant that is added', [makeNode('Add', ['h', 'slope'], ['c'])], slope],
    ['a number that is added', [makeNode('Add', ['slope', 'h'], ['c'])], { slope: floats([], [0.5]) }],
    ['a constant that is multiplied', [makeNode('Mul', ['h', 'slope'], ['c'])], slope],
    ['a gate', [makeNode('Conv', ['x', 'gate_w'], ['s']), makeNode('Sigmoid', ['s'], ['g']), makeNode('Mul', ['g', 'h'], ['c'])], { gate_w: uneven([6, 3, 1, 1], [0, 0, 0, 0, 0, 0]) }],
    ['Pad', [makeNode('Pad', ['h', 'pads'], ['c'])], { pads: ints([8], [0, 0, 1, 1, 0, 0, 1, 1]) }],
    ['Resize', [makeNode('Resize', ['h', '', 'scales'], ['c'], { mode: 'linear' })], { scales: floats([4], [1, 1, 2, 2]) }],
    ['a mean over the image', [makeNode('ReduceMean', ['h'], ['c'], { axes: [2, 3] })]],
    ['a depthwise convolution', [makeNode('Conv', ['h', 'd_w'], ['c'], { group: 6n, kernel_shape: [3, 3] })], { d_w: uneven([6, 1, 3, 3], [3, -3, 0, 2, -5, 0], 0, 5) }],
    ['a grouped convolution', [makeNode('Conv', ['h', 'd_w'], ['c'], { group: 3n })], { d_w: uneven([6, 2, 1, 1], [3, -3, 0, 2, -5, 0], 0, 5) }],
    ['a transposed convolution', [makeNode('ConvTranspose', ['h', 'd_w'], ['c'], { group: 2n })], { d_w: uneven([6, 3, 2, 2], EXPONENTS.map((e) => -e), 0, 5) }],
  ])('goes through %s', async (_, between, more = {}) => {
    const { count, model } = await equalized(pair(between, { more }));
    expect(count).toBeGreaterThanOrEqual(1);
    expect(spread(rowRanges(model, 'a_w', 6))).toBeLessThan(64);
  });

  it.each<[string, NodeProto[], Record<string, Tensor>?]>([
    ['Clip, which is not homogeneous', [makeNode('Clip', ['h', 'low', 'high'], ['c'])], { low: floats([], [0]), high: floats([], [6]) }],
    ['Sigmoid', [makeNode('Sigmoid', ['h'], ['c'])]],
    ['Softmax over the channels', [makeNode('Softmax', ['h'], ['c'], { axis: 1n })]],
    ['a transposition', [makeNode('Transpose', ['h'], ['c'], { perm: [0, 1, 3, 2] })]],
    ['Pad with a number', [makeNode('Pad', ['h', 'pads', 'one'], ['c'])], { pads: ints([8], [0, 0, 1, 1, 0, 0, 1, 1]), one: floats([], [1]) }],
    ['a constant with a value for each pixel', [makeNode('Add', ['h', 'image'], ['c'])], { image: floats([8, 8], Array<number>(64).fill(1)) }],
    ['a product with itself', [makeNode('Mul', ['h', 'h'], ['c'])]],
    ['a mean over the channels', [makeNode('ReduceMean', ['h'], ['m'], { axes: [1] }), makeNode('Sub', ['h', 'm'], ['c'])]],
    ['another reader', [makeNode('Relu', ['h'], ['c']), makeNode('Tanh', ['c'], ['t'])]],
  ])('stops at %s', async (_, between, more = {}) => {
    expect((await equalized(pair(between, { more }))).count).toBe(0);
  });

  it('leaves what the model hands out', async () => {
    expect((await equalized(pair([relu], { outputs: { y: 'float32', c: 'float32' } }))).count).toBe(0);
  });

  it('leaves weights that it may not change, and those that two nodes read', async () => {
    const source = pair([relu]);
    expect(equalizeChannels(cloneModel(source), ({ name }) => name !== 'b_w')).toBe(0);
    const shared = pair([relu, makeNode('Conv', ['x', 'a_w'], ['z'])], { outputs: { y: 'float32', z: 'float32' } });
    expect((await equalized(shared)).count).toBe(0);
  });

  it('scales the branches of an Add alike', async () => {
    const residual = [makeNode('Relu', ['h'], ['r']), conv('d', 'r', 'e'), makeNode('Add', ['e', 'r'], ['s']), makeNode('Relu', ['s'], ['c'])];
    const source = pair(residual, { more: { d_w: uneven([6, 6, 3, 3], EXPONENTS), d_b: uneven([6], EXPONENTS) } });
    const biases = ['a_b', 'd_b'].map((name) => numbersOf(source, name));
    const { count, model } = await equalized(source);
    expect(count).toBe(2);
    const [first, second] = ['a_b', 'd_b'].map((name, i) => numbersOf(model, name).map((value, c) => value / biases[i]![c]!));
    expect(first).toEqual(second);
    expect(spread(first!)).toBeGreaterThan(2 ** 5);
  });

  it('follows channels through Concat', async () => {
    const { count } = await equalized(pair([
      makeNode('Conv', ['x', 'd_w'], ['d'], { pads: [1, 1, 1, 1] }), makeNode('Concat', ['h', 'd'], ['c'], { axis: 1n }),
    ], { more: { d_w: uneven([6, 3, 3, 3], EXPONENTS), b_w: uneven([4, 12, 3, 3], [...EXPONENTS, ...EXPONENTS].map((e) => -e), 1) } }));
    expect(count).toBe(2);
  });

  it.each([
    ['Flatten', [makeNode('Flatten', ['c'], ['f'])], 6 * 64],
    ['Reshape', [makeNode('Reshape', ['c', 'flat'], ['f'])], 6 * 64],
    ['pooling and Flatten', [makeNode('GlobalAveragePool', ['c'], ['p']), makeNode('Flatten', ['p'], ['f'])], 6],
    ['pooling and Reshape', [makeNode('GlobalAveragePool', ['c'], ['p']), makeNode('Reshape', ['p', 'six'], ['f'])], 6],
    ['pooling and Squeeze', [makeNode('GlobalAveragePool', ['c'], ['p']), makeNode('Squeeze', ['p', 'axes'], ['f'])], 6],
  ])('goes through %s to a matrix', async (_, nodes, rows) => {
    const inner = rows / 6;
    const exponents = Array.from({ length: rows }, (_, i) => -EXPONENTS[Math.floor(i / inner)]!);
    const model = buildModel({
      nodes: [conv('a', 'x', 'h'), relu, ...nodes, makeNode('Gemm', ['f', 'm_w'], ['g']), makeNode('MatMul', ['g', 'n_w'], ['y'])],
      initializers: {
        a_w: uneven([6, 3, 3, 3], EXPONENTS), a_b: uneven([6], EXPONENTS), m_w: uneven([rows, 5], exponents), n_w: uneven([5, 2], [9, -9, 0, 0, 0]),
        flat: ints([2], [0, -1]), six: ints([2], [-1, 6]), axes: ints([2], [2, 3]),
      },
      inputs: { x: 'float32[1,3,8,8]' }, outputs: { y: 'float32' },
    });
    expect((await equalized(model)).count).toBe(2);
  });

  it('gives channels that only zeros read, or make, a harmless factor', async () => {
    const source = pair([relu], { more: { a_w: floats([6, 3, 3, 3], Array.from({ length: 162 }, (_, i) => (i < 27 ? 0 : 2 ** EXPONENTS[Math.floor(i / 27)]!))), b_w: floats([4, 6, 3, 3], Array.from({ length: 216 }, (_, i) => (Math.floor(i / 9) % 6 === 5 ? 0 : 1))) } });
    const { model } = await equalized(source);
    const ranges = rowRanges(model, 'a_w', 6);
    expect(ranges[0]).toBe(0);
    expect(ranges[5]).toBeLessThan(Math.min(...ranges.slice(1, 5)));
  });

  it('leaves an even network alone', async () => {
    const even = pair([relu], { more: { a_w: uneven([6, 3, 3, 3], [0, 1, 0, 0, -1, 0]), b_w: uneven([4, 6, 3, 3], [0, 0, 0, 0, 0, 0]) } });
    expect((await equalized(even)).count).toBe(0);
  });

  it('keeps every bit of chains of any exponents', async () => {
    const exponents = fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 5, maxLength: 5 });
    await fc.assert(fc.asyncProperty(exponents, exponents, exponents, async (one, two, three) => {
      const model = buildModel({
        nodes: [
          makeNode('Gemm', ['x', 'p', 'b'], ['g'], { transB: 1n, beta: { float: 0.5 } }), makeNode('Relu', ['g'], ['r']), makeNode('MatMul', ['r', 'q'], ['m']),
          makeNode('Add', ['m', 'c'], ['a']), makeNode('LeakyRelu', ['a'], ['l']), makeNode('MatMul', ['l', 's'], ['y']),
        ],
        initializers: { p: uneven([5, 4], one), b: uneven([5], one), q: uneven([5, 5], two, 1), c: uneven([5], two), s: uneven([5, 3], three) },
        inputs: { x: 'float32[2,4]' }, outputs: { y: 'float32' },
      });
      const feeds = { x: seededFloats([2, 4], 9) };
      const before = await runModel(model, feeds);
      equalizeChannels(model);
      expect(await runModel(model, feeds)).toEqual(before);
    }), { numRuns: 40 });
  });
});
