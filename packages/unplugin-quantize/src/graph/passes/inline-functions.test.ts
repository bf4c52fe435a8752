import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats, ints, ramp, type ModelParts } from '../../../../../test/support/build-model.ts';
import { opTypes, quantize } from '../../../../../test/support/quantize-model.ts';
import { reread, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { AttributeProtoSchema, create, FunctionProtoSchema, type AttributeProto, type FunctionProto, type Model, type NodeProto } from '../../onnx/index.ts';
import { makeAttribute } from '../attributes.ts';
import { makeNode } from '../edit.ts';
import { inlineRefusals } from '../functions/refusals.ts';
import { upgradeOpset } from '../opset/upgrade.ts';
import { assertSound } from './assert-sound.ts';
import { inlineFunctions } from './inline-functions.ts';
import { mergeEqualInitializers } from './merge-equal-initializers.ts';
import { cleanGraph } from './run-passes.ts';

interface FunctionParts {
  input?: string[];
  output?: string[];
  attributes?: string[];
  defaults?: AttributeProto[];
  opsets?: Record<string, number>;
  overload?: string;
}

function makeFunction(name: string, node: NodeProto[], { input = ['x'], output = ['y'], attributes = [], defaults = [], opsets = { '': 17, local: 1 }, overload = '' }: FunctionParts = {}): FunctionProto {
  const opsetImport = Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) }));
  const fn = create(FunctionProtoSchema, { name, domain: 'local', input, output, attribute: attributes, opsetImport, ...(overload && { overload }) });
  fn.node = node;
  fn.attributeProto = defaults;
  return fn;
}

function call(name: string, input: string[], output: string[], attributes = {}): NodeProto {
  return makeNode(name, input, output, attributes, { domain: 'local' });
}

/** An attribute of a node in a function that stands for one of the function. */
function reference(node: NodeProto, name: string, refAttrName: string, type: AttributeProto['type']): NodeProto {
  node.attribute.push(create(AttributeProtoSchema, { name, refAttrName, type }));
  return node;
}

const INT = 2;
const FLOAT = 1;
const feeds: Feeds = { a: seededFloats([2, 3]) };

function model(nodes: NodeProto[], functions: FunctionProto[], more: Partial<ModelParts> = {}): Model {
  return buildModel({ nodes, functions, inputs: { a: 'float32[2,3]' }, outputs: { z: '' }, domains: { local: 1 }, ...more });
}

/** Inlines, and compares what onnxruntime makes of the model before and after, without optimization. */
async function expectSame(source: Model, fed: Feeds = feeds): Promise<Model> {
  const before = await runModel(source, fed);
  expect(inlineFunctions(source)).toBeGreaterThan(0);
  assertSound(source);
  expect(source.proto.functions).toHaveLength(0);
  expect(await runModel(reread(source), fed)).toEqual(before);
  return source;
}

const dense = makeFunction('Dense', [constantNode('w', ramp([3, 3])), makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Relu', ['m'], ['y'])]);

describe('inlineFunctions', () => {
  it('puts the nodes in the place of each call, under names of their own', async () => {
    const source = await expectSame(model([call('Dense', ['a'], ['w']), call('Dense', ['w'], ['z'])], [dense]));
    expect(opTypes(source)).toEqual(['Constant', 'MatMul', 'Relu', 'Constant', 'MatMul', 'Relu']);
    expect(source.proto.graph!.node.map(({ output }) => output[0])).toEqual(['w/w', 'w/m', 'w', 'z/w', 'z/m', 'z']);
    expect(source.proto.opsetImport.map(({ domain }) => domain)).toEqual(['']);
    expect(inlineFunctions(source)).toBe(0);
  });

  it('follows calls inside functions, and drops functions that nobody calls', async () => {
    const twice = makeFunction('Twice', [call('Dense', ['x'], ['h']), call('Dense', ['h'], ['y'])]);
    const source = model([call('Twice', ['a'], ['b']), call('Dense', ['b'], ['z'])], [twice, dense, makeFunction('Unused', [makeNode('Neg', ['x'], ['y'])])]);
    expect(opTypes(await expectSame(source)).filter((op) => op === 'MatMul')).toHaveLength(3);
  });

  it('resolves attribute references: the call, else the default, else nothing', async () => {
    const body = [
      reference(makeNode('Flatten', ['x'], ['f']), 'axis', 'axis', INT),
      reference(makeNode('LeakyRelu', ['f'], ['l']), 'alpha', 'slope', FLOAT),
      reference(makeNode('Elu', ['l'], ['y']), 'alpha', 'absent', FLOAT),
    ];
    const fn = makeFunction('F', body, { attributes: ['axis', 'absent'], defaults: [makeAttribute('slope', { float: 0.5 })] });
    const source = model([call('F', ['a'], ['b'], { axis: 0n }), call('F', ['b'], ['z'], { axis: 2n, slope: { float: 0.25 }, absent: { float: 2 } })], [fn]);
    await expectSame(source);
    expect(source.proto.graph!.node.map(({ attribute }) => attribute.map(({ name, i, f, refAttrName }) => [name, Number(i), f, refAttrName]))).toEqual([
      [['axis', 0, 0, '']], [['alpha', 0, 0.5, '']], [],
      [['axis', 2, 0, '']], [['alpha', 0, 0.25, '']], [['alpha', 0, 2, '']],
    ]);
  });

  it('hands references on through calls inside functions', async () => {
    const inner = makeFunction('Inner', [reference(makeNode('LeakyRelu', ['x'], ['y']), 'alpha', 'slope', FLOAT)], { attributes: ['slope'] });
    const outer = makeFunction('Outer', [reference(call('Inner', ['x'], ['y']), 'slope', 'steepness', FLOAT)], { attributes: ['steepness'] });
    const source = await expectSame(model([call('Outer', ['a'], ['z'], { steepness: { float: 0.125 } })], [inner, outer]));
    expect(source.proto.graph!.node[0]!.attribute.map(({ name, f }) => [name, f])).toEqual([['alpha', 0.125]]);
  });

  it('leaves out optional inputs and outputs, and hands on inputs and doubled outputs', async () => {
    const clip = makeFunction('Clip3', [makeNode('Clip', ['x', 'low', 'high'], ['y']), makeNode('Neg', ['y'], ['n'])], { input: ['x', 'low', 'high'], output: ['y', 'n', 'x', 'y'] });
    const nodes = [call('Clip3', ['a', '', 'limit'], ['', 'n', 'same', 'clipped']), makeNode('Sum', ['n', 'same', 'clipped', 'clipped'], ['z'])];
    const source = model(nodes, [clip], { initializers: { limit: floats([], [0.25]) } });
    inlineFunctions(source);
    assertSound(source);
    // -min(a, limit) + a + 2 min(a, limit)
    const data = (await runModel(reread(source), feeds))['z']!.data as Float32Array;
    const expected = Array.from(feeds['a']!.data as Float32Array, (a) => a + Math.min(a, 0.25));
    data.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(4 * 2 ** -24));
  });

  it('keeps the names of subgraphs apart from those of the caller', async () => {
    // Inside the function the branches define "a", which is the name of what the caller passes as "x".
    const branch = (op: string) => buildGraph({ nodes: [makeNode(op, ['x'], ['a']), makeNode('Add', ['a', 'x'], ['out'])], outputs: { out: 'float32[2,3]' } });
    const fn = makeFunction('Choose', [makeNode('If', ['on'], ['y'], { then_branch: branch('Neg'), else_branch: branch('Relu') })], { input: ['on', 'x'] });
    const source = model([call('Choose', ['on', 'a'], ['b']), call('Choose', ['on', 'b'], ['z'])], [fn], { inputs: { a: 'float32[2,3]', on: 'bool[]' } });
    const { Tensor } = await import('onnxruntime-node');
    expect(opTypes(await expectSame(source, { ...feeds, on: new Tensor('bool', [false], []) }))).toEqual(['If', 'If']);
  });

  it('reaches calls in subgraphs, and functions that have subgraphs with calls', async () => {
    const branch = (fn: string) => buildGraph({ nodes: [call(fn, ['a'], ['out'])], outputs: { out: 'float32[2,3]' } });
    const inner = buildGraph({ nodes: [call('Dense', ['x'], ['out'])], outputs: { out: 'float32[2,3]' } });
    const other = buildGraph({ nodes: [makeNode('Neg', ['x'], ['out'])], outputs: { out: 'float32[2,3]' } });
    const deep = makeFunction('Deep', [constantNode('yes', { ...ints([], []), dtype: 'bool', byteLength: 1, chunks: () => [Uint8Array.of(1)] }), makeNode('If', ['yes'], ['y'], { then_branch: inner, else_branch: other })]);
    const source = model([makeNode('If', ['on'], ['z'], { then_branch: branch('Dense'), else_branch: branch('Deep') })], [dense, deep], { inputs: { a: 'float32[2,3]', on: 'bool[]' } });
    const { Tensor } = await import('onnxruntime-node');
    expect(opTypes(await expectSame(source, { ...feeds, on: new Tensor('bool', [false], []) }))).toEqual(['If']);
  });

  it('tells overloads apart and brings domains along that only a body imports', async () => {
    const gelu = makeFunction('F', [makeNode('Gelu', ['x'], ['y'], {}, { domain: 'com.microsoft' })], { opsets: { '': 17, 'com.microsoft': 1 }, overload: 'fast' });
    const neg = makeFunction('F', [makeNode('Neg', ['x'], ['y'])], { overload: 'slow' });
    const nodes = [call('F', ['a'], ['b']), call('F', ['b'], ['z'])];
    nodes[0]!.overload = 'fast';
    nodes[1]!.overload = 'slow';
    const source = await expectSame(model(nodes, [neg, gelu], { ir: 10 }));
    expect(opTypes(source)).toEqual(['Gelu', 'Neg']);
    expect(source.proto.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 17], ['com.microsoft', 1]]);
  });

  it('leaves functions of another opset, with what they call, and says why', async () => {
    const old = makeFunction('Old', [call('Dense', ['x'], ['y'])], { opsets: { '': 16, local: 1 } });
    old.node.push(makeNode('Neg', ['y'], ['unused']));
    const source = model([call('Old', ['a'], ['b']), call('Dense', ['b'], ['z'])], [old, dense]);
    expect([...inlineRefusals(source)]).toEqual([['local:Old', expect.stringMatching(/^The local function local:Old stays .* it uses opset 16 of the standard where the model uses 17\.$/)]]);
    const before = await runModel(source, feeds);
    expect(inlineFunctions(source)).toBe(1);
    expect(opTypes(source)).toEqual(['Old', 'Constant', 'MatMul', 'Relu']);
    expect(source.proto.functions.map(({ name }) => name)).toEqual(['Old', 'Dense']);
    expect(await runModel(reread(source), feeds)).toEqual(before);
    expect(inlineFunctions(source)).toBe(0);
  });

  it('leaves functions in domains of the engine', () => {
    const fn = makeFunction('Relu', [makeNode('Neg', ['x'], ['y'])]);
    fn.domain = '';
    const source = model([makeNode('Relu', ['a'], ['z'])], [fn]);
    expect(inlineFunctions(source)).toBe(0);
    expect([...inlineRefusals(source).values()][0]).toContain('engines bring themselves');
  });

  it.each<[string, FunctionProto[], RegExp]>([
    ['that calls itself', [makeFunction('F', [call('F', ['x'], ['y'])])], /calls itself/],
    ['that calls itself through another', [makeFunction('F', [call('G', ['x'], ['y'])]), makeFunction('G', [call('F', ['x'], ['y'])])], /calls itself/],
    ['that explodes', Array.from({ length: 40 }, (_, i) => makeFunction(i === 0 ? 'F' : `F${i}`, [call(`F${i + 1}`, ['x'], ['h']), call(`F${i + 1}`, ['h'], ['y'])])).concat(makeFunction('F40', [makeNode('Neg', ['x'], ['y'])])), /too many nodes/],
    ['that reads nothing known', [makeFunction('F', [makeNode('Neg', ['q'], ['y'])])], /reads "q", which nothing defines/],
    ['that defines twice', [makeFunction('F', [makeNode('Neg', ['x'], ['y']), makeNode('Abs', ['x'], ['y'])])], /"y" is defined twice/],
    ['whose call has more outputs than it', [makeFunction('F', [makeNode('Neg', ['x'], ['y'])])].map((fn) => Object.assign(fn, { output: [] })), /more outputs than the function/],
    ['that leaves its output open', [makeFunction('F', [makeNode('Neg', ['x'], ['h'])])], /does not compute its output "y"/],
  ])('refuses a function %s', (_, functions, message) => {
    expect(() => inlineFunctions(model([call('F', ['a'], ['z'])], functions))).toThrowError(message);
    expect(() => inlineFunctions(model([call('F', ['a'], ['z'])], functions))).toThrowError(expect.objectContaining({ code: expect.stringMatching(/^MODEL_(INVALID|TOO_LARGE)$/) }));
  });
});

describe('functions on their way through the quantizer', () => {
  const large = makeFunction('Dense', [constantNode('w', ramp([64, 64])), makeNode('MatMul', ['x', 'w'], ['y'])]);
  const wide = (opset = 17): Model => {
    large.opsetImport[0]!.version = BigInt(opset);
    return buildModel({ nodes: [call('Dense', ['a'], ['b']), call('Dense', ['b'], ['z'])], functions: [large], inputs: { a: 'float32[2,64]' }, outputs: { z: '' }, domains: { local: 1 }, opset });
  };

  it('find their weight, once for all calls', () => {
    const source = wide();
    cleanGraph(source);
    expect(source.proto.graph!.initializer).toHaveLength(1);
    expect(mergeEqualInitializers(source)).toBe(0);
    const { weights, format } = quantize(wide(), { format: 'int8' });
    expect(format).toBe('int8');
    expect(weights.map(({ scheme, dims }) => [scheme, dims])).toEqual([['int8-dynamic', [64, 64]]]);
  });

  it('are brought to a newer opset with the model', () => {
    const source = wide(9);
    inlineFunctions(source);
    expect(upgradeOpset(source, 13)).toEqual({ upgraded: true });
    expect(quantize(wide(10), { format: 'int8-dynamic' }).notes).toEqual([]);
  });

  it('are named in the notes where they stay', () => {
    const fn = makeFunction('Old', [makeNode('Neg', ['x'], ['y'])], { opsets: { '': 13 } });
    const source = buildModel({ nodes: [makeNode('MatMul', ['a', 'w'], ['b']), call('Old', ['b'], ['z'])], functions: [fn], initializers: { w: ramp([64, 64]) }, inputs: { a: 'float32[2,64]' }, outputs: { z: '' }, domains: { local: 1 } });
    const { notes, model: artefact } = quantize(source, { format: 'int8-storage' });
    expect(notes).toEqual([expect.stringContaining('local:Old stays as it is')]);
    expect(artefact.proto.functions).toHaveLength(1);
  });
});
