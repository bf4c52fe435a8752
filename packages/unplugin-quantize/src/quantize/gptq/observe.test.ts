import * as ort from 'onnxruntime-node';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, type ModelParts } from '../../../../../test/support/build-model.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { hasShared, models, sharedFolder } from '../../../../../test/support/models.ts';
import { bytesOf, longs, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import { bytesSource, readPayload, type Model, type NodeProto } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { hessianSums, observeSource, quantizeSource, type Observation, type QuantizeOptions } from '../index.ts';

const INT4: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int4', mixed: [] };

const model = (nodes: NodeProto[], parts: Partial<ModelParts> = {}): Model => buildModel({ nodes, outputs: { y: 'float32' }, ...parts });

interface Observing {
  bytes: Uint8Array;
  observations: Observation[];
}

function observe(source: Uint8Array, options: QuantizeOptions = INT4): Observing {
  const { stream, observations } = observeSource(bytesSource(source), undefined, options);
  return { bytes: readPayload(stream), observations };
}

async function sumsOf({ bytes, observations }: Observing, samples: readonly Feeds[]): Promise<Map<string, Float64Array>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const sums = hessianSums(observations);
  for (const feeds of samples) {
    const outputs = await session.run(feeds, observations.map(({ output }) => output));
    sums.add(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array])));
  }
  await session.release();
  return sums.result();
}

/** Two layers of which the second sees the first one's Relu; q and k see the same. */
const layers = (): Model => model([
  makeNode('MatMul', ['x', 'q'], ['a'], {}, { name: 'first' }), makeNode('MatMul', ['x', 'k'], ['b']), makeNode('Add', ['a', 'b'], ['s']), makeNode('Relu', ['s'], ['r']),
  makeNode('Gemm', ['r', 'g', 'bias'], ['y'], { transB: 1n }),
], { initializers: { q: weight([64, 80]), k: weight([64, 80], 4), g: weight([64, 80], 5), bias: weight([64], 6) }, inputs: { x: 'float32[B,64]' } });

describe('an observing model', () => {
  it('hands out the sum of outer products of what each large matrix is multiplied with', async () => {
    const observing = observe(bytesOf(layers()));
    expect(observing.observations).toEqual([
      { output: 'x_gram', K: 64, weights: ['q', 'k'] },
      { output: 'r_gram', K: 80, weights: ['g'] },
    ]);
    const samples = [{ x: seededFloats([3, 64]) }, { x: seededFloats([1, 64], 2) }];
    const sums = await sumsOf(observing, samples);
    expect(sums.get('q')).toBe(sums.get('k'));
    const rows = samples.flatMap(({ x }) => rowsOf(x.data as Float32Array, 64));
    expectNear(sums.get('q')!, gram(rows, 64));
    const inner = await Promise.all(samples.map((feeds) => runModel(buildWithOutput(layers(), 'r'), feeds)));
    expectNear(sums.get('g')!, gram(inner.flatMap(({ r }) => rowsOf(r!.data as Float32Array, 80)), 80));
  });

  it('still computes its outputs', async () => {
    const feeds = { x: seededFloats([2, 64]) };
    const [expected, found] = [await runModel(layers(), feeds), await runModel(observe(bytesOf(layers())).bytes, feeds)];
    expect(found['y']).toEqual(expected['y']);
  });

  it('adds up over the readers of one matrix, and rows of any number of leading dimensions', async () => {
    const source = model([makeNode('MatMul', ['x', 'w'], ['a']), makeNode('MatMul', ['a', 'w'], ['y'])], { initializers: { w: weight([64, 64]) }, inputs: { x: 'float32[2,3,64]' } });
    const observing = observe(bytesOf(source));
    expect(observing.observations.map(({ output }) => output)).toEqual(['x_gram', 'a_gram']);
    const x = seededFloats([2, 3, 64]);
    const { a } = await runModel(buildWithOutput(source, 'a'), { x });
    expectNear((await sumsOf(observing, [{ x }])).get('w')!, gram([...rowsOf(x.data as Float32Array, 64), ...rowsOf(a!.data as Float32Array, 64)], 64));
  });

  it('leaves out excluded and small matrices, embeddings, convolutions and branches', () => {
    const node = makeNode('If', ['c'], ['b'], {
      then_branch: buildGraph({ nodes: [makeNode('MatMul', ['x', 'v'], ['t'])], outputs: { t: 'float32' } }),
      else_branch: buildGraph({ nodes: [makeNode('Identity', ['x'], ['t'])], outputs: { t: 'float32' } }),
    });
    const source = model([makeNode('Gather', ['e', 'ids'], ['x']), node, makeNode('MatMul', ['b', 's'], ['y'])], {
      initializers: { e: weight([128, 64]), v: weight([64, 64]), s: weight([64, 8]) }, inputs: { ids: 'int64[2]', c: 'bool[]' },
    });
    expect(observe(bytesOf(source)).observations).toEqual([]);
    expect(observe(bytesOf(layers()), { ...INT4, exclude: ['first', 'g'] }).observations).toEqual([{ output: 'x_gram', K: 64, weights: ['k'] }]);
  });

  it('is refused outputs of another model', () => {
    const { observations } = observe(bytesOf(layers()));
    expect(() => hessianSums(observations).add({ x_gram: new Float32Array(4), r_gram: new Float32Array(6400) })).toThrow(/no output x_gram of 4096 numbers/);
  });
});

describe('weights whose inputs were observed', () => {
  it('lose less of the products in every block format, and the file has the same size', async () => {
    const source = bytesOf(layers());
    const samples = Array.from({ length: 8 }, (_, i) => ({ x: correlated([16, 64], i) }));
    const sums = await sumsOf(observe(source), samples);
    const fresh = { x: correlated([16, 64], 99) };
    for (const options of [INT4, { ...INT4, symmetric: true }, { ...INT4, format: 'int8-weight' as const }, { ...INT4, format: 'int4-storage' as const }]) {
      const [alone, together] = [undefined, sums].map((hessians) => readPayload(quantizeSource(bytesSource(source), undefined, options, hessians && { hessians }).stream)) as [Uint8Array, Uint8Array];
      expect(together.byteLength).toBe(alone.byteLength);
      expect(await errorOf(together, source, fresh)).toBeLessThan(0.7 * await errorOf(alone, source, fresh));
    }
  });

  it('are those that the sums name; others stay as they would be', () => {
    const source = bytesOf(layers());
    const bytes = (hessians?: Map<string, Float64Array>): Uint8Array => readPayload(quantizeSource(bytesSource(source), undefined, INT4, hessians && { hessians }).stream);
    expect(bytes(new Map([['nobody', new Float64Array(1)]]))).toEqual(bytes());
    // Sums of the wrong size, or of samples that were all zero, say nothing.
    expect(bytes(new Map([['q', new Float64Array(9).fill(1)], ['k', new Float64Array(64 * 64)]]))).toEqual(bytes());
  });
});

describe.skipIf(!hasShared)('a character model', () => {
  it('has at most two thirds of the error on text that was not observed', async () => {
    // One of six layers, so that the test takes seconds.
    const options: QuantizeOptions = { ...INT4, mixed: undefined, include: ['/b.2/*'] };
    const source = readFileSync(models.charlm);
    const chars: Record<string, number> | string[] = JSON.parse(readFileSync(join(sharedFolder, 'data/charlm/chars.json'), 'utf8'));
    const idOf = (char: string): number => (Array.isArray(chars) ? chars.indexOf(char) : chars[char]!);
    const valid = readFileSync(join(sharedFolder, 'data/charlm/valid.txt'), 'utf8');
    const text = (part: number): Feeds => ({ input_ids: longs([1, 256], Array.from(valid.slice(part * 1000, part * 1000 + 256), idOf)) });
    const sums = await sumsOf(observe(source, options), [1, 2, 3, 5].map(text));
    expect(sums.size).toBe(6);
    const bytes = (hessians?: Map<string, Float64Array>): Uint8Array => readPayload(quantizeSource(bytesSource(source), undefined, options, hessians && { hessians }).stream);
    expect(await errorOf(bytes(sums), source, text(7))).toBeLessThan(0.67 * await errorOf(bytes(), source, text(7)));
  });
});

/** The sum of squared distances of the first output. */
async function errorOf(artefact: Uint8Array, source: Uint8Array, feeds: Feeds): Promise<number> {
  const [found, expected] = (await Promise.all([runModel(artefact, feeds, 'all'), runModel(source, feeds, 'all')])).map((outputs) => Object.values(outputs)[0]!.data as Float32Array);
  return found!.reduce((sum, value, i) => sum + (value - expected![i]!) ** 2, 0);
}

/** Rows that are sums of few directions, as activations are. */
function correlated([rows, columns]: [number, number], seed: number): ort.Tensor {
  const [mix, directions] = [seededFloats([rows, 6], seed + 10).data as Float32Array, seededFloats([6, columns], 77).data as Float32Array];
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return Array.from({ length: 6 }, (_, i) => mix[row * 6 + i]! * directions[i * columns + column]!).reduce((a, b) => a + b, 0);
  });
  return new ort.Tensor('float32', data, [rows, columns]);
}

function buildWithOutput(source: Model, name: string): Model {
  const { graph } = source.proto;
  graph!.output = [{ ...graph!.output[0]!, name }];
  return source;
}

function rowsOf(data: Float32Array, length: number): number[][] {
  return Array.from({ length: data.length / length }, (_, row) => [...data.subarray(row * length, (row + 1) * length)]);
}

function gram(rows: number[][], K: number): Float64Array {
  return Float64Array.from({ length: K * K }, (_, at) => rows.reduce((sum, row) => sum + row[Math.floor(at / K)]! * row[at % K]!, 0));
}

function expectNear(found: Float64Array, expected: Float64Array): void {
  const scale = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(found).toHaveLength(expected.length);
  // Float32 products and sums of at most 12 rows, of values that are float32 sums of 80 products.
  for (const [i, x] of found.entries()) expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(scale * 100 * 2 ** -24);
}
