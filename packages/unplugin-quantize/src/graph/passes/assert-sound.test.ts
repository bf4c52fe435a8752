import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats, ints, ramp, type ModelParts } from '../../../../../test/support/build-model.ts';
import { allModels } from '../../../../../test/support/models.ts';
import { bytesSource, rawTensor, readModel } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';

const good: ModelParts = { nodes: [makeNode('Add', ['x', 'w'], ['y'], {}, { name: 'add' })], initializers: { w: floats([2], [1, 2]) }, inputs: { x: 'float32[2]' }, outputs: { y: '' } };
const inner = (read: string) => buildGraph({ nodes: [makeNode('Neg', [read], ['out'], {}, { name: 'neg' })], outputs: { out: '' } });
const branches = (read: string) => makeNode('If', ['x'], ['y'], { then_branch: inner(read), else_branch: inner(read) });

describe('assertSound', () => {
  it.each(allModels)('accepts %s', (path) => {
    expect(() => assertSound(readModel(bytesSource(readFileSync(path), path)))).not.toThrow();
  });

  it.each<[string, ModelParts]>([
    ['a missing optional input', { ...good, nodes: [makeNode('Clip', ['x', '', 'w'], ['y'])] }],
    ['an initializer that is an input', { ...good, inputs: { x: 'float32[2]', w: 'float32[2]' } }],
    ['an initializer as output', { ...good, outputs: { y: '', w: '' } }],
    ['a subgraph that reads outer values', { ...good, nodes: [makeNode('Abs', ['x'], ['a']), branches('a')] }],
    ['a subgraph that hides an outer name', { ...good, nodes: [makeNode('Abs', ['x'], ['out']), branches('out')] }],
    ['an empty tensor', { ...good, initializers: { w: floats([0, 5], []) } }],
  ])('accepts %s', (_, parts) => {
    expect(() => assertSound(buildModel(parts))).not.toThrow();
  });

  const nested = makeNode('Abs', ['x'], ['a']);
  it.each<[string, ModelParts, RegExp, string | undefined]>([
    ['a name that nothing defines', { ...good, nodes: [makeNode('Neg', ['nowhere'], ['y'])] }, /reads "nowhere", which nothing defines/, 'y'],
    ['a name that is computed later', { ...good, nodes: [makeNode('Neg', ['a'], ['y']), nested] }, /reads "a", which no earlier node computes/, 'y'],
    ['a subgraph that reads what comes later', { ...good, nodes: [branches('a'), nested] }, /reads "a", which no earlier/, 'neg'],
    ['a value of another branch', { ...good, nodes: [makeNode('If', ['x'], ['y'], { then_branch: inner('x'), else_branch: inner('elsewhere') })] }, /"elsewhere"/, 'neg'],
    ['a value of a subgraph read outside', { ...good, nodes: [makeNode('If', ['x'], ['a'], { then_branch: inner('x'), else_branch: inner('x') }), makeNode('Neg', ['out'], ['y'])] }, /"out"/, 'y'],
    ['a name defined by two nodes', { ...good, nodes: [nested, nested, ...good.nodes] }, /"a" is defined twice/, 'a'],
    ['a node that redefines an input', { ...good, nodes: [makeNode('Neg', ['w'], ['x']), ...good.nodes] }, /"x" is defined twice/, 'x'],
    ['a node that redefines an initializer', { ...good, nodes: [makeNode('Neg', ['x'], ['w']), ...good.nodes] }, /"w" is defined twice/, 'w'],
    ['one name twice in a node', { ...good, nodes: [makeNode('Split', ['x'], ['a', 'a']), ...good.nodes] }, /"a" is defined twice/, 'a'],
    ['text in raw form', { ...good, initializers: { w: rawTensor('string', [2], new Uint8Array(2)) } }, /text keeps its elements where only numbers/, 'w'],
    ['a product without its second factor', { ...good, nodes: [makeNode('MatMul', ['x'], ['y'])] }, /MatMul lacks input 1/, 'y'],
    ['a missing input that is needed', { ...good, nodes: [makeNode('Gather', ['', 'x'], ['y'])] }, /Gather lacks input 0/, 'y'],
    ['an Identity of two outputs', { ...good, nodes: [makeNode('Identity', ['x'], ['y', 'z'])] }, /Identity has 2 outputs; 1 is the most/, 'y'],
    ['a node without an operator', { ...good, nodes: [makeNode('', ['x'], ['y'])] }, /no operator/, 'y'],
    ['an output that nothing computes', { ...good, outputs: { y: '', z: '' } }, /Nothing computes the output "z"/, undefined],
    ['no outputs', { ...good, outputs: {} }, /no outputs/, undefined],
  ])('refuses %s', (_, parts, what, node) => {
    const model = buildModel(parts);
    expect(() => assertSound(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', what: expect.stringMatching(what), node, hint: expect.any(String), model: 'test model' }));
  });

  it.each<[string, bigint[]]>([
    ['a negative dim', [-1n, -2n]], ['too many elements', [2n ** 40n, 2n ** 40n]], ['a wrong size', [3n]], ['no elements', [0n]],
  ])('refuses a tensor with %s', (_, dims) => {
    for (const w of [floats([2], [1, 2]), ramp([512])]) {
      const model = buildModel({ ...good, initializers: { w } });
      model.proto.graph!.initializer[0]!.dims = dims;
      expect(() => assertSound(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', node: 'w' }));
    }
  });

  it('looks at tensors of attributes too', () => {
    const model = buildModel({ ...good, nodes: [constantNode('c', ints([1], [1])), ...good.nodes] });
    expect(() => assertSound(model)).not.toThrow();
    model.proto.graph!.node[0]!.attribute[0]!.t!.dims = [2n];
    expect(() => assertSound(model)).toThrow(/needs 16 bytes and has 8/);
  });

  it('goes through 50,000 nodes', () => {
    const nodes = Array.from({ length: 50_000 }, (_, i) => makeNode('Neg', [i === 0 ? 'x' : `v${i - 1}`], [i === 49_999 ? 'y' : `v${i}`]));
    expect(() => assertSound(buildModel({ ...good, nodes }))).not.toThrow();
  });
});
