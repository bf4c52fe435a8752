import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ints, type GraphParts } from '../../../../../test/support/build-model.ts';
import { longs, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { arrayTensor, opsetVersion, type NodeProto } from '../../onnx/index.ts';
import { assertSound } from '../passes/assert-sound.ts';
import { makeNode } from '../edit.ts';
import { upgradeOpset } from './upgrade.ts';

/** One old model that has to give the same bits at every newer opset. */
interface Case extends Partial<Omit<GraphParts, 'nodes' | 'outputs'>> {
  name: string;
  opset: number;
  nodes: NodeProto[];
  outputs?: GraphParts['outputs'];
  feeds?: Feeds;
}

const image = { inputs: { x: 'float32[1,2,5,6]' }, feeds: { x: seededFloats([1, 2, 5, 6]) } };
const matrix = { inputs: { x: 'float32[3,4]' }, feeds: { x: seededFloats([3, 4]) } };
const cube = { inputs: { x: 'float32[a,b,c]' }, feeds: { x: seededFloats([2, 3, 4]) } };
const scales = (...values: number[]) => ({ s: floats([values.length], values) });
const node = makeNode;

const CASES: Case[] = [
  { name: 'Slice with axes', opset: 9, nodes: [node('Slice', ['x'], ['y'], { axes: [2, 3], starts: [1, -4], ends: [4, 1000] })], ...image },
  { name: 'Slice without axes', opset: 9, nodes: [node('Slice', ['x'], ['y'], { starts: [0, 1], ends: [1, -1] })], ...image },
  { name: 'TopK', opset: 9, nodes: [node('TopK', ['x'], ['y', 'i'], { k: 2n, axis: 0n })], outputs: { y: '', i: '' }, ...matrix },
  { name: 'TopK with the default axis', opset: 9, nodes: [node('TopK', ['x'], ['y', 'i'], { k: 3n })], outputs: { y: '', i: '' }, ...matrix },
  { name: 'TopK of opset 10', opset: 10, nodes: [node('TopK', ['x', 'k'], ['y', 'i'])], initializers: { k: ints([1], [2]) }, outputs: { y: '', i: '' }, ...matrix },
  { name: 'Upsample nearest', opset: 9, nodes: [node('Upsample', ['x', 's'], ['y'])], initializers: scales(1, 1, 2, 1.5), ...image },
  { name: 'Upsample linear', opset: 9, nodes: [node('Upsample', ['x', 's'], ['y'], { mode: 'linear' })], initializers: scales(1, 1, 2, 1.7), ...image },
  { name: 'Upsample by computed scales', opset: 9, nodes: [node('Add', ['s', 'd'], ['t']), node('Upsample', ['x', 't'], ['y'])],
    initializers: scales(1, 1, 2, 1.5), inputs: { ...image.inputs, d: 'float32[4]' }, feeds: { ...image.feeds, d: seededZeros(4) } },
  { name: 'Resize nearest, larger', opset: 10, nodes: [node('Resize', ['x', 's'], ['y'], { mode: 'nearest' })], initializers: scales(1, 1, 2.5, 1.3), ...image },
  { name: 'Resize nearest, smaller', opset: 10, nodes: [node('Resize', ['x', 's'], ['y'])], initializers: scales(1, 1, 0.6, 0.7), ...image },
  { name: 'Resize linear, larger', opset: 10, nodes: [node('Resize', ['x', 's'], ['y'], { mode: 'linear' })], initializers: scales(1, 1, 1.9, 3), ...image },
  { name: 'Resize linear, smaller', opset: 10, nodes: [node('Resize', ['x', 's'], ['y'], { mode: 'linear' })], initializers: scales(1, 1, 0.6, 0.5), ...image },
  { name: 'Dropout without its mask', opset: 9, nodes: [node('Dropout', ['x'], ['y', 'mask'], { ratio: { float: 0.3 } })], ...matrix },
  { name: 'Dropout of opset 10', opset: 10, nodes: [node('Dropout', ['x'], ['y'])], ...matrix },
  { name: 'Clip to both bounds', opset: 9, nodes: [node('Clip', ['x'], ['y'], { min: { float: -0.5 }, max: { float: 0.25 } })], ...matrix },
  { name: 'Clip to a minimum', opset: 10, nodes: [node('Clip', ['x'], ['y'], { min: { float: 0.1 } })], ...matrix },
  { name: 'Clip to a maximum', opset: 9, nodes: [node('Clip', ['x'], ['y'], { max: { float: 0.1 } })], ...matrix },
  { name: 'Clip without bounds', opset: 9, nodes: [node('Clip', ['x'], ['y'])], ...matrix },
  { name: 'Pad with zeros', opset: 9, nodes: [node('Pad', ['x'], ['y'], { pads: [0, 0, 1, 2, 0, 0, 0, 1] })], ...image },
  { name: 'Pad with a value, and crop', opset: 9, nodes: [node('Pad', ['x'], ['y'], { pads: [0, 0, -1, 2, 0, 0, 1, -1], value: { float: 1.5 } })], ...image },
  { name: 'Pad of float64', opset: 9, nodes: [node('Cast', ['x'], ['d'], { to: 11n }), node('Pad', ['d'], ['e'], { pads: [1, 0, 0, 1], value: { float: 0.1 } }),
    node('Cast', ['e'], ['y'], { to: 1n })], valueInfo: { d: 'float64[3,4]' }, ...matrix },
  { name: 'Pad by reflection', opset: 10, nodes: [node('Pad', ['x'], ['y'], { mode: 'reflect', pads: [0, 0, 2, 1, 0, 0, 1, 2], value: { float: 7 } })], ...image },
  { name: 'Scatter', opset: 9, nodes: [node('Scatter', ['x', 'i', 'u'], ['y'], { axis: 1n })],
    initializers: { i: ints([3, 1], [2, 0, 3]), u: floats([3, 1], [7, 8, 9]) }, ...matrix },
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((opType) => [
    { name: `${opType} over two axes`, opset: 11, nodes: [node('Abs', ['x'], ['a']), node(opType, ['a'], ['y'])], ...cube },
    { name: `${opType} of a shape that is not known`, opset: 9, nodes: [node('Reshape', ['x', 's'], ['a']), node(opType, ['a'], ['y'])],
      inputs: { ...cube.inputs, s: 'int64[n]' }, feeds: { ...cube.feeds, s: longs([3], [4, 3, 2]) } },
    { name: `${opType} from axis 0`, opset: 9, nodes: [node('Abs', ['x'], ['a']), node(opType, ['a'], ['y'], { axis: 0n })], ...cube },
    { name: `${opType} from axis -2`, opset: 11, nodes: [node(opType, ['x'], ['y'], { axis: -2n })], ...cube },
    { name: `${opType} over the last axis`, opset: 9, nodes: [node(opType, ['x'], ['y'], { axis: 2n })], ...cube },
    { name: `${opType} of a matrix`, opset: 9, nodes: [node(opType, ['x'], ['y'])], ...matrix },
  ]),
  { name: 'Squeeze and Unsqueeze', opset: 9, nodes: [node('Squeeze', ['x'], ['a'], { axes: [0] }), node('Unsqueeze', ['a'], ['y'], { axes: [0, 3] })], ...image },
  { name: 'Squeeze and Unsqueeze by negative axes', opset: 11, nodes: [node('Unsqueeze', ['x'], ['a'], { axes: [-1] }), node('Squeeze', ['a'], ['y'], { axes: [-1, 0] })], ...image },
  { name: 'Squeeze of all axes', opset: 9, nodes: [node('Squeeze', ['x'], ['y'])], ...image },
  { name: 'Split in two sizes', opset: 9, nodes: [node('Split', ['x'], ['y', 'z'], { axis: 1n, split: [1, 3] })], outputs: { y: '', z: '' }, ...matrix },
  { name: 'Split in halves', opset: 11, nodes: [node('Split', ['x'], ['y', 'z'], { axis: 1n })], outputs: { y: '', z: '' }, ...matrix },
  { name: 'ReduceSum over axes', opset: 9, nodes: [node('ReduceSum', ['x'], ['y'], { axes: [1, 3], keepdims: 0n })], ...image },
  { name: 'ReduceSum over everything', opset: 12, nodes: [node('ReduceSum', ['x'], ['y'])], ...image },
  // Operators whose table says 'same' although their texts changed.
  { name: 'AveragePool', opset: 9, nodes: [node('AveragePool', ['x'], ['y'], { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1] })], ...image },
  { name: 'MaxPool with indices', opset: 9, nodes: [node('MaxPool', ['x'], ['y', 'i'], { kernel_shape: [2, 2], auto_pad: 'SAME_LOWER' })], outputs: { y: '', i: '' }, ...image },
  { name: 'ConvTranspose with an output shape', opset: 9, nodes: [node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2], output_shape: [10, 12] })],
    initializers: { w: floats([2, 1, 3, 3], Array.from({ length: 18 }, (_, i) => i / 8)) }, ...image },
  { name: 'ConvTranspose with automatic padding', opset: 9, nodes: [node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2], auto_pad: 'SAME_UPPER' })],
    initializers: { w: floats([2, 1, 3, 3], Array.from({ length: 18 }, (_, i) => i / 8)) }, ...image },
  { name: 'OneHot with negative indices', opset: 9, nodes: [node('OneHot', ['i', 'depth', 'values'], ['y'])],
    initializers: { i: ints([4], [0, -1, 3, 7]), depth: ints([], [4]), values: floats([2], [0, 1]) } },
  { name: 'DepthToSpace', opset: 9, nodes: [node('DepthToSpace', ['x'], ['y'], { blocksize: 2n })], inputs: { x: 'float32[1,8,2,3]' }, feeds: { x: seededFloats([1, 8, 2, 3]) } },
  { name: 'MeanVarianceNormalization', opset: 9, nodes: [node('MeanVarianceNormalization', ['x'], ['y'])], ...image },
  { name: 'LpPool', opset: 9, nodes: [node('LpPool', ['x'], ['y'], { kernel_shape: [2, 2] })], ...image },
  { name: 'Pow by an integer', opset: 9, nodes: [node('Pow', ['x', 'two'], ['y'])], initializers: { two: floats([], [2]) }, ...matrix },
  { name: 'QuantizeLinear and back', opset: 10, nodes: [node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('DequantizeLinear', ['q', 's', 'z'], ['y'])],
    initializers: { s: floats([], [1 / 100]), z: arrayTensor('uint8', [], Uint8Array.of(100)) }, ...matrix },
  { name: 'NonMaxSuppression', opset: 10, nodes: [node('NonMaxSuppression', ['b', 'c', 'n', 't'], ['y'])], initializers: {
    b: floats([1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 2, 1, 3]), c: floats([1, 1, 3], [0.9, 0.8, 0.7]), n: ints([1], [3]), t: floats([1], [0.5]) } },
];

function seededZeros(length: number): Feeds[string] {
  const feed = seededFloats([length]);
  (feed.data as Float32Array).fill(0);
  return feed;
}

describe('upgradeOpset of one operator', () => {
  it.each(CASES)('$name (opset $opset)', async ({ opset, feeds = {}, outputs = { y: '' }, ...parts }) => {
    const before = await runModel(buildModel({ opset, outputs, ...parts }), feeds);
    for (let target = opset + 1; target <= 13; target++) {
      const model = buildModel({ opset, outputs, ...parts });
      expect(upgradeOpset(model, target)).toEqual({ upgraded: true });
      expect(opsetVersion(model.proto)).toBe(target);
      assertSound(model);
      expect(await runModel(model, feeds), `opset ${target}`).toEqual(before);
    }
  });

  it('works in subgraphs', async () => {
    const branch = (scale: number) => buildGraph({
      nodes: [node('Slice', ['x'], ['a'], { axes: [1], starts: [1], ends: [3] }), node('Clip', ['a'], ['b'], { max: { float: scale } }),
        node('Softmax', ['b'], ['c'], { axis: 0n }), node('Squeeze', ['c'], ['d'], { axes: [0] })],
      outputs: { d: 'float32[2,5,6]' },
    });
    const build = () => buildModel({
      opset: 9, nodes: [node('If', ['on'], ['y'], { then_branch: branch(0.25), else_branch: branch(0.5) })], outputs: { y: 'float32[2,5,6]' },
      inputs: { on: 'bool[]', x: 'float32[1,4,5,6]' },
    });
    const { Tensor } = await import('onnxruntime-node');
    for (const on of [true, false]) {
      const feeds = { on: new Tensor('bool', [on], []), x: seededFloats([1, 4, 5, 6]) };
      const model = build();
      const before = await runModel(model, feeds);
      expect(upgradeOpset(model, 13)).toEqual({ upgraded: true });
      expect(await runModel(model, feeds)).toEqual(before);
    }
  });

  it('keeps int64 feeds working', async () => {
    const model = buildModel({ opset: 9, nodes: [node('Unsqueeze', ['n'], ['y'], { axes: [0] })], inputs: { n: 'int64[2]' }, outputs: { y: '' } });
    upgradeOpset(model, 13);
    const { y } = await runModel(model, { n: longs([2], [5, -6]) });
    expect(y).toMatchObject({ dims: [1, 2], data: BigInt64Array.of(5n, -6n) });
  });
});
