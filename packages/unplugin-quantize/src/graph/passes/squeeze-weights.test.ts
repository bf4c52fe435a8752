import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, type ModelParts } from '../../../../../test/support/build-model.ts';
import { initializer, opTypes, quantize } from '../../../../../test/support/quantize-model.ts';
import { runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { cloneModel, type Model } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { squeezeWeights } from './squeeze-weights.ts';

const matrix = (dims: number[]) => floats(dims, [...(seededFloats(dims, 3).data as Float32Array)]);
const model = (more: Partial<ModelParts> = {}): Model =>
  buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: matrix([1, 64, 64]) }, inputs: { x: 'float32[B,M,64]' }, outputs: { y: 'float32' }, ...more });

function squeezed(source: Model): { count: number; model: Model } {
  const copy = cloneModel(source);
  return { count: squeezeWeights(copy), model: copy };
}

describe('squeezeWeights', () => {
  it.each([[[1, 64, 64], 'float32[B,M,64]', [2, 3, 64]], [[1, 1, 64, 64], 'float32[A,B,M,64]', [2, 2, 3, 64]], [[1, 64, 64], 'float32[A,B,M,64]', [2, 1, 3, 64]]])(
    'a matrix of %j read with %s computes the same as a matrix', async (dims, type, feed) => {
      const source = model({ initializers: { w: matrix(dims) }, inputs: { x: type } });
      const { count, model: changed } = squeezed(source);
      expect([count, initializer(changed, 'w').dims]).toEqual([1, [64n, 64n]]);
      const feeds = { x: seededFloats(feed) };
      expect(await runModel(changed, feeds)).toEqual(await runModel(source, feeds));
    });

  it('a matrix that a branch reads too', async () => {
    const branch = (op: string) => buildGraph({ nodes: [makeNode('MatMul', ['x', 'w'], ['m']), makeNode(op, ['m'], ['b'])], outputs: { b: 'float32' } });
    const source = model({
      nodes: [makeNode('MatMul', ['x', 'w'], ['y']), makeNode('ReduceMax', ['y'], ['top'], { keepdims: 0n }), makeNode('Greater', ['top', 'zero'], ['on']), makeNode('If', ['on'], ['z'], { then_branch: branch('Neg'), else_branch: branch('Abs') })],
      initializers: { w: matrix([1, 64, 64]), zero: floats([], [0]) }, outputs: { y: 'float32', z: 'float32' },
    });
    const { count, model: changed } = squeezed(source);
    expect(count).toBe(1);
    const feeds = { x: seededFloats([2, 3, 64]) };
    expect(await runModel(changed, feeds)).toEqual(await runModel(source, feeds));
  });

  it.each<[string, Partial<ModelParts>]>([
    ['the product would lose a dimension', { inputs: { x: 'float32[M,64]' } }],
    ['the rank of the other side is not known', { inputs: { x: 'float32' } }],
    ['it is no single matrix', { initializers: { w: matrix([2, 64, 64]) } }],
    ['it is the left side', { nodes: [makeNode('MatMul', ['w', 'x'], ['y'])], inputs: { x: 'float32[B,64,M]' } }],
    ['something else reads it', { nodes: [makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Neg', ['w'], ['z'])], outputs: { y: 'float32', z: 'float32' } }],
    ['it can be fed', { inputs: { x: 'float32[B,M,64]', w: 'float32[1,64,64]' } }],
    ['it is an output', { outputs: { y: 'float32', w: 'float32[1,64,64]' } }],
  ])('leaves a weight where %s', (_, parts) => {
    expect(squeezed(model(parts)).count).toBe(0);
  });

  it('lets every format take such a weight as a matrix', () => {
    expect(opTypes(quantize(model(), { format: 'int8-dynamic' }).model)).toContain('MatMulInteger');
    expect(opTypes(quantize(model(), { format: 'int4' }).model)).toContain('MatMulNBits');
  });
});
