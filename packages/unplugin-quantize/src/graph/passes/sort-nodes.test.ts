import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel } from '../../../../../test/support/build-model.ts';
import { QuantizeError } from '../../errors.ts';
import type { Model } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { sortNodes } from './sort-nodes.ts';

const inputs = { x: 'float32[2]' };
const outputs = { y: '' };
const order = (model: Model): string[] => model.proto.graph!.node.map(({ output }) => output[0]!);

describe('sortNodes', () => {
  it('moves what a node needs in front of it and keeps the rest in order', () => {
    const model = buildModel({
      nodes: [makeNode('Abs', ['x'], ['first']), makeNode('Add', ['c', 'b'], ['y']), makeNode('Neg', ['a'], ['b']), makeNode('Relu', ['x'], ['a']), makeNode('Exp', ['a'], ['c'])],
      inputs, outputs,
    });
    expect(sortNodes(model)).toBe(1);
    assertSound(model);
    expect(order(model)).toEqual(['first', 'a', 'c', 'b', 'y']);
    expect(sortNodes(model)).toBe(0);
  });

  it('leaves an ordered graph alone, also one that is not in depth-first order', () => {
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Abs', ['x'], ['b']), makeNode('Neg', ['b'], ['c']), makeNode('Neg', ['a'], ['d']), makeNode('Add', ['d', 'c'], ['y'])],
      inputs, outputs,
    });
    const before = order(model);
    expect(sortNodes(model)).toBe(0);
    expect(order(model)).toEqual(before);
  });

  it('takes a value of its own for one of the graph around it, also where it comes later', () => {
    const branch = () => buildGraph({ nodes: [makeNode('Neg', ['a'], ['o']), makeNode('Abs', ['x'], ['a'])], outputs: { o: 'float32[2]' } });
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() })], inputs: { ...inputs, on: 'bool[]' }, outputs,
    });
    expect(sortNodes(model)).toBe(2);
    expect(model.proto.graph!.node[1]!.attribute.map(({ g }) => g!.node.map(({ output }) => output[0]))).toEqual([['a', 'o'], ['a', 'o']]);
  });

  it('counts what subgraphs take from outside, however deep', () => {
    const deep = () => buildGraph({ nodes: [makeNode('Neg', ['late'], ['o2'])], outputs: { o2: 'float32[2]' } });
    const branch = () => buildGraph({ nodes: [makeNode('If', ['on'], ['o1'], { then_branch: deep(), else_branch: deep() })], outputs: { o1: 'float32[2]' } });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() }), makeNode('Abs', ['x'], ['late'])], inputs: { ...inputs, on: 'bool[]' }, outputs,
    });
    expect(sortNodes(model)).toBe(1);
    assertSound(model);
    expect(order(model)).toEqual(['late', 'y']);
  });

  it.each([
    ['two nodes', [makeNode('Add', ['x', 'b'], ['a'], {}, { name: 'one' }), makeNode('Neg', ['a'], ['b'], {}, { name: 'two' }), makeNode('Neg', ['b'], ['y'])]],
    ['a node that reads itself', [makeNode('Add', ['x', 'y'], ['y'], {}, { name: 'one' })]],
  ])('refuses a circle of %s', (_, nodes) => {
    const model = buildModel({ nodes, inputs, outputs });
    expect(() => sortNodes(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', node: 'one', hint: expect.any(String) }) as QuantizeError);
  });

  it('does not overflow the stack on a long chain in reverse', () => {
    const length = 50_000;
    const nodes = Array.from({ length }, (_, i) => makeNode('Neg', [i === length - 1 ? 'x' : `v${i + 1}`], [i === 0 ? 'y' : `v${i}`]));
    const model = buildModel({ nodes, inputs, outputs });
    expect(sortNodes(model)).toBe(1);
    assertSound(model);
  });
});
