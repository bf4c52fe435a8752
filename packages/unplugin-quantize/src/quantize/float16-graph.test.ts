import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats, inlineTensor, ints, type GraphParts, type ModelParts } from '../../../../test/support/build-model.ts';
import { bool, weight } from '../../../../test/support/integer-arithmetic.ts';
import { expectHalf } from '../../../../test/support/half-arithmetic.ts';
import { initializer, numbersOf, opTypes, quantize } from '../../../../test/support/quantize-model.ts';
import { longs, runModel, seededFloats } from '../../../../test/support/run-model.ts';
import { findAttribute, makeNode, scopesOf } from '../graph/index.ts';
import { dtypeOf, tensorOf, type Model } from '../onnx/index.ts';

const HALF = { format: 'fp16' } as const;
const model = (nodes: GraphParts['nodes'], parts: Partial<ModelParts> = {}): Model => buildModel({ inputs: { x: 'float32[2,32]' }, outputs: { y: 'float32' }, ...parts, nodes });
/** Makes an artefact worth having: without it, casts outweigh what half precision saves. */
const big = weight([32, 200]);
const rows = { x: seededFloats([2, 32]) };

const casts = (artefact: Model): [string | undefined, number][] => scopesOf(artefact).flatMap(({ graph }) => graph.node)
  .filter((node) => node.opType === 'Cast').map((node) => [dtypeOf(Number(findAttribute(node, 'to')!.i)), node.input.length]);

describe('a half-precision graph', () => {
  it('casts inputs, computes, and casts outputs', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Relu', ['m'], ['y'])], { initializers: { w: big } });
    const { model: artefact, weights } = await expectHalf(source, rows);
    expect(opTypes(artefact)).toEqual(['Cast', 'MatMul', 'Relu', 'Cast']);
    expect(tensorOf(artefact, initializer(artefact, 'w_h')).dtype).toBe('float16');
    expect(weights).toMatchObject([{ tensor: 'w', scheme: 'fp16', bytesBefore: 25600, bytesAfter: 12800 }]);
  });

  it('leaves sensitive operators in float32 and casts each value once to each precision', async () => {
    const source = model([
      makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Relu', ['x'], ['r']), makeNode('MatMul', ['r', 'w'], ['b']),
      makeNode('Exp', ['x'], ['e']), makeNode('Log', ['e'], ['l']), makeNode('MatMul', ['l', 'w'], ['c']), makeNode('MatMul', ['e', 'w'], ['d']),
      makeNode('Sum', ['a', 'b', 'c', 'd'], ['y']),
    ], { initializers: { w: big } });
    const { model: artefact } = await expectHalf(source, rows);
    // x, l and e to float16; a, b, c and d to float32 for Sum.
    expect(casts(artefact).map(([to]) => to).sort()).toEqual([...Array<string>(3).fill('float16'), ...Array<string>(4).fill('float32')]);
  });

  it('knows operators by their domain', async () => {
    const source = model([makeNode('Gelu', ['x'], ['g'], {}, { domain: 'com.microsoft' }), makeNode('MatMul', ['g', 'w'], ['m']), makeNode('Relu', ['x'], ['r']), makeNode('MatMul', ['r', 'v'], ['n']), makeNode('Add', ['m', 'n'], ['y'])], { initializers: { w: big, v: weight([32, 200], 6) }, domains: { 'com.microsoft': 1 } });
    // The type of g is not said anywhere: its reader and what follows from it stay float32.
    const { model: artefact } = await expectHalf(source, rows);
    expect(initializer(artefact, 'w').dataType).toBe(1);
    const typed = model(source.proto.graph!.node, { initializers: { w: big, v: weight([32, 200], 6) }, domains: { 'com.microsoft': 1 }, valueInfo: { g: 'float32[2,32]' } });
    const { model: known } = await expectHalf(typed, rows);
    expect(known.proto.graph!.initializer.map(({ name }) => name)).toEqual(['w_h', 'v_h']);
  });

  it('of two values of one operator keeps both in one type', async () => {
    const source = model([makeNode('Gelu', ['x'], ['g'], {}, { domain: 'com.microsoft' }), makeNode('Add', ['x', 'g'], ['s']), makeNode('Relu', ['x'], ['r']), makeNode('MatMul', ['r', 'w'], ['m']), makeNode('ReduceSum', ['s'], ['t']), makeNode('Add', ['m', 't'], ['y'])], { initializers: { w: big }, domains: { 'com.microsoft': 1 } });
    const { model: artefact } = await expectHalf(source, rows);
    expect(artefact.proto.graph!.node.find((node) => node.output[0] === 's')!.input).toEqual(['x', 'g']);
  });

  it('has no casts where nothing is float32', async () => {
    const source = model([makeNode('Add', ['i', 'j'], ['k']), makeNode('Gather', ['w', 'k'], ['y'])], { initializers: { w: weight([64, 40]), j: ints([1], [3]) }, inputs: { i: 'int64[N]' } });
    const { model: artefact } = await expectHalf(source, { i: longs([2], [0, 60]) });
    expect(opTypes(artefact)).toEqual(['Add', 'Gather', 'Cast']);
  });
});

describe('casts of the source', () => {
  it('from integers to float32 feed half-precision readers', async () => {
    const source = model([makeNode('Cast', ['x'], ['f'], { to: 1n }), makeNode('MatMul', ['f', 'w'], ['y'])], { initializers: { w: big }, inputs: { x: 'int64[2,32]' } });
    await expectHalf(source, { x: longs([2, 32], Array.from({ length: 64 }, (_, i) => (i % 7) - 3)) });
    expect(casts(quantize(source, HALF).model).map(([to]) => to)).toEqual(['float32', 'float16', 'float32']);
  });

  it('to integers and to float16 read what there is', async () => {
    const source = model([
      makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Cast', ['m'], ['i'], { to: 7n }), makeNode('Cast', ['i'], ['y'], { to: 1n }),
      makeNode('Cast', ['m'], ['h'], { to: 10n }), makeNode('Neg', ['h'], ['n']), makeNode('Cast', ['n'], ['z'], { to: 1n }),
    ], { initializers: { w: floats([32, 200], Array.from({ length: 6400 }, (_, i) => (i % 5) - 2)) }, outputs: { y: 'float32', z: 'float32' } });
    // Whole numbers up to 2048 are exact in float16, so nothing is lost at all.
    const feeds = { x: new ort.Tensor('float32', Float32Array.from({ length: 64 }, (_, i) => (i % 7) - 3), [2, 32]) };
    const { bytes, model: artefact } = quantize(source, HALF);
    expect(await runModel(bytes, feeds)).toEqual(await runModel(source, feeds));
    // A Cast of what is float16 already is none any more: onnxruntime refuses it.
    expect(opTypes(artefact).filter((op) => op === 'Cast' || op === 'Identity').sort()).toEqual(['Cast', 'Cast', 'Cast', 'Cast', 'Identity']);
  });

  it('that hand out what they read keep their type', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Cast', ['m'], ['y'], { to: 10n })], { initializers: { w: big }, outputs: { y: 'float16' } });
    const { y } = await runModel(quantize(source, HALF).bytes, rows);
    expect(y!.dtype).toBe('float16');
  });
});

describe('inputs and outputs', () => {
  it('an output that is also read inside', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Relu', ['y'], ['r']), makeNode('Exp', ['y'], ['e']), makeNode('Add', ['r', 'e'], ['z'])], { initializers: { w: weight([32, 64]) }, outputs: { y: 'float32', z: 'float32' }, inputs: { x: 'float32[2,32]' } });
    const small = new ort.Tensor('float32', (rows.x.data as Float32Array).map((value) => value / 16), [2, 32]);
    await expectHalf(source, { x: small });
    expect(quantize(source, HALF).model.proto.graph!.output.map(({ name }) => name)).toEqual(['y', 'z']);
  });

  it('an output whose name a branch has for a value of its own', async () => {
    const branch = (op: string) => buildGraph({ nodes: [makeNode('Sigmoid', ['x'], ['y']), makeNode(op, ['y'], ['b'])], outputs: { b: 'float32' } });
    const source = model([makeNode('If', ['on'], ['z'], { then_branch: branch('Neg'), else_branch: branch('Abs') }), makeNode('MatMul', ['x', 'w'], ['y'])], {
      initializers: { w: big }, inputs: { x: 'float32[2,32]', on: 'bool' }, outputs: { y: 'float32', z: 'float32' },
    });
    const { model: artefact } = await expectHalf(source, { ...rows, on: new ort.Tensor('bool', [true], []) });
    expect(artefact.proto.graph!.output.map(({ name }) => name)).toEqual(['y', 'z']);
  });

  it('an output that is an input or an initializer', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Identity', ['x'], ['same'])], { initializers: { w: big, c: floats([2], [1, 1e-9]) }, outputs: { y: 'float32', x: 'float32[2,32]', c: 'float32[2]', same: 'float32[2,32]' } });
    const { bytes } = await expectHalf(source, rows);
    const { x, c, same } = await runModel(bytes, rows);
    expect([x!.data, c!.data, same!.data].map((data) => Array.from(data as Float32Array).slice(0, 2))).toEqual([Array.from(rows.x.data as Float32Array).slice(0, 2), [1, Math.fround(1e-9)], expect.anything()]);
  });

  it('an output that is a Constant node of integers', async () => {
    const source = model([
      makeNode('Constant', [], ['shape'], { value_ints: [4, 16] }), makeNode('Reshape', ['x', 'shape'], ['r']), makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Relu', ['r'], ['z']),
    ], { initializers: { w: big }, outputs: { y: 'float32', z: 'float32', shape: 'int64[2]' } });
    const { bytes } = quantize(source, HALF);
    expect((await runModel(bytes, rows))['shape']).toEqual({ dtype: 'int64', dims: [2], data: BigInt64Array.of(4n, 16n) });
  });

  it('a weight that is an output stays float32 beside the half that is computed with', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['y'])], { initializers: { w: big, v: weight([32, 400]) }, outputs: { y: 'float32', w: 'float32[32,200]', z: 'float32' } });
    source.proto.graph!.node.push(makeNode('MatMul', ['x', 'v'], ['z']));
    const { weights } = await expectHalf(source, rows);
    expect(weights.map(({ tensor, bytesAfter }) => [tensor, bytesAfter])).toContainEqual(['w', 12800 + 25600]);
  });
});

describe('constants', () => {
  it('that nodes of both kinds read are stored twice', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['a']), makeNode('ReduceSum', ['w'], ['r']), makeNode('MatMul', ['x', 'v'], ['b']), makeNode('ReduceSum', ['b'], ['c']), makeNode('Sum', ['a', 'r', 'c'], ['y'])], { initializers: { w: big, v: weight([32, 400], 11) } });
    const { model: artefact, weights } = await expectHalf(source, rows);
    expect(artefact.proto.graph!.initializer.map(({ name }) => name).sort()).toEqual(['v_h', 'w', 'w_h']);
    expect(weights.map(({ bytesAfter }) => bytesAfter)).toEqual([12800 + 25600, 25600]);
  });

  it('beyond the range keep their reader in float32', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Mul', ['x', 'huge'], ['h']), makeNode('ReduceMax', ['h'], ['s']), makeNode('Add', ['m', 's'], ['y'])], { initializers: { w: big, huge: floats([1], [1e5]) } });
    const { model: artefact, notes } = quantize(source, HALF);
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toEqual(['w_h', 'huge']);
    expect(notes).toEqual(['Values beyond the range of float16 (65504) keep the nodes that read them in float32: huge.']);
  });

  it('beyond the range are told by the names of some and their number', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const source = model([makeNode('MatMul', ['x', 'w'], ['m0']), ...names.map((name, i) => makeNode('Mul', [`m${i}`, name], [i === 4 ? 'y' : `m${i + 1}`]))], {
      initializers: { w: big, ...Object.fromEntries(names.map((name, i) => [name, floats([1], [i === 1 ? 65504 : 65520 + i])])) },
    });
    expect(quantize(source, HALF).notes).toEqual(['Values beyond the range of float16 (65504) keep the nodes that read them in float32: a, c, d and 1 more.']);
  });

  it('of Resize that are scales stay float32', async () => {
    for (const opset of [10, 11, 13]) {
      const inputs = opset === 10 ? ['c', 's'] : ['c', 'roi', 's'];
      const source = model([makeNode('Conv', ['x', 'w'], ['c']), makeNode('Resize', inputs, ['y'], { mode: 'linear' })], { opset, ir: 5, initializers: { w: weight([16, 8, 3, 3]), s: floats([4], [1, 1, 2, 1.5]), roi: floats([0], []) }, inputs: { x: 'float32[1,8,9,9]' } });
      const { model: artefact } = await expectHalf(source, { x: seededFloats([1, 8, 9, 9]) });
      expect(numbersOf(artefact, 's')).toEqual([1, 1, 2, 1.5]);
      expect(opTypes(artefact)).toEqual(['Cast', 'Conv', 'Resize', 'Cast']);
    }
  });

  it('that bound a Clip keep it in float32 when they do not fit', async () => {
    const clip = (max: number): Model => model([makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Clip', ['m', 'min', 'max'], ['y'])], { initializers: { w: big, min: floats([], [-1]), max: floats([], [max]) } });
    expect(opTypes((await expectHalf(clip(1), rows)).model)).toEqual(['Cast', 'MatMul', 'Clip', 'Cast']);
    for (const max of [1e6, 3.4028234663852886e38]) {
      const { model: artefact } = await expectHalf(clip(max), rows);
      expect(opTypes(artefact)).toEqual(['Cast', 'MatMul', 'Cast', 'Clip']);
      expect(numbersOf(artefact, 'max')).toEqual([Math.fround(max)]);
    }
  });

  it('that are the epsilon of a norm keep rows without variance finite', async () => {
    const source = model([
      makeNode('ReduceMean', ['x'], ['mean'], { axes: [-1], keepdims: 1n }), makeNode('Sub', ['x', 'mean'], ['d']), makeNode('Pow', ['d', 'two'], ['p']),
      makeNode('ReduceMean', ['p'], ['var'], { axes: [-1], keepdims: 1n }), makeNode('Add', ['var', 'eps'], ['v']), makeNode('Sqrt', ['v'], ['s']),
      makeNode('Div', ['d', 's'], ['n']), makeNode('MatMul', ['n', 'w'], ['y']),
    ], { initializers: { w: big, two: floats([], [2]), eps: floats([], [1e-12]) } });
    const data = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 0.5 : Math.sin(i)));
    const { bytes } = await expectHalf(source, { x: new ort.Tensor('float32', data, [2, 32]) });
    const { y } = await runModel(bytes, { x: new ort.Tensor('float32', data, [2, 32]) });
    expect(Array.from((y!.data as Float32Array).subarray(0, 200))).toEqual(Array<number>(200).fill(0));
  });

  it('that would vanish as divisors keep the division in float32', async () => {
    const source = model([makeNode('Div', ['x', 'd'], ['q']), makeNode('MatMul', ['x', 'w'], ['m']), makeNode('ReduceMin', ['q'], ['r']), makeNode('Mul', ['m', 'zero'], ['z']), makeNode('Sum', ['z', 'r'], ['y'])], { initializers: { w: big, d: floats([32], Array<number>(32).fill(1e-9)), zero: floats([1], [0]) } });
    const { y } = await runModel(quantize(source, HALF).bytes, rows);
    const smallest = Math.min(...(rows.x.data as Float32Array));
    expect((y!.data as Float32Array)[0]).toBeCloseTo(smallest / 1e-9, -3);
  });
});

describe('masks', () => {
  const LOWEST = -3.4028234663852886e38;
  const softmax = (nodes: GraphParts['nodes'], parts: Partial<ModelParts> = {}): Model => model([
    makeNode('MatMul', ['x', 'w'], ['m']), ...nodes, makeNode('Softmax', ['masked'], ['y'], { axis: -1n }),
  ], { ...parts, initializers: { w: big, ...parts.initializers } });

  it.each<[string, Model]>([
    ['added twice', softmax([makeNode('Add', ['m', 'mask'], ['once']), makeNode('Add', ['once', 'mask'], ['masked'])], { initializers: { mask: floats([200], Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? LOWEST / 4 : 0))) } })],
    ['selected', softmax([makeNode('Greater', ['m', 'zero'], ['keep']), makeNode('Where', ['keep', 'm', 'mask'], ['masked'])], { initializers: { zero: floats([], [100]), mask: floats([], [LOWEST]) } })],
    ['filled and added', softmax([makeNode('Shape', ['m'], ['shape']), makeNode('ConstantOfShape', ['shape'], ['mask'], { value: inlineTensor('', floats([1], [LOWEST])) }), makeNode('Add', ['m', 'mask'], ['masked'])])],
    ['of a Constant node', softmax([constantNode('mask', floats([1], [LOWEST])), makeNode('Add', ['m', 'mask'], ['masked'])])],
  ])('%s leave no NaN, even where everything is masked', async (_, source) => {
    const { bytes } = quantize(source, HALF);
    for (const level of ['disabled', 'all'] as const) {
      const { y } = await runModel(bytes, rows, level);
      const values = Array.from(y!.data as Float32Array);
      // 200 shares, each rounded by 2^-11 of itself.
      for (const row of [values.slice(0, 200), values.slice(200)]) expect(Math.abs(row.reduce((a, b) => a + b, 0) - 1)).toBeLessThanOrEqual(2 ** -10);
    }
  });

  it('become 1e4 of their sign; infinities stay', () => {
    const source = softmax([makeNode('Add', ['m', 'mask'], ['masked'])], { initializers: { mask: floats([200], [LOWEST, -LOWEST, -Infinity, ...Array<number>(197).fill(0.5)]) } });
    expect(numbersOf(quantize(source, HALF).model, 'mask_h').slice(0, 4)).toEqual([-1e4, 1e4, -Infinity, 0.5]);
  });

  it('are only what a ConstantOfShape fills with when it is one', () => {
    const fill = (value: number): Model => softmax([makeNode('Shape', ['m'], ['shape']), makeNode('ConstantOfShape', ['shape'], ['f'], { value: inlineTensor('', floats([1], [value])) }), makeNode('Add', ['m', 'f'], ['masked'])]);
    const filled = (value: number): number | undefined => findAttribute(quantize(fill(value), HALF).model.proto.graph!.node.find((node) => node.opType === 'ConstantOfShape')!, 'value')!.t!.dataType;
    expect([LOWEST, 0.1, -Infinity].map(filled)).toEqual([10, 1, 1]);
  });
});

describe('exclusions', () => {
  const source = model([makeNode('MatMul', ['x', 'w'], ['m'], {}, { name: 'first' }), makeNode('Relu', ['m'], ['r'], {}, { name: 'second' }), makeNode('MatMul', ['r', 'v'], ['y'], {}, { name: 'third' })], { initializers: { w: big, v: weight([200, 40]) } });

  it.each([[['first'], ['w', 'v_h']], [['third'], ['w_h', 'v']], [['w'], ['w', 'v_h']], [['second'], ['w_h', 'v_h']]])('of %j', async (exclude, names) => {
    const { model: artefact } = await expectHalf(source, rows, { exclude });
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toEqual(names);
  });
});

describe('subgraphs', () => {
  const branch = (nodes: GraphParts['nodes'], output: string, initializers: GraphParts['initializers'] = {}) => buildGraph({ nodes, initializers, outputs: { [output]: 'float32' } });
  const choice = (then: ReturnType<typeof buildGraph>, other: ReturnType<typeof buildGraph>): Model => model([
    makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Exp', ['x'], ['e']), makeNode('If', ['flag'], ['i'], { then_branch: then, else_branch: other }), makeNode('Neg', ['i'], ['n']), makeNode('Add', ['n', 'm'], ['y']),
  ], { initializers: { w: big, v: weight([32, 200], 4) }, inputs: { x: 'float32[2,32]', flag: 'bool[]' }, outputs: { y: 'float32', m: 'float32' } });

  it.each([true, false])('of If(%s) take halves, floats and constants from around, and have their own', async (flag) => {
    const source = choice(
      branch([makeNode('MatMul', ['e', 'v'], ['a']), makeNode('Add', ['a', 'm'], ['t'])], 't'),
      branch([makeNode('MatMul', ['e', 'own'], ['b']), makeNode('Exp', ['m'], ['c']), makeNode('Log', ['c'], ['d']), makeNode('Sub', ['b', 'd'], ['s'])], 's', { own: weight([32, 200], 5) }),
    );
    const small = new ort.Tensor('float32', (rows.x.data as Float32Array).map((value) => value / 8), [2, 32]);
    const { model: artefact } = await expectHalf(source, { x: small, flag: bool(flag) });
    expect(scopesOf(artefact).map(({ graph }) => graph.initializer.map(({ name }) => name))).toEqual([['w_h', 'v_h'], [], ['own_h']]);
  });

  it('within subgraphs', async () => {
    const inner = (sign: string): ReturnType<typeof buildGraph> => branch([makeNode(sign, ['m'], [`${sign}_o`])], `${sign}_o`);
    const source = choice(
      branch([makeNode('If', ['flag'], ['t'], { then_branch: inner('Neg'), else_branch: inner('Abs') })], 't'),
      branch([makeNode('Relu', ['m'], ['s'])], 's'),
    );
    for (const flag of [true, false]) await expectHalf(source, { ...rows, flag: bool(flag) });
    expect(scopesOf(quantize(source, HALF).model)).toHaveLength(5);
  });

  it.each(['float32[2,32]', ''])('of Loop with state of type "%s"', async (type) => {
    const body = buildGraph({
      nodes: [makeNode('MatMul', ['state', 'v'], ['p']), makeNode('Tanh', ['p'], ['next']), makeNode('Identity', ['go'], ['going']), makeNode('ReduceSum', ['next'], ['sum'])],
      inputs: { i: 'int64[]', go: 'bool[]', state: type },
      outputs: { going: 'bool[]', next: 'float32[2,32]', sum: 'float32' },
    });
    const source = model([makeNode('Loop', ['count', '', 'x'], ['last', 'sums'], { body }), makeNode('MatMul', ['last', 'w'], ['y'])], { initializers: { w: big, v: weight([32, 32]), count: ints([], [3]) }, outputs: { y: 'float32', sums: 'float32' } });
    const small = new ort.Tensor('float32', (rows.x.data as Float32Array).map((value) => value / 64), [2, 32]);
    const { model: artefact } = await expectHalf(source, { x: small }, {}, 2 ** -5);
    // Without a type the state may be anything, so the product in the body stays as it was.
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toEqual(type === '' ? ['count', 'v', 'w_h'] : ['count', 'v_h', 'w_h']);
  });
});
