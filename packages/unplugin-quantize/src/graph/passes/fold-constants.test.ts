import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, ints, ramp, type ModelParts } from '../../../../../test/support/build-model.ts';
import { reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { arrayTensor, bytesSource, readModel, readPayload, tensorOf, writeModel, type Tensor } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropUnusedInitializers } from './drop-unused-initializers.ts';
import { foldConstants } from './fold-constants.ts';

type Case = [name: string, opset: number, w: Tensor, opType: string, attributes?: Parameters<typeof makeNode>[3], ...more: Tensor[]];

const int32s = (...values: number[]): Tensor => arrayTensor('int32', [values.length], Int32Array.from(values));

const big = ramp([12, 40, 3]);
const longs = arrayTensor('int64', [400], BigInt64Array.from({ length: 400 }, (_, i) => BigInt(i - 200) * 2n ** 31n));
const FOLDED: Case[] = [
  ['Transpose', 17, ramp([2, 3, 4]), 'Transpose', { perm: [2, 0, 1] }],
  ['Transpose without perm', 17, ramp([20, 30]), 'Transpose'],
  ['Transpose of a large tensor', 17, big, 'Transpose', { perm: [1, 2, 0] }],
  ['Transpose of int64', 17, longs, 'Transpose'],
  ['Transpose that keeps the order', 17, ramp([1, 300, 1]), 'Transpose', { perm: [1, 2, 0] }],
  ['Reshape', 17, big, 'Reshape', {}, ints([3], [0, -1, 10])],
  ['Reshape with allowzero', 17, floats([0, 3], []), 'Reshape', { allowzero: 1n }, ints([2], [3, 0])],
  ['Slice at opset 9', 9, big, 'Slice', { axes: [0, -2], starts: [-5, 3], ends: [1000, -4] }],
  ['Slice at opset 9 without axes', 9, big, 'Slice', { starts: [1, 2], ends: [3, 2_000_000_000] }],
  ['Slice of the first axis', 17, big, 'Slice', {}, ints([1], [2]), ints([1], [7])],
  ['Slice of the last axis', 17, big, 'Slice', {}, ints([1], [-2]), ints([1], [9_000_000_000]), ints([1], [-1])],
  ['Slice with steps', 17, big, 'Slice', {}, ints([2], [0, 37]), ints([2], [11, 0]), ints([2], [0, 1]), ints([2], [2, -7])],
  ['Slice to the very front', 17, longs, 'Slice', {}, ints([1], [5]), ints([1], [-(2 ** 62)]), ints([1], [0]), ints([1], [-1])],
  ['Slice that leaves nothing', 17, big, 'Slice', {}, ints([1], [5]), ints([1], [5])],
  ['Slice by int32', 17, big, 'Slice', {}, int32s(1), int32s(4), int32s(-1), int32s(1)],
  ['Gather', 17, big, 'Gather', { axis: 1n }, ints([2, 2], [39, -40, 7, 8])],
  ['Gather of one row', 17, big, 'Gather', {}, ints([], [-1])],
  ['Gather by int32', 17, longs, 'Gather', {}, int32s(3)],
  ['Concat', 17, big, 'Concat', { axis: 0n }, ramp([1, 40, 3])],
  ['Concat along an inner axis', 17, big, 'Concat', { axis: -2n }, ramp([12, 5, 3]), ramp([12, 0, 3]), ramp([12, 1, 3])],
  ['Concat of odd lengths', 17, arrayTensor('int8', [5], Int8Array.of(1, 2, 3, 4, 5)), 'Concat', { axis: 0n }, arrayTensor('int8', [3], Int8Array.of(-1, -2, -3))],
  ['Squeeze', 11, ramp([1, 300, 1]), 'Squeeze', { axes: [-1] }],
  ['Squeeze at opset 13', 13, ramp([1, 300, 1]), 'Squeeze', {}, ints([1], [0])],
  ['Squeeze of all axes', 13, ramp([1, 3, 1]), 'Squeeze'],
  ['Unsqueeze', 11, big, 'Unsqueeze', { axes: [0, -1] }],
  ['Unsqueeze at opset 13', 13, big, 'Unsqueeze', {}, ints([2], [1, 3])],
  ['Flatten', 17, big, 'Flatten', { axis: -1n }],
  ['Cast to the same type', 17, big, 'Cast', { to: 1n }],
  ['Cast to float16', 17, big, 'Cast', { to: 10n }],
  ['Cast to float64', 17, big, 'Cast', { to: 11n }],
  ['Cast of float64', 17, arrayTensor('float64', [3], Float64Array.of(0.1, 1e300, -1e-300)), 'Cast', { to: 1n }],
  ['Cast of float16', 17, arrayTensor('float16', [600], Uint16Array.from({ length: 600 }, (_, i) => i * 51)), 'Cast', { to: 1n }],
  ['Cast of float16 to float64', 17, arrayTensor('float16', [4], Uint16Array.of(0x3c01, 0x8000, 1, 0x7bff)), 'Cast', { to: 11n }],
  ['Cast of int64 to int32', 17, longs, 'Cast', { to: 6n }],
  ['Cast of int8 to int64', 17, arrayTensor('int8', [3], Int8Array.of(-128, 0, 127)), 'Cast', { to: 7n }],
  ['Cast of int32 to uint8', 17, arrayTensor('int32', [4], Int32Array.of(-1, 255, 256, 70_000)), 'Cast', { to: 2n }],
  ['Cast of uint64 to int16', 17, arrayTensor('uint64', [2], BigUint64Array.of(2n ** 64n - 1n, 40_000n)), 'Cast', { to: 5n }],
];

function parts([, opset, w, opType, attributes, ...more]: Case): ModelParts {
  const names = more.map((_, i) => `s${i}`);
  return {
    opset, nodes: [makeNode(opType, ['w', ...names], ['f'], attributes), makeNode('Identity', ['f'], ['y'])],
    initializers: { w, ...Object.fromEntries(names.map((name, i) => [name, more[i]!])) }, outputs: { y: '' },
  };
}

describe('foldConstants', () => {
  it.each(FOLDED)('folds %s as onnxruntime computes it', async (...testCase) => {
    const model = buildModel(parts(testCase));
    const before = await runModel(model, {});
    expect(foldConstants(model)).toBe(1);
    dropUnusedInitializers(model);
    assertSound(model);
    expect(model.proto.graph!.node).toHaveLength(1);
    expect(model.proto.graph!.initializer.map(({ name }) => name)).toEqual(['f']);
    expect(await runModel(reread(model), {})).toEqual(before);
  });

  it('folds a chain at once, and shares data that keeps its order', () => {
    const model = buildModel({
      nodes: [makeNode('Unsqueeze', ['w', 'axes'], ['a']), makeNode('Squeeze', ['a', 'axes'], ['b']), makeNode('Reshape', ['b', 'shape'], ['c']), makeNode('Add', ['x', 'c'], ['y'])],
      initializers: { w: ramp([20, 30]), axes: ints([1], [0]), shape: ints([1], [-1]) }, inputs: { x: 'float32[600]' }, outputs: { y: '' },
    });
    const payloads = model.payloads.length;
    expect(foldConstants(model)).toBe(3);
    expect(model.payloads).toHaveLength(payloads);
    expect(model.proto.graph!.initializer.find(({ name }) => name === 'c')).toMatchObject({ dims: [600n], payload: 0 });
  });

  it('reads no large weight', () => {
    const bytes = readPayload(writeModel(buildModel(parts(FOLDED[2]!))));
    const source = bytesSource(bytes);
    let largest = 0;
    const model = readModel({
      ...source, read: (offset, length) => (largest = Math.max(largest, length), source.read(offset, length)),
      readInto: () => { throw new Error('A weight was read.'); },
    });
    largest = 0;
    expect(foldConstants(model)).toBe(1);
    expect(largest).toBe(0);
    expect(() => readPayload(tensorOf(model, model.proto.graph!.initializer.at(-1)!))).toThrow('A weight was read.');
  });

  it('folds what a subgraph makes of an outer weight, into the subgraph', async () => {
    const branch = () => buildGraph({ nodes: [makeNode('Transpose', ['w'], ['t']), makeNode('MatMul', ['x', 't'], ['out'])], outputs: { out: 'float32[1,2]' } });
    const model = buildModel({
      nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() })], initializers: { w: ramp([2, 3]) },
      inputs: { x: 'float32[1,3]', on: 'bool[]' }, outputs: { y: 'float32[1,2]' },
    });
    const { Tensor } = await import('onnxruntime-node');
    const feeds = { x: seededFloats([1, 3]), on: new Tensor('bool', [true], []) };
    const before = await runModel(model, feeds);
    expect(foldConstants(model)).toBe(2);
    dropUnusedInitializers(model);
    assertSound(model);
    expect(model.proto.graph!.initializer).toHaveLength(0);
    expect(await runModel(reread(model), feeds)).toEqual(before);
  });

  it.each<[string, number, Parameters<typeof makeNode>[3], Tensor[], number]>([
    ['equal parts', 9, { axis: 1n }, [], 4],
    ['given lengths', 9, { axis: -2n, split: [1, 30, 9] }, [], 3],
    ['given lengths at opset 13', 13, { axis: 1n }, [ints([2], [0, 40])], 2],
    ['parts that do not divide', 18, { axis: 1n, num_outputs: 7n }, [], 7],
  ])('folds Split into %s as onnxruntime computes it', async (_, opset, attributes, lengths, count) => {
    const names = Array.from({ length: count }, (_, i) => `f${i}`);
    const model = buildModel({
      opset, nodes: [makeNode('Split', ['w', ...lengths.map((_, i) => `s${i}`)], names, attributes), ...names.map((name, i) => makeNode('Identity', [name], [`y${i}`]))],
      initializers: { w: big, ...Object.fromEntries(lengths.map((tensor, i) => [`s${i}`, tensor])) }, outputs: Object.fromEntries(names.map((_, i) => [`y${i}`, ''])),
    });
    const before = await runModel(model, {});
    expect(foldConstants(model)).toBe(1);
    assertSound(model);
    expect(await runModel(reread(model), {})).toEqual(before);
  });

  it('does not read originals without end: parts that are joined again and again stay nodes in the end', () => {
    const nodes = Array.from({ length: 40 }, (_, i) => [
      makeNode('Split', [i === 0 ? 'w' : `w${i}`], [`a${i}`, `b${i}`], { axis: 0n }), makeNode('Concat', [`b${i}`, `a${i}`], [`w${i + 1}`], { axis: 0n }),
    ]).flat();
    const model = buildModel({ nodes: [...nodes, makeNode('Identity', ['w40'], ['y'])], initializers: { w: ramp([12, 40]) }, outputs: { y: '' } });
    expect(foldConstants(model)).toBe(13);
    expect(foldConstants(model)).toBe(0);
  });

  const transpose = makeNode('Transpose', ['w'], ['t']);
  const reads = makeNode('Identity', ['t'], ['y']);
  it.each<[string, ModelParts]>([
    ['tied weights, which would be stored twice', { nodes: [transpose, makeNode('MatMul', ['t', 'w'], ['y'])], initializers: { w: ramp([20, 20]) }, outputs: { y: '' } }],
    ['a large output of the model', { nodes: [makeNode('Neg', ['t'], ['y']), transpose], initializers: { w: ramp([20, 20]) }, outputs: { y: '', w: '' } }],
    ['outputs of the graph', { nodes: [transpose], initializers: { w: ramp([2, 2]) }, outputs: { t: '' } }],
    ['initializers that callers may feed', { nodes: [transpose, reads], initializers: { w: ramp([2, 2]) }, inputs: { w: 'float32[2,2]' }, outputs: { y: '' } }],
    ['computed values', { nodes: [transpose, reads], inputs: { w: 'float32[2,2]' }, outputs: { y: '' } }],
    ['computed shapes', { nodes: [makeNode('Reshape', ['w', 's'], ['t']), reads], initializers: { w: ramp([4]) }, inputs: { s: 'int64[2]' }, outputs: { y: '' } }],
    ['computed axes', { nodes: [makeNode('Squeeze', ['w', 's'], ['t']), reads], initializers: { w: ramp([1, 4]) }, inputs: { s: 'int64[1]' }, outputs: { y: '' } }],
    ['shapes that do not fit', { nodes: [makeNode('Reshape', ['w', 's'], ['t']), reads], initializers: { w: ramp([4]), s: ints([2], [3, -1]) }, outputs: { y: '' } }],
    ['a wrong perm', { nodes: [makeNode('Transpose', ['w'], ['t'], { perm: [0, 0] }), reads], initializers: { w: ramp([2, 2]) }, outputs: { y: '' } }],
    ['places that do not exist', { nodes: [makeNode('Gather', ['w', 's'], ['t']), reads], initializers: { w: ramp([4]), s: ints([1], [4]) }, outputs: { y: '' } }],
    ['computed places', { nodes: [makeNode('Slice', ['w', 's', 's'], ['t']), reads], initializers: { w: ramp([4]) }, inputs: { s: 'int64[1]' }, outputs: { y: '' } }],
    ['computed steps', { nodes: [makeNode('Slice', ['w', 'i', 'i', '', 's'], ['t']), reads], initializers: { w: ramp([4]), i: ints([1], [1]) }, inputs: { s: 'int64[1]' }, outputs: { y: '' } }],
    ['computed parts', { nodes: [makeNode('Concat', ['w', 's'], ['t'], { axis: 0n }), reads], initializers: { w: ramp([4]) }, inputs: { s: 'float32[1]' }, outputs: { y: '' } }],
    ['rows that are gathered more than once', { nodes: [makeNode('Gather', ['w', 's'], ['t']), reads], initializers: { w: ramp([4, 100]), s: ints([5], [1, 1, 1, 1, 1]) }, outputs: { y: '' } }],
    ['lengths that do not fit', { nodes: [makeNode('Split', ['w', 's'], ['t', 'u']), reads], initializers: { w: ramp([4]), s: ints([2], [1, 2]) }, outputs: { y: '' } }],
    ['casts that are not exact here', { nodes: [makeNode('Cast', ['w'], ['t'], { to: 6n }), reads], initializers: { w: ramp([4]) }, outputs: { y: '' } }],
    ['operators of other domains', { nodes: [makeNode('Transpose', ['w'], ['t'], {}, { domain: 'mine' }), reads], initializers: { w: ramp([2, 2]) }, outputs: { y: '' }, domains: { mine: 1 } }],
  ])('leaves %s', (_, modelParts) => {
    expect(foldConstants(buildModel(modelParts))).toBe(0);
  });

  it('folds small tensors that others read too', () => {
    const model = buildModel({ nodes: [transpose, makeNode('MatMul', ['t', 'w'], ['y'])], initializers: { w: ramp([4, 4]) }, outputs: { y: '' } });
    expect(foldConstants(model)).toBe(1);
  });
});
