import { beforeAll, describe, expect, it } from 'vitest';
import { buildBytes, type ModelParts } from '../../../../../test/support/build-model.ts';
import type { Feeds } from '../../calibrate/index.ts';
import { makeNode } from '../../graph/index.ts';
import { arrayTensor } from '../../onnx/index.ts';
import type { Engine } from '../engine.ts';
import { requireEngine, findEngines } from '../find-engines.ts';
import { estimateEnergy, profileModel } from './index.ts';

let engine: Engine;
beforeAll(async () => {
  engine = requireEngine(await findEngines(), 'onnxruntime-node');
});

const floats = (...dims: number[]): Float32Array => Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
const weight = (...dims: number[]): ReturnType<typeof arrayTensor> => arrayTensor('float32', dims, floats(...dims));
const bytes = (...dims: number[]): ReturnType<typeof arrayTensor> => arrayTensor('int8', dims, Int8Array.from(floats(...dims), (value) => 100 * value));
const feed = (...dims: number[]): Feeds => ({ x: { dtype: 'float32', dims, data: floats(...dims) } });

const estimate = async (parts: ModelParts, feeds: Feeds): Promise<ReturnType<typeof estimateEnergy>> => estimateEnergy(await profileModel(engine, buildBytes(parts), feeds));

describe('estimateEnergy, from runs in onnxruntime-node', () => {
  it('counts a product, its weight and its activations', async () => {
    const found = await estimate({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight(40, 50) }, inputs: { x: 'float32[2,30,40]' }, outputs: { y: 'float32[2,30,50]' } }, feed(2, 30, 40));
    const count = 2 * 30 * 40 * 50;
    expect(found.multiplyAdds).toEqual({ float32: count });
    expect(found.bytesMoved).toEqual({ weights: 4 * 40 * 50, activations: 4 * 2 * 30 * (40 + 50) });
    expect(found.arithmetic).toBeCloseTo(count * 4.6, 3);
    expect(found.memory).toBeCloseTo(4 * 40 * 50 * 243.75 + 4 * 2 * 30 * 90 * 12.5, 3);
  });

  it('counts a transposed product', async () => {
    const found = await estimate({ nodes: [makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1n })], initializers: { w: weight(7, 40) }, inputs: { x: 'float32[3,40]' }, outputs: { y: 'float32[3,7]' } }, feed(3, 40));
    expect(found.multiplyAdds).toEqual({ float32: 3 * 7 * 40 });
  });

  it('counts convolutions in groups, with an activation fused to them', async () => {
    const nodes = [makeNode('Conv', ['x', 'w'], ['c'], { group: 4n, pads: [1, 1, 1, 1] }), makeNode('Relu', ['c'], ['y'])];
    const found = await estimate({ nodes, initializers: { w: weight(8, 2, 3, 3) }, inputs: { x: 'float32[1,8,10,12]' }, outputs: { y: 'float32[1,8,10,12]' } }, feed(1, 8, 10, 12));
    expect(found.multiplyAdds).toEqual({ float32: 8 * 10 * 12 * 2 * 9 });
  });

  it('counts an LSTM', async () => {
    const nodes = [makeNode('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 6n })];
    const found = await estimate({ nodes, initializers: { w: weight(1, 24, 5), r: weight(1, 24, 6) }, inputs: { x: 'float32[7,2,5]' }, outputs: { y: 'float32[7,1,2,6]' } }, feed(7, 2, 5));
    expect(found.multiplyAdds).toEqual({ float32: 7 * 2 * 24 * (5 + 6) });
  });

  it('knows integer products, whose weights are smaller', async () => {
    const nodes = [
      makeNode('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
      makeNode('MatMulInteger', ['xq', 'w', 'xz'], ['i']),
      makeNode('Cast', ['i'], ['f'], { to: 1n }),
      makeNode('Mul', ['xs', 's'], ['scale']),
      makeNode('Mul', ['f', 'scale'], ['y']),
    ];
    const found = await estimate({ nodes, initializers: { w: bytes(40, 50), s: weight(50) }, inputs: { x: 'float32[3,40]' }, outputs: { y: 'float32[3,50]' } }, feed(3, 40));
    expect(found.multiplyAdds).toEqual({ int8: 3 * 40 * 50 });
    expect(found.bytesMoved.weights).toBe(40 * 50 + 4 * 50);
  });

  it('reads of a table only the rows that are used', async () => {
    const feeds: Feeds = { x: { dtype: 'int64', dims: [3], data: BigInt64Array.of(1n, 5n, 7n) } };
    const found = await estimate({ nodes: [makeNode('Gather', ['w', 'x'], ['y'])], initializers: { w: weight(1000, 16) }, inputs: { x: 'int64[3]' }, outputs: { y: 'float32[3,16]' } }, feeds);
    expect(found.bytesMoved.weights).toBe(4 * 3 * 16);
    expect(found.multiplyAdds).toEqual({});
  });
});
