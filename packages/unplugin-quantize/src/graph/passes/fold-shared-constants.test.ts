import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, ints, ramp, rawBool, type ModelParts } from '../../../../../test/support/build-model.ts';
import { opTypes } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, reread, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { readPayload, tensorOf, type Model, type NodeProto } from '../../onnx/index.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { dropUnusedInitializers } from './drop-unused-initializers.ts';
import { foldConstants } from './fold-constants.ts';
import { foldSharedConstants } from './fold-shared-constants.ts';

const initializers = { w: ramp([30, 20]), zero: ints([1], [0]), ten: ints([1], [10]), thirty: ints([1], [30]) };

/** The rows of w from 10 on, then the first ten, made as torch makes the gates of an LSTM. */
const reordered = (to = 'v', prefix = ''): NodeProto[] => [
  makeNode('Slice', ['w', 'zero', 'ten'], [`${prefix}a`]),
  makeNode('Slice', ['w', 'ten', 'thirty'], [`${prefix}b`]),
  makeNode('Concat', [`${prefix}b`, `${prefix}a`], [to], { axis: 0n }),
];

function model(nodes: NodeProto[], more: Partial<ModelParts> = {}): Model {
  return buildModel({ nodes, initializers, inputs: { x: 'float32[2,30]' }, outputs: { y: '' }, ...more });
}

const feeds: Feeds = { x: seededFloats([2, 30]) };

async function expectFolded(source: Model, count: number, fed: Feeds = feeds): Promise<Model> {
  const before = await runModel(source, fed);
  const size = bytesOf(source).byteLength;
  expect(foldConstants(source)).toBe(0);
  expect(foldSharedConstants(source)).toBe(count);
  dropUnusedInitializers(source);
  assertSound(source);
  expect(bytesOf(source).byteLength).toBeLessThan(size);
  expect(await runModel(reread(source), fed)).toEqual(before);
  expect(foldSharedConstants(source)).toBe(0);
  return source;
}

describe('foldSharedConstants', () => {
  it('folds parts of one weight that are joined in another order', async () => {
    const source = await expectFolded(model([...reordered(), makeNode('MatMul', ['x', 'v'], ['y'])]), 3);
    expect(source.proto.graph!.initializer.map(({ name, dims }) => [name, dims])).toEqual([['v', [30n, 20n]]]);
  });

  it('folds parts that are read one by one, and a part that two read once', async () => {
    const nodes = reordered().slice(0, 2);
    const sum = [makeNode('Gemm', ['p', 'a'], ['c']), makeNode('Gemm', ['q', 'b'], ['d']), makeNode('Sum', ['c', 'd', 'e'], ['y']), makeNode('MatMul', ['p', 'a'], ['e'])];
    const order = [...nodes, sum[0]!, sum[1]!, sum[3]!, sum[2]!];
    const source = model(order, { inputs: { p: 'float32[2,10]', q: 'float32[2,20]' } });
    const folded = await expectFolded(source, 2, { p: seededFloats([2, 10]), q: seededFloats([2, 20], 2) });
    expect(folded.proto.graph!.initializer.map(({ name, dims }) => [name, dims])).toEqual([['a', [10n, 20n]], ['b', [20n, 20n]]]);
  });

  it('makes what both branches make of an outer weight one initializer around them', async () => {
    const branch = (op: string, prefix: string) => buildGraph({ nodes: [...reordered('v', prefix), makeNode('MatMul', ['x', 'v'], ['m']), makeNode(op, ['m'], ['out'])], outputs: { out: 'float32[2,20]' } });
    const source = model([makeNode('If', ['on'], ['y'], { then_branch: branch('Neg', 'p'), else_branch: branch('Abs', 'q') })], { initializers: { ...initializers, on: rawBool(true) } });
    const folded = await expectFolded(source, 6);
    expect(folded.proto.graph!.initializer.filter(({ dims }) => dims.length === 2).map(({ name, dims }) => [name, dims])).toEqual([['v_1', [30n, 20n]]]);
  });

  it('sees that small constants of two scopes are equal', async () => {
    const branch = (op: string) => buildGraph({
      nodes: [...reordered(), makeNode('MatMul', ['x', 'v'], ['m']), makeNode(op, ['m'], ['out'])], outputs: { out: 'float32[2,20]' },
      initializers: { zero: ints([1], [0]), ten: ints([1], [op === 'Exp' ? 11 : 10]), thirty: ints([1], [30]) },
    });
    const source = (other: string): Model => model([makeNode('If', ['on'], ['y'], { then_branch: branch('Neg'), else_branch: branch(other) })], { initializers: { w: initializers.w, on: rawBool(true) } });
    await expectFolded(source('Abs'), 6);
    // Two different orders of one weight take twice its place.
    expect(foldSharedConstants(source('Exp'))).toBe(0);
  });

  const matMul = makeNode('MatMul', ['x', 'v'], ['y']);
  it.each<[string, ModelParts]>([
    ['what is read in its own order too', { nodes: [...reordered(), matMul, makeNode('MatMul', ['x', 'w'], ['z'])], outputs: { y: '', z: '' } }],
    ['what is handed out', { nodes: [...reordered(), matMul], outputs: { y: '', w: '' } }],
    ['what stays in parts where their join is handed out', { nodes: [...reordered(), matMul, makeNode('MatMul', ['x', 'w'], ['z'])], outputs: { v: '', z: '' } }],
    ['results in two orders', { nodes: [...reordered(), ...reordered('u', 'u').with(2, makeNode('Concat', ['ua', 'ub', 'ub'], ['u'], { axis: 0n })), matMul, makeNode('MatMul', ['u', 'v'], ['z'])], outputs: { y: '', z: '' } }],
    ['weights that callers may feed', { nodes: [...reordered(), matMul], inputs: { x: 'float32[2,30]', w: 'float32[30,20]' }, outputs: { y: '' } }],
  ])('leaves %s', (_, parts) => {
    expect(foldSharedConstants(buildModel({ initializers, inputs: { x: 'float32[2,30]' }, ...parts }))).toBe(0);
  });

  it('folds weights together where joining makes them one, and leaves the others', async () => {
    const parts = [...reordered(), makeNode('Concat', ['b', 'k'], ['bk'], { axis: 0n }), makeNode('Slice', ['k', 'zero', 'ten'], ['kk']), makeNode('MatMul', ['x', 'v'], ['y']), makeNode('MatMul', ['x', 'l'], ['z'])];
    const source = model([...parts, makeNode('Transpose', ['l'], ['t']), makeNode('MatMul', ['z', 't'], ['u']), makeNode('MatMul', ['kk', 'bk'], ['s'])], {
      initializers: { ...initializers, k: ramp([20, 20]), l: ramp([30, 40]) }, outputs: { y: '', u: '' },
    });
    // bk and kk are dead here, so what they would take does not count: w and k are folded, l is tied and stays.
    source.proto.graph!.node = source.proto.graph!.node.filter(({ output }) => output[0] !== 's');
    expect(foldSharedConstants(source)).toBe(5);
    expect(opTypes(source)).toEqual(['MatMul', 'MatMul', 'Transpose', 'MatMul']);
  });

  it('reads a weight only when the result is read', () => {
    const source = model([...reordered(), matMul]);
    const { payload } = source.proto.graph!.initializer.find(({ name }) => name === 'w')!;
    source.payloads[payload] = { ...source.payloads[payload]!, chunks: () => { throw new Error('The weight was read.'); } };
    expect(foldSharedConstants(source)).toBe(3);
    const v = source.proto.graph!.initializer.find(({ name }) => name === 'v')!;
    expect(() => readPayload(tensorOf(source, v))).toThrow('The weight was read.');
  });
});
