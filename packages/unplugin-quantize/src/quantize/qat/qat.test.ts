import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { optimizedModel, countOps } from '../../../../../test/support/optimized-model.ts';
import { buildModel, floats, type ModelParts } from '../../../../../test/support/build-model.ts';
import { decode, elementsOf, initializer, opTypes, quantize } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import { arrayTensor, bytesSource, dtypeOf, readModel, setTensor, type Model, type Tensor } from '../../onnx/index.ts';
import { FORMATS, MODEL_DEFAULTS } from '../../options.ts';
import type { Format } from '../../types.ts';
import { observeActivations } from '../static/observe.ts';
import { quantizeLinear } from './quantize-linear.ts';

const folder = new URL('../../../../../test/reference/qat/', import.meta.url);
const file = (name: string): Uint8Array => readFileSync(new URL(`${name}.onnx`, folder));
const x = seededFloats([1, 8, 10, 10], 5);
const formats = (Object.keys(FORMATS) as Format[]).filter((format) => format !== 'none' && format !== 'int8-static');
const trained = ['torch', 'tf', 'brevitas'];
/** Half precision rounds what is between integers; all other formats leave nothing to round. */
const halves: Format[] = ['fp16', 'int4-fp16'];
const cases = (of: Format[]): [string, Format][] => trained.flatMap((name) => of.map((format): [string, Format] => [name, format]));

/** Initializers by name and type, so that scales can be compared. */
function constants(model: Model): Map<string, string> {
  return new Map(model.proto.graph!.initializer.map((proto) => [proto.name, dtypeOf(proto.dataType)!]));
}

describe('samples of a model with integers', () => {
  it.each([['qdq', false], ['qoperator', false], ['half', true]])('are run where something is left to quantize: %s', (name, isLeft) => {
    const { taps } = observeActivations(bytesSource(file(name)), undefined, { ...MODEL_DEFAULTS, format: 'int8-static', mixed: [] });
    expect(taps.length > 0).toBe(isLeft);
  });
});

describe('a model that was trained for quantization', () => {
  it.each(cases(formats.filter((format) => !halves.includes(format))))('%s as %s computes the same', async (name, format) => {
    const source = file(name);
    const { bytes, format: used, weights } = quantize(source, { format });
    expect(used).toBe(format);
    expect(weights.filter(({ scheme }) => scheme === 'trained').length).toBe(name === 'torch' ? 3 : 2);
    expect(await runModel(bytes, { x })).toEqual(await runModel(source, { x }));
  });

  it.each(cases(halves))('%s as %s computes nearly the same', async (name, format) => {
    const { bytes, weights } = quantize(file(name), { format });
    expect(weights.some(({ scheme }) => scheme === 'trained')).toBe(true);
    const [before, after] = [await runModel(file(name), { x }), await runModel(bytes, { x })].map(({ y }) => [...(y!.data as Float32Array)]);
    const signal = Math.hypot(...before!);
    // Where half precision changes a level of an activation, that is one of 127.
    expect(Math.hypot(...before!.map((value, i) => value - after![i]!))).toBeLessThan(signal / 50);
  });

  it.each(trained)('%s keeps scales and zero points bit by bit', (name) => {
    const { model } = quantize(file(name), { format: 'int8' });
    const source = readModel(bytesSource(file(name)));
    const given = new Map([
      ...source.proto.graph!.initializer.map((proto): [string, number[]] => [proto.name, /scale|zero_point/.test(proto.name) ? elementsOf(source, proto) : []]),
      ...source.proto.graph!.node.filter(({ opType }) => opType === 'Constant').map((node): [string, number[]] => [node.output[0]!, elementsOf(source, node.attribute[0]!.t!)]),
    ]);
    const linear = model.proto.graph!.node.filter(({ opType }) => opType.endsWith('uantizeLinear'));
    expect(linear.length).toBeGreaterThan(4);
    for (const { input } of linear) for (const parameter of input.slice(1)) expect(elementsOf(model, initializer(model, parameter))).toEqual(given.get(parameter));
  });

  it.each(trained)('%s has integers in place of its weights', (name) => {
    const { model, notes, bytes } = quantize(file(name), { format: 'int8' });
    const types = [...constants(model)].filter(([key]) => /^w\d_(q|clipped)$/.test(key)).map(([, type]) => type);
    expect(types).toEqual(Array<string>(name === 'torch' ? 3 : 2).fill('int8'));
    expect(bytes.length).toBeLessThan(0.6 * file(name).length);
    expect(notes).toContain(`The model was trained for quantization: ${types.length} weights are stored as integers with the scales and zero points of the training.`);
  });

  it('keeps narrow ranges narrow', () => {
    const { model } = quantize(file('brevitas'), { format: 'int8' });
    expect(opTypes(model).filter((op) => op === 'Clip').length).toBe(1);
    expect(Math.min(...elementsOf(model, initializer(model, 'w1_clipped')))).toBe(-127);
    const wide = quantize(file('torch'), { format: 'int8' }).model;
    expect(Math.min(...elementsOf(wide, initializer(wide, 'w1_q')))).toBe(-128);
  });

  it('is computed on integer kernels', async () => {
    const ops = countOps(await optimizedModel(quantize(file('tf'), { format: 'int8' }).bytes, 'extended'));
    expect(ops).toMatchObject({ QLinearConv: 1, QGemm: 1 });
  });

  it('takes samples too, without rounding twice', async () => {
    const { bytes, model } = quantize(file('torch'), { format: 'int8-static' }, undefined, { statistics: new Map() });
    expect(await runModel(bytes, { x })).toEqual(await runModel(file('torch'), { x }));
    expect(opTypes(model).filter((op) => op === 'QuantizeLinear').length).toBe(3);
  });

  it('that is exported in half is completed where its inputs are quantized', async () => {
    const source = readModel(bytesSource(file('half')));
    const { bytes, weights, notes, model } = quantize(file('half'), { format: 'int8' });
    expect(Object.fromEntries(weights.map(({ tensor, scheme }) => [tensor, scheme]))).toMatchObject({ w1: 'trained', w2: 'int8-static', w3: 'int8-storage' });
    expect(notes).toContain('One weight without integers got some, because what they are multiplied with is quantized by the model.');
    // The source with the same rounded weights computes the same, bit for bit.
    const dequantize = (name: string, scales: string, cast: string): void => {
      const [levels, factors] = [elementsOf(model, initializer(model, cast)), elementsOf(model, initializer(model, scales))];
      const proto = initializer(source, name);
      const inner = levels.length / factors.length;
      setTensor(source, proto, floats(proto.dims.map(Number), levels.map((level, i) => level * factors[Math.floor(i / inner)]!)));
    };
    dequantize('w2', 'w2_s', 'w2_q');
    dequantize('w3', 'w3_s', 'w3_q');
    expect(await runModel(bytes, { x })).toEqual(await runModel(source, { x }));
  });
});

describe('a model that is quantized already', () => {
  const dynamic = readFileSync(new URL('../quantize/mlp.dynamic.onnx', folder));
  it.each(formats.flatMap((format): [string, Format, Uint8Array][] => [['QDQ', format, file('qdq')], ['QLinear', format, file('qoperator')]]))('%s is left alone as %s', (_, format, source) => {
    const result = quantize(source, { format });
    expect(result.format).toBe('none');
    expect(Buffer.compare(result.bytes, source)).toBe(0);
    expect(result.notes[0]).toMatch(/^The model is quantized already \(.*; 100 % of its weights are integers\): it is left as it is\./);
  });

  it('dynamically is left alone', () => {
    expect(quantize(dynamic, { format: 'int8' })).toMatchObject({ format: 'none', notes: [expect.stringMatching(/DynamicQuantizeLinear, MatMulInteger/)] });
  });

  it.each(['int8-dynamic', 'int4', 'int8-weight'] as const)('by this package as %s is left alone', (format) => {
    const weight = floats([64, 64], [...(seededFloats([4096], 2).data as Float32Array)]);
    const source = buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weight }, inputs: { x: 'float32[2,64]' }, outputs: { y: 'float32' } });
    const { bytes } = quantize(source, { format });
    expect(quantize(bytes, { format: 'int8' })).toMatchObject({ format: 'none', notes: [expect.stringMatching(/quantized already/)] });
  });
});

describe('weights of a fake quantization', () => {
  const parts = (more: Partial<ModelParts> = {}): ModelParts => ({
    nodes: [makeNode('QuantizeLinear', ['w', 's', 'z'], ['q']), makeNode('DequantizeLinear', ['q', 's', 'z'], ['d']), makeNode('MatMul', ['x', 'd'], ['y'])],
    initializers: { w: floats([48, 48], [...(seededFloats([2304], 2).data as Float32Array)]), s: floats([], [0.01]), z: arrayTensor('int8', [], Int8Array.of(3)) },
    inputs: { x: 'float32[2,48]' }, outputs: { y: 'float32' }, ...more,
  });
  const feeds = { x: seededFloats([2, 48], 6) };

  it.each<[string, Partial<ModelParts>]>([
    ['that are read as floats too', { nodes: [...parts().nodes, makeNode('Mul', ['w', 's'], ['v'])], outputs: { y: 'float32', v: 'float32' } }],
    ['whose integers are handed out', { outputs: { y: 'float32', q: 'int8' } }],
    ['whose integers something else reads', { nodes: [...parts().nodes, makeNode('Cast', ['q'], ['c'], { to: 1n })], outputs: { y: 'float32', c: 'float32' } }],
    ['whose scale is computed', { nodes: [makeNode('Abs', ['t'], ['s']), ...parts().nodes], initializers: { w: parts().initializers!['w']!, z: parts().initializers!['z']! }, inputs: { x: 'float32[2,48]', t: 'float32[]' } }],
  ])('%s stay floats', async (_, more) => {
    const all = { ...feeds, t: seededFloats([], 3) };
    const given = Object.fromEntries(Object.entries(all).filter(([name]) => name in { ...parts().inputs, ...more.inputs }));
    const source = buildModel(parts(more));
    const { bytes, weights } = quantize(source, { format: 'int8' });
    expect(weights.find(({ tensor }) => tensor === 'w')).toMatchObject({ scheme: 'kept' });
    expect(await runModel(bytes, given)).toEqual(await runModel(source, given));
  });

  it('that two nodes round are stored for each', async () => {
    const source = buildModel(parts({ nodes: [
      ...parts().nodes.slice(0, 2), makeNode('QuantizeLinear', ['w', 's2'], ['q2']), makeNode('DequantizeLinear', ['q2', 's2'], ['d2']), makeNode('Add', ['d', 'd2'], ['e']), makeNode('MatMul', ['x', 'e'], ['y']),
    ], initializers: { ...parts().initializers, s2: floats([], [0.02]) } }));
    const { bytes, model } = quantize(source, { format: 'int8' });
    expect(constants(model).get('q')).toBe('int8');
    expect(constants(model).get('q2')).toBe('uint8');
    expect(await runModel(bytes, feeds)).toEqual(await runModel(source, feeds));
  });

  it.each(['int8', 'uint8', 'int16', 'uint16'] as const)('are rounded to %s as onnxruntime rounds them', async (dtype) => {
    // Ties, and values beyond both ends.
    const values = [...Array.from({ length: 64 }, (_, i) => (i - 32) * 0.125), 1e9, -1e9, 0, -0, 100.5, -100.5, ...(seededFloats([58], 3).data as Float32Array)];
    const tensor = floats([4, 32], values);
    const scales = Float32Array.of(0.25, 0.1, 3, 1e-3);
    const zeroPoints = dtype.startsWith('u') ? Uint8Array.of(0, 7, 128, 255) : Int8Array.of(0, 7, -128, 127);
    const source = buildModel({
      nodes: [makeNode('QuantizeLinear', ['x', 's', 'z'], ['y'], { axis: 0n })], opset: 21, ir: 10, inputs: { x: 'float32[4,32]' }, outputs: { y: dtype },
      initializers: { s: arrayTensor('float32', [4], scales), z: integers(dtype, [...zeroPoints]) },
    });
    const { y } = await runModel(bytesOf(source), { x: new ort.Tensor('float32', Float32Array.from(values), [4, 32]) });
    const found = quantizeLinear(tensor, { dtype, axis: 0, scales, zeroPoints, low: -Infinity, high: Infinity }, 'w');
    expect([...numbers(found)]).toEqual([...(y!.data as Int16Array)]);
  });
});

function integers(dtype: 'int8' | 'uint8' | 'int16' | 'uint16', values: number[]): Tensor {
  const make = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array }[dtype];
  return arrayTensor(dtype, [values.length], make.from(values));
}

function numbers(tensor: Tensor): Iterable<number> {
  const bytes = Uint8Array.from([...tensor.chunks()].flatMap((chunk) => [...chunk]));
  if (tensor.dtype === 'int16') return new Int16Array(bytes.buffer);
  return tensor.dtype === 'uint16' ? new Uint16Array(bytes.buffer) : decode({ byteLength: bytes.length, chunks: () => [bytes] }, tensor.dtype);
}
