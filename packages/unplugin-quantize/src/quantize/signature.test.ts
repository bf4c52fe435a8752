import { describe, expect, it } from 'vitest';
import { buildModel, ramp } from '../../../../test/support/build-model.ts';
import { makeNode } from '../graph/index.ts';
import { create, TypeProtoSchema, ValueInfoProtoSchema } from '../onnx/index.ts';
import { inputSignatures, outputSignatures } from './signature.ts';

describe('signatures', () => {
  const model = buildModel({
    nodes: [makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Identity', ['x'], ['z'])],
    initializers: { w: ramp([4, 5]) },
    inputs: { x: 'float32[N,3,4]', w: 'float32[4,5]', ids: 'int64[]', any: 'uint8', untyped: '' },
    outputs: { y: 'float32[N,3,5]', z: 'float16' },
  });
  const graph = model.proto.graph!;

  it('list inputs that have to be fed, with symbolic, unknown and no dims', () => {
    expect(inputSignatures(graph)).toEqual([
      { name: 'x', dtype: 'float32', dims: ['N', 3, 4] },
      { name: 'ids', dtype: 'int64', dims: [] },
      { name: 'any', dtype: 'uint8', dims: null },
      { name: 'untyped', dtype: 'unknown', dims: null },
    ]);
  });

  it('list outputs', () => {
    expect(outputSignatures(graph)).toEqual([{ name: 'y', dtype: 'float32', dims: ['N', 3, 5] }, { name: 'z', dtype: 'float16', dims: null }]);
  });

  it('give null for a dimension of which nothing is known and name other kinds of values', () => {
    const tensorType = { elemType: 1, shape: { dim: [{}, { value: { case: 'dimParam' as const, value: '' } }] } };
    const nothing = create(ValueInfoProtoSchema, { name: 'a', type: { value: { case: 'tensorType', value: tensorType } } });
    const elemType = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } });
    const sequence = create(ValueInfoProtoSchema, { name: 'b', type: { value: { case: 'sequenceType', value: { elemType } } } });
    graph.output.push(nothing, sequence);
    expect(outputSignatures(graph).slice(2)).toEqual([{ name: 'a', dtype: 'float32', dims: [null, null] }, { name: 'b', dtype: 'sequenceType', dims: null }]);
  });
});
