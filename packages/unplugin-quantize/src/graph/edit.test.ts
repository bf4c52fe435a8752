import { describe, expect, it } from 'vitest';
import { buildGraph, floats } from '../../../../test/support/build-model.ts';
import { makeNode, renameReads } from './edit.ts';
import { subgraphsOf } from './scope.ts';

const inner = (more: Partial<Parameters<typeof buildGraph>[0]> = {}) => buildGraph({ nodes: [makeNode('Add', ['a', 'b'], ['r'])], outputs: { r: '' }, ...more });
const loop = (body: ReturnType<typeof inner>) => makeNode('Loop', ['a', ''], ['y'], { body });
const readsOf = (node: ReturnType<typeof loop>): string[] => [...subgraphsOf(node)].flatMap(({ graph }) => graph.node.flatMap(({ input }) => input));

describe('renameReads', () => {
  it('renames what nodes and their subgraphs read, and no output', () => {
    const nodes = [makeNode('Neg', ['a'], ['b']), loop(inner())];
    renameReads(nodes, new Map([['a', 'c'], ['b', 'd']]));
    expect(nodes.map(({ input, output }) => [...input, ...output])).toEqual([['c', 'b'], ['c', '', 'y']]);
    expect(readsOf(nodes[1]!)).toEqual(['c', 'd']);
  });

  it.each([
    ['an input', { inputs: { a: 'float32' } }],
    ['an initializer', { initializers: { a: floats([1], [1]) } }],
    ['a result', { nodes: [makeNode('Neg', ['x'], ['a']), makeNode('Add', ['a', 'b'], ['r'])] }],
  ])('leaves reads of %s of the subgraph with that name, there and further in', (_, own) => {
    const body = inner(own);
    body.node.push(loop(inner()));
    const node = loop(body);
    renameReads([node], new Map([['a', 'c'], ['b', 'd']]));
    expect(node.input).toEqual(['c', '']);
    expect(readsOf(node).filter((name) => name === 'c')).toEqual([]);
    expect(readsOf(body.node.at(-1)!)).toEqual(['a', 'd']);
  });
});
