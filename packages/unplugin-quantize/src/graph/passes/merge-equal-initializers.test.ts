import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ramp } from '../../../../../test/support/build-model.ts';
import { reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { arrayTensor, bytesSource, create, StringStringEntryProtoSchema, TensorProto_DataLocation, type Model, type Tensor } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
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
