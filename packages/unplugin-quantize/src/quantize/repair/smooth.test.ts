import { describe, expect, it } from 'vitest';
import { buildModel, floats, ramp, type ModelParts } from '../../../../../test/support/build-model.ts';
import { minMaxStatistics, quantizeStatic, sumsOfInputs } from '../../../../../test/support/min-max-statistics.ts';
import { bytesOf, reread, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode, type AttributeValue } from '../../graph/index.ts';
import type { Model, NodeProto, Tensor } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { createContext } from '../context.ts';
import { hessianFactor } from '../gptq/hessian.ts';
import type { Statistics } from '../static/statistics.ts';
import { smoothInputs } from './smooth.ts';
import { chooseSmoothing } from './smoothing-strength.ts';

const WIDTH = 32;
/** Two channels are far larger than the others. */
const OUTLIERS = Array.from({ length: WIDTH }, (_, c) => (c === 3 ? 100 : c === 17 ? 60 : 1));
const values = (dims: number[], seed: number, factor: (i: number) => number = () => 1): Tensor => floats(dims, [...(seededFloats(dims, seed).data as Float32Array)].map((value, i) => value * factor(i)));
/** A weight [inputs, outputs] whose rows make up for the outliers. */
const reading = (outputs: number, seed: number): Tensor => values([WIDTH, outputs], seed, (i) => 1 / OUTLIERS[Math.floor(i / outputs)]!);

const norm = (attributes: Record<string, AttributeValue> = {}): NodeProto => makeNode('LayerNormalization', ['x', 'g', 'b'], ['n'], attributes);
const initializers = {
  g: values([WIDTH], 2, (c) => 2 * OUTLIERS[c]!), b: values([WIDTH], 3, (c) => OUTLIERS[c]!), w: reading(40, 4), v: reading(24, 5), t: values([24, WIDTH], 6, (i) => 1 / OUTLIERS[i % WIDTH]!),
};
const samples: Feeds[] = Array.from({ length: 4 }, (_, i) => ({ x: seededFloats([6, WIDTH], i + 10) }));

function model(nodes: NodeProto[], more: Partial<ModelParts> & { more?: Record<string, Tensor> } = {}): Model {
  const { more: further, ...parts } = more;
  return buildModel({ nodes, initializers: { ...initializers, ...further }, inputs: { x: `float32[6,${WIDTH}]` }, outputs: { y: 'float32' }, ...parts });
}

/** Smooths a model as a build does, and expects it to compute the same. */
async function smoothed(source: Model): Promise<{ before: Statistics; after: Statistics }> {
  const options = { ...MODEL_DEFAULTS, format: 'int8-static' as const, equalize: false };
  const before = await minMaxStatistics(bytesOf(source), options, samples);
  const context = createContext(reread(source), options, { statistics: before });
  const after = smoothInputs(context).statistics;
  for (const feeds of samples) expect(await runModel(context.model, feeds)).toEqual(await runModel(source, feeds));
  return { before, after };
}

/** Largest difference of outputs, relative to the largest output. */
async function error(source: Model, artefact: Uint8Array): Promise<number> {
  let [noise, signal] = [0, 0];
  for (const feeds of samples) {
    const [exact, found] = [await runModel(source, feeds), await runModel(artefact, feeds)].map(({ y }) => y!.data as Float32Array);
    exact!.forEach((value, i) => {
      noise += (value - found![i]!) ** 2;
      signal += value * value;
    });
  }
  return Math.sqrt(noise / signal);
}

describe('smoothInputs', () => {
  const product = makeNode('MatMul', ['n', 'w'], ['y']);

  it('moves large channels of a norm into the weight that reads them', async () => {
    const { before, after } = await smoothed(model([norm(), product]));
    expect(after.get('n')!.max).toBeLessThan(before.get('n')!.max / 4);
    const { channels, min, max } = after.get('n')!;
    expect([min, max]).toEqual([Math.min(...channels!.min), Math.max(...channels!.max)]);
  });

  it('gives the ranges that observing the smoothed model would give', async () => {
    const source = model([norm(), product]);
    const options = { ...MODEL_DEFAULTS, format: 'int8-static' as const, equalize: false };
    const context = createContext(reread(source), options, { statistics: await minMaxStatistics(bytesOf(source), options, samples) });
    const after = smoothInputs(context).statistics;
    expect(after).toEqual(await minMaxStatistics(bytesOf(context.model), options, samples));
  });

  it('gives the sums of inputs that observing the smoothed model would give', async () => {
    const source = model([norm(), product]);
    const options = { ...MODEL_DEFAULTS, format: 'int8-static' as const, equalize: false };
    const observe = async (bytes: Uint8Array) => ({ statistics: await minMaxStatistics(bytes, options, samples), hessians: await sumsOfInputs(bytes, options, samples) });
    const observed = await observe(bytesOf(source));
    const context = createContext(reread(source), options, observed);
    const { inputFactor } = smoothInputs(context);
    const { hessians } = await observe(bytesOf(context.model));
    expect(hessians.get('w')).not.toEqual(observed.hessians.get('w'));
    expect(inputFactor('w', WIDTH)).toEqual(hessianFactor(hessians.get('w')!, WIDTH));
    expect(context.inputFactor('w', WIDTH)).toEqual(hessianFactor(observed.hessians.get('w')!, WIDTH));
  });

  it('takes most of the error away', async () => {
    const source = model([norm(), product]);
    const [without, with_] = await Promise.all([false, true].map(async (smooth) => error(source, (await quantizeStatic(source, samples, { smooth })).bytes)));
    expect(with_!).toBeLessThan(without! / 3);
  });

  it.each<[string, NodeProto[], Record<string, Tensor>?]>([
    ['several products', [norm(), makeNode('MatMul', ['n', 'w'], ['a']), makeNode('MatMul', ['n', 'v'], ['c']), makeNode('Concat', ['a', 'c'], ['y'], { axis: -1n })]],
    ['a Gemm', [norm(), makeNode('Gemm', ['n', 't'], ['y'], { transB: 1n })]],
    ['a product behind Relu', [norm(), makeNode('Relu', ['n'], ['r']), makeNode('MatMul', ['r', 'w'], ['y'])]],
    ['what a vector multiplies and one is added to', [makeNode('Mul', ['x', 'g'], ['m']), makeNode('Add', ['m', 'b'], ['n']), product]],
    ['what another product makes', [makeNode('MatMul', ['x', 'p'], ['m']), makeNode('Add', ['m', 'b'], ['n']), product], { p: values([WIDTH, WIDTH], 8, (i) => OUTLIERS[i % WIDTH]!) }],
  ])('smooths the input of %s', async (_, nodes, more = {}) => {
    const { before, after } = await smoothed(model(nodes, { more }));
    expect(after).not.toBe(before);
    const read = nodes.find(({ opType, input }) => opType !== 'Relu' && input[0] !== 'x' && input[0] !== 'm')!.input[0]!;
    expect(after.get(read)!.max).toBeLessThan(before.get(read)!.max / 4);
  });

  it.each<[string, Model]>([
    ['that a branch adds too', model([norm(), product, makeNode('Add', ['x', 'n'], ['z'])], { outputs: { y: 'float32', z: 'float32' } })],
    ['of another axis', model([norm({ axis: 0n }), product], { more: { g: values([6, WIDTH], 1, (i) => OUTLIERS[i % WIDTH]!), b: values([6, WIDTH], 1) } })],
    ['that is handed out', model([norm(), product], { outputs: { y: 'float32', n: 'float32' } })],
    ['without large channels', model([norm(), product], { more: { g: values([WIDTH], 2, (i) => 1 + 0.2 * i), b: ramp([WIDTH]), w: values([WIDTH, 40], 4) } })],
  ])('leaves a norm %s', async (_, source) => {
    const { before, after } = await smoothed(source);
    expect(after).toBe(before);
  });

  it('leaves weights that the user excludes', async () => {
    const source = model([norm(), product]);
    const options = { ...MODEL_DEFAULTS, format: 'int8-static' as const, exclude: ['w'] };
    const statistics = await minMaxStatistics(bytesOf(source), options, samples);
    expect(smoothInputs(createContext(reread(source), options, { statistics })).statistics).toBe(statistics);
  });

  it('keeps the share of a range that the calibration method left', async () => {
    const source = model([norm(), product]);
    const options = { ...MODEL_DEFAULTS, format: 'int8-static' as const };
    const exact = await minMaxStatistics(bytesOf(source), options, samples);
    const clipped = new Map([...exact].map(([name, found]) => [name, { ...found, min: found.min / 2, max: found.max / 4 }]));
    const ranges = [exact, clipped].map((statistics) => smoothInputs(createContext(reread(source), options, { statistics })).statistics.get('n')!);
    expect(ranges[1]!.min).toBeCloseTo(ranges[0]!.min / 2, 10);
    expect(ranges[1]!.max).toBeCloseTo(ranges[0]!.max / 4, 10);
  });
});

describe('chooseSmoothing', () => {
  const channels = (max: number[]): { min: Float32Array; max: Float32Array; mean: Float64Array } => ({ min: Float32Array.from(max, (value) => -value), max: Float32Array.from(max), mean: new Float64Array(max.length) });

  it('leaves channels and rows that are alike', () => {
    expect([...chooseSmoothing([{ tensor: values([8, 8], 1), rowsFirst: true, channels: channels(Array<number>(8).fill(3)) }])]).toEqual(Array<number>(8).fill(0));
  });

  it('gives whole numbers, and none to channels that are always zero', () => {
    const logs = chooseSmoothing([{ tensor: values([8, 8], 1), rowsFirst: true, channels: channels([0, 1, 1, 1, 1, 1, 200, 1]) }]);
    expect([...logs].every(Number.isInteger)).toBe(true);
    expect(logs[0]).toBe(0);
    expect(logs[6]).toBeLessThan(-2);
  });

  it('reads transposed weights the other way round', () => {
    const [w, t] = [values([4, 6], 7), new Float32Array(24)];
    const numbers = [...new Float32Array([...w.chunks()][0]!.buffer)];
    numbers.forEach((value, i) => (t[(i % 6) * 4 + Math.floor(i / 6)] = value));
    const figures = channels([1, 50, 2, 0.1]);
    expect(chooseSmoothing([{ tensor: floats([6, 4], [...t]), rowsFirst: false, channels: figures }])).toEqual(chooseSmoothing([{ tensor: w, rowsFirst: true, channels: figures }]));
  });
});
