import { describe, expect, it } from 'vitest';
import { buildGraph, ints, type ModelParts } from '../../../../test/support/build-model.ts';
import { bool, DYNAMIC, expectClose, product, weight } from '../../../../test/support/integer-arithmetic.ts';
import { opTypes, quantize } from '../../../../test/support/quantize-model.ts';
import { bytesOf, seededFloats } from '../../../../test/support/run-model.ts';
import { makeNode, scopesOf } from '../graph/index.ts';
import { opsetVersion, type Model } from '../onnx/index.ts';

describe('subgraphs', () => {
  /** A product in both branches of If: one with a weight of the main graph, one with its own. */
  const branches = (parts: Partial<ModelParts> = {}): Model => product({
    nodes: [
      makeNode('MatMul', ['x', 'w'], ['outside']),
      makeNode('If', ['flag'], ['inside'], {
        then_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'w'], ['t'])], outputs: { t: 'float32[N,40]' } }),
        else_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'own'], ['e'])], initializers: { own: weight([32, 40], 5) }, outputs: { e: 'float32[N,40]' } }),
      }, { name: 'choice' }),
      makeNode('Add', ['outside', 'inside'], ['y']),
    ],
    inputs: { x: 'float32[N,32]', flag: 'bool[]' },
    ...parts,
  });

  it.each([true, false])('of If(%s) compute with weights of their own and of the graph around', async (flag) => {
    const feeds = { x: seededFloats([2, 32]), flag: bool(flag) };
    const { model, weights } = await expectClose(branches(), feeds);
    const nodes = scopesOf(model).map(({ graph }) => graph.node.map((node) => node.opType));
    expect(nodes.filter((ops) => ops.includes('MatMulInteger') && ops.includes('DynamicQuantizeLinear'))).toHaveLength(3);
    expect(weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual([['w', 'int8-dynamic'], ['choice/else_branch/own', 'int8-dynamic']]);
  });

  it('of Loop read a Gemm\'s matrix of the graph around', async () => {
    const body = buildGraph({
      nodes: [makeNode('Gemm', ['state', 'w'], ['next'], { transB: 1n }, { name: 'step' }), makeNode('Identity', ['go'], ['going'])],
      inputs: { i: 'int64[]', go: 'bool[]', state: 'float32[2,32]' },
      outputs: { going: 'bool[]', next: 'float32[2,32]' },
    });
    const source = product({ nodes: [makeNode('Loop', ['count', '', 'x'], ['y'], { body })], initializers: { w: weight([32, 32]), count: ints([], [2]) }, inputs: { x: 'float32[2,32]' }, outputs: { y: 'float32[2,32]' } });
    const { weights } = await expectClose(source, { x: seededFloats([2, 32]) });
    expect(weights[0]).toMatchObject({ tensor: 'w', scheme: 'int8-dynamic' });
  });

  it('have a zero point for convolutions of their own', async () => {
    const branch = (output: string): ReturnType<typeof buildGraph> => buildGraph({ nodes: [makeNode('Conv', ['x', 'w'], [output])], outputs: { [output]: 'float32[1,16,7,7]' } });
    const source = product({
      nodes: [makeNode('If', ['flag'], ['y'], { then_branch: branch('t'), else_branch: branch('e') })],
      initializers: { w: weight([16, 8, 3, 3]) },
      inputs: { x: 'float32[1,8,9,9]', flag: 'bool[]' },
      outputs: { y: 'float32[1,16,7,7]' },
    });
    for (const flag of [true, false]) {
      const { model } = await expectClose(source, { x: seededFloats([1, 8, 9, 9]), flag: bool(flag) }, { ...DYNAMIC, ops: ['Conv'] });
      expect(scopesOf(model).map(({ graph }) => graph.initializer.filter((proto) => proto.name.startsWith('zero_point')).length)).toEqual([0, 1, 1]);
    }
  });
});

describe('older opsets', () => {
  it.each([9, 10])('%i is converted, other operators with it', async (opset) => {
    const nodes = [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Clip', ['m'], ['y'], { min: { float: -12 }, max: { float: 12 } })];
    const { model, notes } = await expectClose(product({ opset, ir: 4, nodes }), { x: seededFloats([2, 32]) });
    expect(opsetVersion(model.proto)).toBe(11);
    expect(notes).toEqual([]);
  });

  const refused = (): Model => product({
    opset: 10,
    domains: { 'ai.onnx.ml': 1 },
    nodes: [makeNode('NotAnOperator', ['x'], ['z'], {}, { name: 'strange' }), makeNode('Gemm', ['z', 'w'], ['y'], { transB: 1n })],
    initializers: { w: weight([40, 32]) },
  });

  it('that cannot be converted are left as they are, with a note that names the node', () => {
    const { notes, weights, model } = quantize(refused(), DYNAMIC);
    expect(notes[0]).toMatch(/^No integer arithmetic: opset 11 is needed, and .*NotAnOperator.*strange/);
    expect(weights[0]).toMatchObject({ scheme: 'kept', dims: [40, 32] });
    expect(opTypes(model)).toEqual(['NotAnOperator', 'Gemm']);
  });

  it('that cannot be converted still get small storage as int8', () => {
    const { weights } = quantize(refused(), { format: 'int8' });
    expect(weights[0]!.scheme).toBe('int8-storage');
  });

  it('are not converted when there is nothing to compute in integers', () => {
    const source = product({ opset: 9, ir: 4, initializers: { w: weight([32, 31]) }, outputs: { y: 'float32[N,31]' } });
    expect(opsetVersion(quantize(source, DYNAMIC).model.proto)).toBe(9);
  });

  it('a model without any opset is told apart', () => {
    const source = product();
    source.proto.opsetImport = [];
    expect(quantize(bytesOf(source), DYNAMIC).notes[0]).toContain('does not say which opset');
  });
});
