import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, type ModelParts } from '../../../../../test/support/build-model.ts';
import { bool } from '../../../../../test/support/integer-arithmetic.ts';
import { bytesOf, reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import type { Model } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { scopesOf } from '../scope.ts';
import { assertSound } from './assert-sound.ts';
import { minifyNames } from './minify-names.ts';

const model = (parts: Partial<ModelParts> = {}): Model => buildModel({
  nodes: [makeNode('MatMul', ['x', 'encoder.weight'], ['/encoder/MatMul_output_0'], {}, { name: '/encoder/MatMul' }), makeNode('Relu', ['/encoder/MatMul_output_0'], ['y'])],
  initializers: { 'encoder.weight': floats([2, 2], [1, 2, 3, 4]) },
  inputs: { x: 'float32[N,2]' },
  outputs: { y: 'float32[N,2]' },
  valueInfo: { '/encoder/MatMul_output_0': 'float32[N,2]' },
  ...parts,
});

describe('minifyNames', () => {
  it('shortens inner names and keeps those of inputs and outputs', async () => {
    const source = model();
    source.proto.graph!.docString = 'made by hand';
    source.proto.graph!.node[0]!.docString = 'a line of Python';
    const before = reread(source);
    expect(minifyNames(source)).toBe(2);
    const { node, initializer, valueInfo, docString, input, output } = source.proto.graph!;
    expect(node.map((one) => [one.name, one.docString, one.input, one.output])).toEqual([['', '', ['x', '0'], ['1']], ['', '', ['1'], ['y']]]);
    expect([initializer[0]!.name, valueInfo, docString, input[0]!.name, output[0]!.name]).toEqual(['0', [], '', 'x', 'y']);
    expect(bytesOf(source).byteLength).toBeLessThan(bytesOf(before).byteLength);
    const feeds = { x: seededFloats([3, 2]) };
    expect(await runModel(source, feeds)).toEqual(await runModel(before, feeds));
  });

  it('never gives an inner value the name of an input or output', async () => {
    const source = model({
      nodes: [makeNode('MatMul', ['0', 'w'], ['a']), makeNode('Relu', ['a'], ['1']), makeNode('Neg', ['a'], ['b']), makeNode('Abs', ['b'], ['2'])],
      initializers: { w: floats([2, 2], [1, 2, 3, 4]) },
      inputs: { 0: 'float32[N,2]' },
      outputs: { 1: 'float32[N,2]', 2: 'float32[N,2]' },
      valueInfo: {},
    });
    const before = reread(source);
    minifyNames(source);
    expect(source.proto.graph!.node.flatMap(({ output }) => output)).toEqual(['4', '1', '5', '2']);
    expect(await runModel(source, { 0: seededFloats([3, 2]) })).toEqual(await runModel(before, { 0: seededFloats([3, 2]) }));
  });

  it('keeps apart what subgraphs define apart and together what they read from around', async () => {
    const branch = (op: string): ReturnType<typeof buildGraph> => buildGraph({
      nodes: [makeNode(op, ['outer'], ['inner']), makeNode('Add', ['inner', 'own'], ['result'])],
      initializers: { own: floats([1], [op === 'Neg' ? 1 : 2]) },
      outputs: { result: 'float32[N,2]' },
      valueInfo: { inner: 'float32[N,2]' },
    });
    const source = model({
      nodes: [makeNode('Relu', ['x'], ['outer']), makeNode('If', ['flag'], ['y'], { then_branch: branch('Neg'), else_branch: branch('Exp') }, { name: 'choice' })],
      inputs: { x: 'float32[N,2]', flag: 'bool[]' },
    });
    const before = reread(source);
    minifyNames(source);
    expect(() => assertSound(source)).not.toThrow();
    const [main, then, other] = scopesOf(source).map(({ graph }) => graph);
    expect(then!.node[0]!.input).toEqual(main!.node[0]!.output);
    expect(then!.node.map(({ output }) => output)).toEqual(other!.node.map(({ output }) => output));
    expect(then!.output[0]!.name).toBe(then!.node[1]!.output[0]);
    for (const flag of [true, false]) {
      const feeds = { x: seededFloats([3, 2]), flag: bool(flag) };
      expect(await runModel(source, feeds)).toEqual(await runModel(before, feeds));
    }
  });

  it('keeps a subgraph\'s value that has the name of an output apart from it', async () => {
    // y is an output of the main graph and, in the branch, a value of its own.
    const branch = (op: string): ReturnType<typeof buildGraph> => buildGraph({ nodes: [makeNode(op, ['x'], ['y_inner']), makeNode('Neg', ['y_inner'], [`${op}_out`])], outputs: { [`${op}_out`]: 'float32[N,2]' } });
    const source = model({ nodes: [makeNode('If', ['flag'], ['y'], { then_branch: branch('Abs'), else_branch: branch('Relu') })], inputs: { x: 'float32[N,2]', flag: 'bool[]' }, outputs: { y: 'float32[N,2]' } });
    const before = reread(source);
    minifyNames(source);
    const feeds = { x: seededFloats([3, 2]), flag: bool(true) };
    expect(await runModel(source, feeds)).toEqual(await runModel(before, feeds));
  });

  it('leaves optional inputs and outputs without a name', () => {
    const source = model({ nodes: [makeNode('Clip', ['x', '', 'max'], ['y'])], initializers: { max: floats([], [1]) } });
    minifyNames(source);
    expect(source.proto.graph!.node[0]!.input).toEqual(['x', '', '0']);
  });
});
