import { describe, expect, it } from 'vitest';
import { buildModel, floats, ints, type ModelParts } from '../../../../../test/support/build-model.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { quantizeStatic } from '../../../../../test/support/min-max-statistics.ts';
import { countOps, optimizedModel } from '../../../../../test/support/optimized-model.ts';
import { bytesOf, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import type { Model, NodeProto, Tensor } from '../../onnx/index.ts';

/** Weights of 8 x 8 channels that leave activations about as large as they are. */
const kernel = (seed: number, dims = [8, 8, 3, 3]): Tensor => weight(dims, seed);

/** conv -> nodes -> conv: what stands between two convolutions. `a` goes in, `z` comes out, 8 channels of 6 x 6. */
function between(nodes: NodeProto[], initializers: Record<string, Tensor> = {}, parts: Partial<ModelParts> = {}): Model {
  return buildModel({
    nodes: [
      makeNode('Conv', ['x', 'w', 'bias'], ['a'], { pads: [1, 1, 1, 1] }, { name: 'before' }), ...nodes,
      makeNode('Conv', ['z', 'v'], ['y'], { pads: [1, 1, 1, 1] }, { name: 'after' }),
    ],
    initializers: { w: kernel(1), v: kernel(2), bias: weight([8], 3), ...initializers },
    inputs: { x: 'float32[N,8,6,6]' }, outputs: { y: 'float32' }, ...parts,
  });
}

const samples: Feeds[] = [1, 2, 3].map((seed) => ({ x: seededFloats([1, 8, 6, 6], seed) }));

const list = (...values: number[]): Tensor => ints([values.length], values);

/** Operators between two convolutions: the kernels that are left when onnxruntime has fused, besides those of the convolutions. */
const FUSED: [name: string, nodes: NodeProto[], initializers: Record<string, Tensor>, kernels: Record<string, number>][] = [
  ['nothing', [makeNode('Identity', ['a'], ['z'])], {}, {}],
  ['Relu', [makeNode('Relu', ['a'], ['z'])], {}, {}],
  ['Clip', [makeNode('Clip', ['a', 'low', 'high'], ['z'])], { low: floats([], [0]), high: floats([], [6]) }, {}],
  ['Clip below zero', [makeNode('Clip', ['a', 'low', 'high'], ['z'])], { low: floats([], [-1]), high: floats([], [1]) }, {}],
  ['Add', [makeNode('LeakyRelu', ['a'], ['b']), makeNode('Add', ['a', 'b'], ['z'])], {}, { QLinearAdd: 1, QLinearLeakyRelu: 1 }],
  ['Add and Relu', [makeNode('Sigmoid', ['a'], ['b']), makeNode('Add', ['a', 'b'], ['c']), makeNode('Relu', ['c'], ['z'])], {}, { QLinearAdd: 1, QLinearSigmoid: 1 }],
  ['Add of a constant', [makeNode('LeakyRelu', ['a'], ['b']), makeNode('Add', ['b', 'k'], ['z'])], { k: weight([8, 1, 1], 4) }, { QLinearAdd: 1, QLinearLeakyRelu: 1 }],
  ['Mul', [makeNode('Sigmoid', ['a'], ['b']), makeNode('Mul', ['a', 'b'], ['z'])], {}, { QLinearMul: 1, QLinearSigmoid: 1 }],
  ['Mul by a factor', [makeNode('Mul', ['a', 'k'], ['z'])], { k: floats([], [0.25]) }, {}],
  ['Div', [makeNode('Relu', ['a'], ['b']), makeNode('Div', ['b', 'k'], ['z'])], { k: floats([1], [6]) }, {}],
  ['hard swish in steps', [
    makeNode('Add', ['a', 'three'], ['b']), makeNode('Clip', ['b', 'low', 'six'], ['c']), makeNode('Mul', ['a', 'c'], ['d']), makeNode('Div', ['d', 'six'], ['z']),
  ], { three: floats([], [3]), six: floats([], [6]), low: floats([], [0]) }, { QLinearAdd: 1, QLinearMul: 1 }],
  ['AveragePool', [makeNode('AveragePool', ['a'], ['z'], { kernel_shape: [2, 2], strides: [2, 2] })], {}, { QLinearAveragePool: 1 }],
  ['GlobalAveragePool', [makeNode('GlobalAveragePool', ['a'], ['z'])], {}, { QLinearGlobalAveragePool: 1 }],
  ['LeakyRelu', [makeNode('LeakyRelu', ['a'], ['z'], { alpha: { float: 0.1 } })], {}, { QLinearLeakyRelu: 1 }],
  ['Sigmoid', [makeNode('Sigmoid', ['a'], ['z'])], {}, { QLinearSigmoid: 1 }],
  ['Softmax', [makeNode('Softmax', ['a'], ['z'], { axis: 3n })], {}, { QLinearSoftmax: 1 }],
  ['Concat', [makeNode('Split', ['a', 'halves'], ['b', 'c'], { axis: 1n }), makeNode('Sigmoid', ['b'], ['d']), makeNode('Concat', ['d', 'c'], ['z'], { axis: 1n })], { halves: list(4, 4) }, { QLinearSigmoid: 1, QLinearConcat: 1, Split: 1 }],
  ['MaxPool', [makeNode('MaxPool', ['a'], ['z'], { kernel_shape: [2, 2] })], {}, { MaxPool: 1 }],
  ['Reshape', [makeNode('Reshape', ['a', 's'], ['z'])], { s: list(0, 8, 3, 12) }, { Reshape: 1 }],
  ['Flatten', [makeNode('Flatten', ['a'], ['b']), makeNode('Reshape', ['b', 's'], ['z'])], { s: list(0, 8, 6, 6) }, { Flatten: 1, Reshape: 1 }],
  ['Transpose', [makeNode('Transpose', ['a'], ['z'], { perm: [0, 1, 3, 2] })], {}, { Transpose: 1 }],
  ['Unsqueeze and Squeeze', [makeNode('Unsqueeze', ['a', 's'], ['b']), makeNode('Squeeze', ['b', 's'], ['z'])], { s: list(2) }, { Unsqueeze: 1, Squeeze: 1 }],
  ['Slice', [makeNode('Slice', ['a', 'from', 'to', 'at'], ['z'])], { from: list(1), to: list(5), at: list(2) }, { Slice: 1 }],
  ['Expand', [makeNode('Slice', ['a', 'from', 'to', 'at'], ['b']), makeNode('Expand', ['b', 's'], ['z'])], { from: list(1), to: list(2), at: list(2), s: list(1, 8, 6, 6) }, { Slice: 1, Expand: 1 }],
  ['Tile', [makeNode('Tile', ['a', 's'], ['z'])], { s: list(1, 1, 2, 1) }, { Tile: 1 }],
  ['Gather', [makeNode('Gather', ['a', 's'], ['z'], { axis: 1n })], { s: list(7, 6, 5, 4, 3, 2, 1, 0) }, { Gather: 1 }],
  ['DepthToSpace', [makeNode('DepthToSpace', ['a'], ['b'], { blocksize: 2n }), makeNode('Concat', ['b', 'b2', 'b3', 'b4'], ['z'], { axis: 1n }),
    makeNode('Slice', ['b', 'from', 'to', 'at'], ['b2']), makeNode('Slice', ['b', 'from', 'to', 'at'], ['b3']), makeNode('Slice', ['b', 'from', 'to', 'at'], ['b4'])],
  { from: list(0), to: list(12), at: list(2) }, { DepthToSpace: 1, Slice: 3, QLinearConcat: 1 }],
  ['Resize to the nearest', [makeNode('Resize', ['a', '', 's'], ['z'], { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' })], { s: floats([4], [1, 1, 2, 2]) }, { Resize: 1 }],
];

describe('between two convolutions', () => {
  it.each(FUSED)('%s is computed in integers', async (_, nodes, initializers, kernels) => {
    const source = between(nodes, initializers);
    const { model, bytes, integerShare } = await quantizeStatic(source, samples);
    const found = countOps(await optimizedModel(bytes, 'extended'));
    expect(found).toEqual({ QuantizeLinear: 1, QLinearConv: 2, DequantizeLinear: 1, ...kernels });
    expect(integerShare).toMatchObject({ share: 1, nodes: [{ node: 'before', kernel: 'QLinearConv' }, { node: 'after', kernel: 'QLinearConv' }] });
    expect(countOps(model)).not.toHaveProperty('Relu');
    await expectNear(source, bytes, 0.06);
  });

  it.each([
    ['Tanh', [makeNode('Tanh', ['a'], ['z'])]],
    ['Resize between', [makeNode('Resize', ['a', '', 's'], ['z'], { mode: 'linear' })]],
    ['HardSigmoid', [makeNode('HardSigmoid', ['a'], ['z'])]],
    ['a Clip that leaves zero out', [makeNode('Clip', ['a', 'low'], ['z'])]],
  ] as [string, NodeProto[]][])('%s stays float, and nothing else does', async (_, nodes) => {
    const source = between(nodes, { low: floats([], [0.5]), s: floats([4], [1, 1, 2, 2]) });
    const { bytes } = await quantizeStatic(source, samples);
    expect(countOps(await optimizedModel(bytes, 'extended'))).toEqual({ QuantizeLinear: 2, QLinearConv: 2, DequantizeLinear: 2, [nodes[0]!.opType]: 1 });
    await expectNear(source, bytes, 0.06);
  });
});

/** Products at the end of a model, whose outputs nobody wants in integers. */
const MATRICES: [string, Partial<ModelParts>, Record<string, number>][] = [
  ['Gemm', { nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['y'])] }, { QGemm: 1 }],
  ['Gemm of a transposed matrix', { nodes: [makeNode('Gemm', ['x', 't', 'b'], ['y'], { transB: 1n })] }, { QGemm: 1 }],
  ['Gemm without bias', { nodes: [makeNode('Gemm', ['x', 'w'], ['y'])] }, { QGemm: 1 }],
  ['MatMul', { nodes: [makeNode('MatMul', ['x', 'w'], ['y'])] }, { MatMulIntegerToFloat: 1 }],
  ['MatMul of many rows with a bias', { nodes: [makeNode('Unsqueeze', ['x', 'axes'], ['r']), makeNode('MatMul', ['r', 'w'], ['m']), makeNode('Add', ['m', 'b'], ['y'])] }, { Unsqueeze: 1, MatMulIntegerToFloat: 1 }],
  ['two of them with Relu', { nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['g']), makeNode('Relu', ['g'], ['r']), makeNode('Gemm', ['r', 'u'], ['y'])] }, { QGemm: 2 }],
  ['MatMul with a bias', { nodes: [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Add', ['b', 'm'], ['y'])] }, { QGemm: 1 }],
  ['MatMul of what another gives', { nodes: [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('MatMul', ['m', 'u'], ['y'])] }, { QLinearMatMul: 1, MatMulIntegerToFloat: 1 }],
];

describe('matrix products', () => {
  it.each(MATRICES)('%s', async (_, parts, kernels) => {
    const initializers = { w: weight([24, 16], 1), t: weight([16, 24], 2), u: weight([16, 12], 3), b: weight([16], 4), axes: list(1) };
    const source = buildModel({ nodes: [], inputs: { x: 'float32[N,24]' }, outputs: { y: 'float32' }, initializers, ...parts });
    const feeds = [1, 2, 3].map((seed) => ({ x: seededFloats([4, 24], seed) }));
    for (const perChannel of [true, false]) {
      const { bytes } = await quantizeStatic(source, feeds, { perChannel });
      const found = countOps(await optimizedModel(bytes, 'extended'));
      // What is added in float32 may be fused into the product too, or stay an Add.
      delete found['Add'];
      expect(found).toEqual({ QuantizeLinear: 1, ...kernels });
      await expectNear(source, bytes, 0.06, feeds[0]!);
    }
  });
});

/** Largest error of the first sample as a share of the largest value; two layers of 8 bits leave about 1/64. */
async function expectNear(source: Model, artefact: Uint8Array, share: number, feeds = samples[0]!): Promise<void> {
  const [expected, found] = [await runModel(bytesOf(source), feeds), await runModel(artefact, feeds)].map(({ y }) => y!.data as Float32Array);
  const largest = expected!.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  expect(found).toHaveLength(expected!.length);
  expect(found!.reduce((max, value, i) => Math.max(max, Math.abs(value - expected![i]!)), 0)).toBeLessThan(share * largest);
}
