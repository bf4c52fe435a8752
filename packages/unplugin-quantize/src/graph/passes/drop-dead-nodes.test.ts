import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats } from '../../../../../test/support/build-model.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropDeadNodes } from './drop-dead-nodes.ts';

const inputs = { x: 'float32[2]' };

describe('dropDeadNodes', () => {
  it('removes what no output depends on, random nodes too', () => {
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Shape', ['a'], ['s']), makeNode('Cast', ['s'], ['t'], { to: 1n }), makeNode('RandomUniformLike', ['x'], ['r']),
        makeNode('TopK', ['a', 'k'], ['values', 'indices']), makeNode('Neg', ['values'], ['y'])],
      initializers: { k: floats([1], [1]) }, inputs, outputs: { y: '' },
    });
    expect(dropDeadNodes(model)).toBe(3);
    assertSound(model);
    expect(model.proto.graph!.node.map(({ opType }) => opType)).toEqual(['Relu', 'TopK', 'Neg']);
    expect(dropDeadNodes(model)).toBe(0);
  });

  it('keeps what a live subgraph takes from outside, and drops what is dead inside', () => {
    const branch = () => buildGraph({
      nodes: [constantNode('c', floats([2], [1, 2])), makeNode('Neg', ['c'], ['dead']), makeNode('Add', ['a', 'c'], ['out'])], outputs: { out: 'float32[2]' },
    });
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('Abs', ['x'], ['b']), makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() })],
      inputs: { ...inputs, on: 'bool[]' }, outputs: { y: 'float32[2]' },
    });
    expect(dropDeadNodes(model)).toBe(3);
    assertSound(model);
    expect(model.proto.graph!.node.map(({ opType }) => opType)).toEqual(['Relu', 'If']);
  });

  it('removes a dead If with everything that only it read', () => {
    const branch = () => buildGraph({ nodes: [makeNode('Neg', ['a'], ['out'])], outputs: { out: 'float32[2]' } });
    const model = buildModel({
      nodes: [makeNode('Relu', ['x'], ['a']), makeNode('If', ['on'], ['b'], { then_branch: branch(), else_branch: branch() }), makeNode('Abs', ['x'], ['y'])],
      inputs: { ...inputs, on: 'bool[]' }, outputs: { y: '' },
    });
    expect(dropDeadNodes(model)).toBe(2);
    expect(model.proto.graph!.node.map(({ opType }) => opType)).toEqual(['Abs']);
  });
});
