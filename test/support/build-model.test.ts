import { describe, expect, it } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { readPayload, tensorOf } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildGraph, buildModel, constantNode, floats, ints, ramp } from './build-model.ts';
import { longs, runModel, seededFloats } from './run-model.ts';

describe('buildModel', () => {
  it('makes a model that onnxruntime runs, with lazy weights', async () => {
    const model = buildModel({
      nodes: [constantNode('c', floats([], [2])), makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Mul', ['y', 'c'], ['z'])],
      initializers: { w: ramp([4, 100]) },
      inputs: { x: 'float32[N,4]' },
      outputs: { z: 'float32[N,100]' },
    });
    expect(model.payloads).toHaveLength(1);
    const w = new Float32Array(readPayload(tensorOf(model, model.proto.graph!.initializer[0]!)).buffer);
    const { z } = await runModel(model, { x: seededFloats([1, 4]) });
    expect(z).toMatchObject({ dtype: 'float32', dims: [1, 100] });
    const x = seededFloats([1, 4]).data;
    const first = [0, 1, 2, 3].reduce((sum, k) => sum + Number(x[k]) * w[k * 100]!, 0) * 2;
    expect((z!.data as Float32Array)[0]).toBeCloseTo(first, 5);
  });

  it('carries subgraphs', async () => {
    const branch = (value: number) => buildGraph({ nodes: [constantNode('v', ints([1], [value]))], outputs: { v: 'int64[1]' } });
    const model = buildModel({
      nodes: [makeNode('Equal', ['a', 'a'], ['same']), makeNode('If', ['same'], ['out'], { then_branch: branch(7), else_branch: branch(9) })],
      inputs: { a: 'int64[]' },
      outputs: { out: 'int64[1]' },
    });
    const { out } = await runModel(model, { a: longs([], [1]) });
    expect(out!.data).toEqual(BigInt64Array.of(7n));
  });

});
