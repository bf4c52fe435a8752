import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats, ramp } from '../../../../../test/support/build-model.ts';
import { reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { readPayload, tensorOf } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { liftConstants } from './lift-constants.ts';

const inputs = { x: 'float32[1,4]' };
const outputs = { y: '' };

describe('liftConstants', () => {
  it('makes initializers of Constant nodes and leaves large data where it is', async () => {
    const model = buildModel({ nodes: [constantNode('w', ramp([4, 100])), makeNode('MatMul', ['x', 'w'], ['y'])], inputs, outputs });
    const [data] = model.payloads;
    const before = await runModel(model, { x: seededFloats([1, 4]) });
    expect(liftConstants(model)).toBe(1);
    assertSound(model);
    const { node, initializer: [w] } = model.proto.graph!;
    expect(node.map(({ opType }) => opType)).toEqual(['MatMul']);
    expect(w).toMatchObject({ name: 'w', dims: [4n, 100n] });
    expect(model.payloads[w!.payload]).toBe(data);
    expect(await runModel(model, { x: seededFloats([1, 4]) })).toEqual(before);
    expect(liftConstants(model)).toBe(0);
  });

  it.each([
    ['value_float', { value_float: { float: 0.1 } }, 'float32', [], Float32Array.of(0.1)],
    ['value_floats', { value_floats: { floats: [0.1, -2] } }, 'float32', [2], Float32Array.of(0.1, -2)],
    ['value_int', { value_int: -(2n ** 62n) }, 'int64', [], BigInt64Array.of(-(2n ** 62n))],
    ['value_ints', { value_ints: [3, -1, 0] }, 'int64', [3], BigInt64Array.of(3n, -1n, 0n)],
  ] as const)('lifts %s', (_form, attributes, dtype, dims, values) => {
    const mutable = structuredClone(attributes) as Parameters<typeof makeNode>[3];
    const model = buildModel({ nodes: [makeNode('Constant', [], ['c'], mutable), makeNode('Identity', ['c'], ['y'])], outputs });
    expect(liftConstants(model)).toBe(1);
    const tensor = tensorOf(model, model.proto.graph!.initializer[0]!);
    expect(tensor).toMatchObject({ dtype, dims });
    expect(readPayload(tensor)).toEqual(new Uint8Array(values.buffer));
  });

  it('leaves strings, other domains and outputs of the graph', () => {
    const model = buildModel({
      nodes: [makeNode('Constant', [], ['s'], { value_string: 'a' }), makeNode('Constant', [], ['d'], { value_int: 1n }, { domain: 'com.example' }), constantNode('y', floats([], [1]))],
      outputs, domains: { 'com.example': 1 },
    });
    expect(liftConstants(model)).toBe(0);
    expect(model.proto.graph!.node).toHaveLength(3);
  });

  it('lifts within subgraphs, into the subgraph', async () => {
    const branch = (value: number) => buildGraph({
      nodes: [constantNode('c', floats([1], [value])), makeNode('Mul', ['x', 'c'], ['out'])], outputs: { out: 'float32[1,4]' },
    });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(2), else_branch: branch(3) })], inputs: { ...inputs, on: 'bool[]' }, outputs: { y: 'float32[1,4]' },
    });
    const { Tensor } = await import('onnxruntime-node');
    const feeds = { x: seededFloats([1, 4]), on: new Tensor('bool', [false], []) };
    const before = await runModel(model, feeds);
    expect(liftConstants(model)).toBe(2);
    assertSound(model);
    expect(model.proto.graph!.initializer).toHaveLength(0);
    expect(await runModel(reread(model), feeds)).toEqual(before);
  });

  it('raises IR version 3, in which a mere initializer is not allowed', () => {
    const model = buildModel({ ir: 3, opset: 9, nodes: [constantNode('c', floats([], [1])), makeNode('Add', ['x', 'c'], ['y'])], inputs, outputs });
    liftConstants(model);
    expect(model.proto.irVersion).toBe(4n);
  });
});
