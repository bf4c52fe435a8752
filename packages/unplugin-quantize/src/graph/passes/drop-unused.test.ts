import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats } from '../../../../../test/support/build-model.ts';
import { create, TensorAnnotationSchema } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropStaleTypes } from './drop-stale-types.ts';
import { dropUnusedInitializers } from './drop-unused-initializers.ts';

const one = floats([1], [1]);

describe('dropUnusedInitializers', () => {
  it('keeps what is read here or in a subgraph, and what callers know', () => {
    const branch = () => buildGraph({ nodes: [makeNode('Add', ['outer', 'inner'], ['out'])], initializers: { inner: one, unused2: one }, outputs: { out: 'float32[1]' } });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() })],
      initializers: { outer: one, unused1: one, fed: one, handed: one }, inputs: { on: 'bool[]', fed: 'float32[1]' }, outputs: { y: 'float32[1]', handed: 'float32[1]' },
    });
    expect(dropUnusedInitializers(model)).toBe(3);
    assertSound(model);
    expect(model.proto.graph!.initializer.map(({ name }) => name)).toEqual(['outer', 'fed', 'handed']);
    expect(dropUnusedInitializers(model)).toBe(0);
  });
});

describe('dropStaleTypes', () => {
  it('keeps entries of values that are there', () => {
    const model = buildModel({
      nodes: [makeNode('Add', ['x', 'w'], ['a']), makeNode('Neg', ['a'], ['y'])], initializers: { w: one }, inputs: { x: 'float32[1]' }, outputs: { y: '' },
      valueInfo: { a: 'float32[1]', gone: 'float32[1]', w: 'float32[1]' },
    });
    const graph = model.proto.graph!;
    graph.quantizationAnnotation = ['a', 'gone'].map((tensorName) => create(TensorAnnotationSchema, { tensorName }));
    expect(dropStaleTypes(model)).toBe(2);
    expect(graph.valueInfo.map(({ name }) => name)).toEqual(['a', 'w']);
    expect(graph.quantizationAnnotation.map(({ tensorName }) => tensorName)).toEqual(['a']);
  });
});
