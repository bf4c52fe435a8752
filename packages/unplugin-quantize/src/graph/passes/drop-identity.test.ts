import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, rawBool, type ModelParts } from '../../../../../test/support/build-model.ts';
import { runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import type { Model } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropIdentity } from './drop-identity.ts';

const inputs = { x: 'float32[2,3]' };
const feeds = { x: seededFloats([2, 3]) };
const shown = (model: Model): string[] => model.proto.graph!.node.map(({ opType, input, output }) => `${output.join()} = ${opType}(${input.join()})`);

interface Case extends ModelParts {
  name: string;
  dropped: number;
  after: string[];
}

const CASES: Case[] = [
  { name: 'readers read the input', nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Identity', ['a'], ['b']), makeNode('Neg', ['b'], ['y'])],
    outputs: { y: '' }, dropped: 1, after: ['a = Relu(x)', 'y = Neg(a)'] },
  { name: 'a chain', nodes: [makeNode('Identity', ['x'], ['a']), makeNode('Identity', ['a'], ['b']), makeNode('Add', ['a', 'b'], ['y'])],
    outputs: { y: '' }, dropped: 2, after: ['y = Add(x,x)'] },
  { name: 'an initializer', nodes: [makeNode('Identity', ['w'], ['a']), makeNode('Add', ['x', 'a'], ['y'])], initializers: { w: floats([3], [1, 2, 3]) },
    outputs: { y: '' }, dropped: 1, after: ['y = Add(x,w)'] },
  { name: 'an output takes its name to the producer', nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Neg', ['a'], ['z']), makeNode('Identity', ['a'], ['y'])],
    outputs: { y: '', z: '' }, dropped: 1, after: ['y = Relu(x)', 'z = Neg(y)'] },
  { name: 'a chain to an output', nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Identity', ['a'], ['b']), makeNode('Identity', ['b'], ['y'])],
    outputs: { y: '' }, dropped: 2, after: ['y = Relu(x)'] },
  { name: 'two outputs of one value keep one node', nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Identity', ['a'], ['y']), makeNode('Identity', ['a'], ['z'])],
    outputs: { y: '', z: '' }, dropped: 1, after: ['y = Relu(x)', 'z = Identity(y)'] },
  { name: 'input to output stays', nodes: [makeNode('Identity', ['x'], ['y'])], outputs: { y: '' }, dropped: 0, after: ['y = Identity(x)'] },
  { name: 'initializer to output stays', nodes: [makeNode('Identity', ['w'], ['y'])], initializers: { w: floats([1], [1]) }, outputs: { y: '' }, dropped: 0, after: ['y = Identity(w)'] },
  { name: 'output to output stays', nodes: [makeNode('Relu', ['x'], ['z']), makeNode('Identity', ['z'], ['y'])], outputs: { y: '', z: '' }, dropped: 0, after: ['z = Relu(x)', 'y = Identity(z)'] },
  { name: 'Dropout', nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Dropout', ['a'], ['b', 'mask']), makeNode('Neg', ['b'], ['y'])],
    outputs: { y: '' }, dropped: 1, after: ['a = Relu(x)', 'y = Neg(a)'] },
  { name: 'Dropout with training_mode false', nodes: [makeNode('Dropout', ['x', '', 'off'], ['b']), makeNode('Neg', ['b'], ['y'])], initializers: { off: rawBool(false) },
    outputs: { y: '' }, dropped: 1, after: ['y = Neg(x)'] },
  { name: 'Dropout whose mask is read stays', nodes: [makeNode('Dropout', ['x'], ['b', 'mask']), makeNode('Not', ['mask'], ['z']), makeNode('Neg', ['b'], ['y'])],
    outputs: { y: '', z: '' }, dropped: 0, after: ['b,mask = Dropout(x)', 'z = Not(mask)', 'y = Neg(b)'] },
];

describe('dropIdentity', () => {
  it.each(CASES)('$name', async ({ dropped, after, ...parts }) => {
    const model = buildModel({ ...parts, inputs });
    const before = await runModel(model, feeds);
    expect(dropIdentity(model)).toBe(dropped);
    assertSound(model);
    expect(shown(model)).toEqual(after);
    expect(await runModel(model, feeds)).toEqual(before);
  });

  it.each([
    ['on', rawBool(true), {}],
    ['not known', undefined, { mode: 'bool[]' }],
    ['a default that can be fed', rawBool(false), { mode: 'bool[]' }],
  ] as const)('leaves Dropout whose training mode is %s', (_, mode, extra) => {
    const model = buildModel({
      nodes: [makeNode('Dropout', ['x', '', 'mode'], ['b']), makeNode('Neg', ['b'], ['y'])], initializers: mode && { mode }, inputs: { ...inputs, ...extra }, outputs: { y: '' },
    });
    expect(dropIdentity(model)).toBe(0);
  });

  it('leaves Identity of another domain', () => {
    const model = buildModel({ nodes: [makeNode('Identity', ['x'], ['a'], {}, { domain: 'mine' }), makeNode('Neg', ['a'], ['y'])], inputs, outputs: { y: '' }, domains: { mine: 1 } });
    expect(dropIdentity(model)).toBe(0);
  });

  it('renames what subgraphs read, and keeps outputs of subgraphs nodes', async () => {
    const branch = (opType: string) => buildGraph({
      nodes: [makeNode(opType, ['b'], ['c']), makeNode('Identity', ['c'], ['d']), makeNode('Identity', ['b'], ['e'])], outputs: { d: 'float32[2,3]', e: 'float32[2,3]' },
    });
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Identity', ['a'], ['b']), makeNode('If', ['on'], ['y', 'z'], { then_branch: branch('Neg'), else_branch: branch('Abs') })],
      inputs: { ...inputs, on: 'bool[]' }, outputs: { y: 'float32[2,3]', z: 'float32[2,3]' },
    });
    const { Tensor } = await import('onnxruntime-node');
    const all = { ...feeds, on: new Tensor('bool', [true], []) };
    const before = await runModel(model, all);
    expect(dropIdentity(model)).toBe(3);
    assertSound(model);
    const inner = model.proto.graph!.node[1]!.attribute[0]!.g!;
    expect(inner.node.map(({ opType, input, output }) => `${output[0]} = ${opType}(${input[0]})`)).toEqual(['d = Neg(a)', 'e = Identity(a)']);
    expect(await runModel(model, all)).toEqual(before);
  });

  it('does not let a subgraph read its own value of the same name', () => {
    const inner = buildGraph({ nodes: [makeNode('Neg', ['x'], ['a']), makeNode('Add', ['a', 'b'], ['out'])], outputs: { out: 'float32[2,3]' } });
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Identity', ['a'], ['b']), makeNode('If', ['on'], ['y'], { then_branch: inner, else_branch: inner })],
      inputs: { ...inputs, on: 'bool[]' }, outputs: { y: 'float32[2,3]' },
    });
    expect(dropIdentity(model)).toBe(0);
  });
});
