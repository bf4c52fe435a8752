import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ramp } from '../../../../../test/support/build-model.ts';
import { reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { arrayTensor, bytesSource, create, StringStringEntryProtoSchema, TensorProto_DataLocation, type Model, type Tensor } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { scopesOf } from '../scope.ts';
import { assertSound } from './assert-sound.ts';
import { dropIdentity } from './drop-identity.ts';
import { foldConstants } from './fold-constants.ts';
import { mergeEqualInitializers } from './merge-equal-initializers.ts';

/** Adds up the given initializers, so that each is read once. */
function sumOf(initializers: Record<string, Tensor>): Model {
  const names = Object.keys(initializers);
  return buildModel({ nodes: [makeNode('Sum', ['x', ...names], ['y'])], initializers, inputs: { x: 'float32[N]' }, outputs: { y: '' } });
}

const inputsOf = (model: Model): string[] => model.proto.graph!.node[0]!.input;

function changed(tensor: Tensor, index: number): Tensor {
  const bytes = Uint8Array.from([...tensor.chunks()].flatMap((chunk) => [...chunk]));
  bytes[index]! ^= 1;
  return { ...tensor, chunks: () => [bytes], peek: (length) => bytes.subarray(0, length) };
}

describe('mergeEqualInitializers', () => {
  it('lets all readers read the first of equal ones', async () => {
    const w = ramp([600]);
    const model = sumOf({ a: w, b: changed(w, 2399), c: w, small: floats([3], [1, 2, 3]), d: changed(w, 2399), small2: floats([3], [1, 2, 3]), e: w });
    expect(mergeEqualInitializers(model)).toBe(3);
    assertSound(model);
    expect(inputsOf(model)).toEqual(['x', 'a', 'b', 'a', 'small', 'b', 'small2', 'a']);
    expect(model.proto.graph!.initializer.map(({ name }) => name)).toEqual(['a', 'b', 'small', 'small2']);
    expect(mergeEqualInitializers(model)).toBe(0);
  });

  it('keeps what the model computes', async () => {
    const model = sumOf({ a: ramp([600]), b: ramp([600]) });
    const feeds = { x: seededFloats([600]) };
    const before = await runModel(model, feeds);
    expect(mergeEqualInitializers(model)).toBe(1);
    expect(await runModel(reread(model), feeds)).toEqual(before);
  });

  it('looks at type and dims, not at bytes alone', () => {
    const bits = new Uint32Array(300);
    expect(mergeEqualInitializers(sumOf({
      a: arrayTensor('float32', [300], bits), b: arrayTensor('int32', [300], bits), c: arrayTensor('float32', [3, 100], bits), d: arrayTensor('uint8', [1200], bits),
    }))).toBe(0);
  });

  it('tells 0 from -0, and takes NaN of the same bits as equal', () => {
    const model = sumOf({ a: floats([4], [0, 0, 0, 0]), b: floats([4], [-0, 0, 0, 0]), c: floats([4], [NaN, 1, 1, 1]), d: floats([4], [NaN, 1, 1, 1]) });
    expect(mergeEqualInitializers(model)).toBe(1);
    expect(inputsOf(model)).toEqual(['x', 'a', 'b', 'c', 'c']);
  });

  it('compares values, whichever field holds them', () => {
    const model = sumOf({ a: ramp([8]), b: ramp([8]) });
    const [, b] = model.proto.graph!.initializer;
    b!.floatData = [...new Float32Array(b!.rawData.slice().buffer)];
    b!.rawData = new Uint8Array(0);
    expect(mergeEqualInitializers(model)).toBe(1);
  });

  it('leaves inputs, outputs and names that a subgraph would mistake', () => {
    const w = ramp([8]);
    const inner = () => buildGraph({ nodes: [makeNode('Add', ['a', 'c'], ['out'])], initializers: { a: floats([8], [1, 2, 3, 4, 5, 6, 7, 8]) }, outputs: { out: 'float32[8]' } });
    const model = buildModel({
      nodes: [makeNode('Sum', ['a', 'fed', 'handed'], ['z']), makeNode('If', ['on'], ['y'], { then_branch: inner(), else_branch: inner() })],
      initializers: { a: w, c: w, fed: w, handed: w }, inputs: { on: 'bool[]', fed: 'float32[8]' }, outputs: { y: 'float32[8]', z: '', handed: 'float32[8]' },
    });
    expect(mergeEqualInitializers(model)).toBe(0);
  });

  /** A branch with an initializer of its own. */
  const branch = (name: string, tensor: Tensor, op = 'MatMul') => buildGraph({ nodes: [makeNode(op, ['x', name], ['out'])], initializers: { [name]: tensor }, outputs: { out: 'float32[2,20]' } });
  const choice = (then: ReturnType<typeof branch>, other: ReturnType<typeof branch>, initializers: Record<string, Tensor> = {}): Model => buildModel({
    nodes: [makeNode('If', ['on'], ['y'], { then_branch: then, else_branch: other }), makeNode('Sum', ['x', ...Object.keys(initializers)], ['z'])],
    initializers, inputs: { x: 'float32[2,30]', on: 'bool[]' }, outputs: { y: '', z: '' },
  });
  const scopes = (model: Model): string[][] => scopesOf(model).map(({ graph }) => graph.initializer.map(({ name }) => name));
  const matrix = ramp([30, 20]);

  const expectSame = async (model: Model, merged: number): Promise<Model> => {
    const runs = [true, false].map((on) => ({ x: seededFloats([2, 30]), on: new ort.Tensor('bool', [on], []) }));
    const before = await Promise.all(runs.map((feeds) => runModel(model, feeds)));
    expect(mergeEqualInitializers(model)).toBe(merged);
    assertSound(reread(model));
    expect(await Promise.all(runs.map((feeds) => runModel(reread(model), feeds)))).toEqual(before);
    expect(mergeEqualInitializers(model)).toBe(0);
    return model;
  };

  it('moves what two branches have to the graph around them, under its name where nothing else has it', async () => {
    expect(scopes(await expectSame(choice(branch('w', matrix), branch('w', matrix)), 1))).toEqual([['w'], [], []]);
    expect(scopes(await expectSame(choice(branch('v', matrix), branch('w', matrix)), 1))).toEqual([['v'], [], []]);
    expect(scopes(await expectSame(choice(branch('w', matrix), branch('v', matrix), { w: ramp([2, 30]) }), 1))).toEqual([['w', 'w_1'], [], []]);
  });

  it('leaves small ones in their scopes', () => {
    const small = () => buildGraph({ nodes: [makeNode('Add', ['x', 'w'], ['out'])], initializers: { w: ramp([2, 30]) }, outputs: { out: 'float32[2,30]' } });
    expect(mergeEqualInitializers(choice(small(), small(), { v: ramp([2, 30]) }))).toBe(0);
  });

  it('lets a branch read the equal initializer of the graph around it, also of its own name', async () => {
    const [large, add] = [ramp([20, 30]), 'float32[20,30]'];
    const inner = (name: string) => buildGraph({ nodes: [makeNode('Add', ['x', name], ['out'])], initializers: { [name]: large }, outputs: { out: add } });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: inner('w'), else_branch: inner('v') }), makeNode('Add', ['x', 'w'], ['z'])],
      initializers: { w: large }, inputs: { x: add, on: 'bool[]' }, outputs: { y: '', z: '' },
    });
    expect(mergeEqualInitializers(model)).toBe(2);
    expect(scopes(model)).toEqual([['w'], [], []]);
    const feeds = { x: seededFloats([20, 30]), on: new ort.Tensor('bool', [false], []) };
    const { y, z } = await runModel(reread(model), feeds);
    expect(y).toEqual(z);
  });

  it('leaves a reader behind a scope that hides the name', () => {
    const deep = buildGraph({ nodes: [makeNode('MatMul', ['x', 'v'], ['q'])], initializers: { v: matrix, w: ramp([4]) }, outputs: { q: '' } });
    const then = buildGraph({ nodes: [makeNode('If', ['on'], ['out'], { then_branch: deep, else_branch: branch('u', matrix) })], outputs: { out: '' } });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: then, else_branch: branch('k', changed(matrix, 100)) }), makeNode('MatMul', ['x', 'w'], ['z'])],
      initializers: { w: matrix }, inputs: { x: 'float32[2,30]', on: 'bool[]' }, outputs: { y: '', z: '' },
    });
    expect(mergeEqualInitializers(model)).toBe(1);
    expect(scopes(model)).toEqual([['w'], [], ['v', 'w'], [], ['k']]);
  });

  it('knows copies of one tensor without reading it, computed ones too', () => {
    const model = sumOf({ a: ramp([600]), b: changed(ramp([600]), 2399), c: ramp([600]) });
    const [a, b, c] = model.proto.graph!.initializer;
    const refuse = (): never => { throw new Error('A weight was read.'); };
    model.payloads[a!.payload] = { field: 9, byteLength: 2400, chunks: refuse };
    model.payloads[b!.payload] = { field: 9, byteLength: 2400, chunks: refuse };
    c!.payload = a!.payload;
    expect(mergeEqualInitializers(model)).toBe(1);
    expect(inputsOf(model)).toEqual(['x', 'a', 'b', 'a']);
  });

  it('leaves tensors that are computed when they are read', () => {
    const model = buildModel({
      nodes: [makeNode('Transpose', ['a'], ['s']), makeNode('Transpose', ['b'], ['t']), makeNode('Add', ['s', 't'], ['y'])],
      initializers: { a: ramp([20, 30]), b: changed(ramp([20, 30]), 5) }, outputs: { y: '' },
    });
    expect(foldConstants(model)).toBe(2);
    dropIdentity(model);
    expect(mergeEqualInitializers(model)).toBe(0);
  });

  const externalModel = (places: [location: string, offset: string][], files?: Model['files']): Model => {
    const model = sumOf(Object.fromEntries(places.map((_, i) => [`w${i}`, ramp([8])])));
    model.proto.graph!.initializer.forEach((proto, i) => {
      proto.rawData = new Uint8Array(0);
      proto.dataLocation = TensorProto_DataLocation.EXTERNAL;
      const [location, offset] = places[i]!;
      proto.externalData = Object.entries({ location, offset, length: '32' }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
    });
    return { ...model, files };
  };

  it('compares external data by its content, or by its place where it cannot be opened', () => {
    const places: [string, string][] = [['a.bin', '0'], ['a.bin', '32'], ['a.bin', '0'], ['a.bin', '64']];
    expect(mergeEqualInitializers(externalModel(places))).toBe(1);
    const bytes = new Uint8Array(96).fill(7, 0, 64);
    expect(mergeEqualInitializers(externalModel(places, { open: () => bytesSource(bytes, 'a.bin') }))).toBe(2);
  });
});
