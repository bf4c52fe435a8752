import { readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, constantNode, floats, ints, rawBool, type GraphParts, type ModelParts } from '../../../../../test/support/build-model.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { minMaxStatistics, quantizeStatic } from '../../../../../test/support/min-max-statistics.ts';
import { countOps, optimizedModel } from '../../../../../test/support/optimized-model.ts';
import { models } from '../../../../../test/support/models.ts';
import { quantize } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, runModel, seededFloats, type Feeds } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../../graph/index.ts';
import type { Model } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import type { QuantizeOptions } from '../index.ts';

const STATIC: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int8-static', keepNames: true };
const PADS = { pads: [1, 1, 1, 1] };
type Matrix = ReturnType<typeof floats>;
const bool = (value: boolean): Tensor => new Tensor('bool', [value], []);
const count = (value: number): Tensor => new Tensor('int64', [BigInt(value)], []);

const conv = (input: string, output: string, kernel: string, bias = ''): ReturnType<typeof makeNode> => makeNode('Conv', [input, kernel, ...(bias === '' ? [] : [bias])], [output], PADS);
const kernels = (seed: number) => ({ k: weight([8, 8, 3, 3], seed), h: weight([8], seed + 1) });

/** A branch with two convolutions, the first of which reads an outer value. */
const branch = (seed: number, parts: Partial<GraphParts> = {}) => buildGraph({
  nodes: [conv('r', 'c1', 'k', 'h'), makeNode('Relu', ['c1'], ['r1']), conv('r1', 't', 'g')], initializers: { ...kernels(seed), g: weight([8, 8, 3, 3], seed + 2) }, outputs: { t: 'float32' }, ...parts,
});

/** A convolution, then a choice between two branches. */
const chooser = (parts: Partial<ModelParts> = {}): Model => buildModel({
  nodes: [conv('x', 'c', 'w', 'b'), makeNode('Relu', ['c'], ['r']), makeNode('If', ['on'], ['y'], { then_branch: branch(10), else_branch: branch(20) })],
  initializers: { w: weight([8, 3, 3, 3], 1), b: weight([8], 2) }, inputs: { x: 'float32[N,3,6,6]', on: 'bool[]' }, outputs: { y: 'float32' }, ...parts,
});

/** A matrix that makes vectors no longer, so that errors do not grow from one iteration to the next. */
const matrix = (seed: number, rows = 32): Matrix => floats([rows, 32], Array.from(seededFloats([rows, 32], seed).data as Float32Array, (value) => value / 4));

/** s <- tanh(s W + b) U */
const step: GraphParts = {
  nodes: [makeNode('Identity', ['cond'], ['next']), makeNode('MatMul', ['s', 'w'], ['p']), makeNode('Add', ['p', 'b'], ['q']), makeNode('Tanh', ['q'], ['v']), makeNode('MatMul', ['v', 'u'], ['z']), makeNode('Neg', ['z'], ['m'])],
  initializers: { w: matrix(3), b: weight([32], 4), u: matrix(5) },
  inputs: { i: 'int64[]', cond: 'bool[]', s: 'float32' }, outputs: { next: 'bool', z: 'float32', m: 'float32' },
};

/** A state that goes around `n` times. */
const looper = (parts: Partial<ModelParts> = {}, body: Partial<GraphParts> = {}): Model => buildModel({
  nodes: [makeNode('Loop', ['n', 'go', 'x'], ['y', 'all'], { body: buildGraph({ ...step, ...body }) })],
  initializers: { go: rawBool(true) }, inputs: { x: 'float32[N,32]', n: 'int64[]' }, outputs: { y: 'float32', all: 'float32' }, ...parts,
});

const images: Feeds[] = [1, 2, 3, 4, 5, 6].map((seed) => ({ x: seededFloats([2, 3, 6, 6], seed), on: bool(seed % 2 === 0) }));
const rows = (times: number[]): Feeds[] => times.map((n, seed) => ({ x: seededFloats([4, 32], seed + 1), n: count(n) }));

/** The largest relative distance, in the Euclidean norm, of an output over some feeds. */
async function distance(source: Model, artefact: Uint8Array, all: readonly Feeds[]): Promise<number> {
  let worst = 0;
  for (const feeds of all) {
    const [expected, found] = [await runModel(source, feeds), await runModel(artefact, feeds)];
    for (const [name, { data, dims }] of Object.entries(expected)) {
      expect(found[name]!.dims).toEqual(dims);
      const [a, b] = [data as Float32Array, found[name]!.data as Float32Array];
      if (a.length > 0) worst = Math.max(worst, Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...a));
    }
  }
  return worst;
}

/** Two roundings to 8 bits in each of a few layers: each adds noise of about 1/255 of the range, which is some times the values' size. */
const NEAR = 0.05;

async function kernelsIn(bytes: Uint8Array): Promise<Record<string, number>> {
  const counts = countOps(await optimizedModel(bytes, 'extended'));
  return Object.fromEntries(Object.entries(counts).filter(([op]) => /^(QLinear|QGemm|MatMulInteger|Conv|FusedConv|MatMul|Gemm)/.test(op)));
}

describe('branches of If', () => {
  it('are computed in integers, with what is around them', async () => {
    const { bytes, notes, integerShare, weights } = await quantizeStatic(chooser(), images);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ QLinearConv: 5 });
    expect(integerShare!.nodes.map(({ node, kernel }) => [node, kernel])).toEqual(['c', 'y/then_branch/c1', 'y/then_branch/t', 'y/else_branch/c1', 'y/else_branch/t'].map((node) => [node, 'QLinearConv']));
    expect(weights.every(({ scheme }) => scheme === 'int8-static')).toBe(true);
    expect(await distance(chooser(), bytes, images)).toBeLessThan(NEAR);
  });

  it('read the integers of outer values', async () => {
    const { model } = await quantizeStatic(chooser(), images);
    const own = model.proto.graph!.node.find(({ opType }) => opType === 'If')!.attribute.map(({ g }) => g!.node.filter(({ opType }) => opType === 'QuantizeLinear').length);
    // Of each branch's own two values; the outer one comes as integers.
    expect(own).toEqual([2, 2]);
  });

  it('quantize outer values that nobody else has as integers', async () => {
    const plain = chooser({ nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(10), else_branch: branch(20) })], inputs: { r: 'float32[N,8,6,6]', on: 'bool[]' }, initializers: {} });
    const feeds = images.map(({ on }, i) => ({ r: seededFloats([2, 8, 6, 6], i), on: on! }));
    const { bytes, notes } = await quantizeStatic(plain, feeds);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ QLinearConv: 4 });
    expect(await distance(plain, bytes, feeds)).toBeLessThan(NEAR);
  });

  it('that no sample came to stay float32, and this is told', async () => {
    const taken = images.map(({ x }) => ({ x: x!, on: bool(true) }));
    const { bytes, notes, integerShare } = await quantizeStatic(chooser(), taken);
    expect(notes).toEqual(['2 products in subgraphs stay float32: they were excluded, no sample came to them, or they have no integer form. Their weights are stored small.']);
    expect(integerShare!.nodes.filter(({ kernel }) => kernel === null).map(({ node }) => node)).toEqual(['y/else_branch/c1', 'y/else_branch/t']);
    expect(await kernelsIn(bytes)).toMatchObject({ QLinearConv: 3 });
    expect(await distance(chooser(), bytes, images)).toBeLessThan(NEAR);
  });

  it('share a weight that both read', async () => {
    const same = (): Model => chooser({ nodes: [conv('x', 'c', 'w', 'b'), makeNode('Relu', ['c'], ['r']), makeNode('If', ['on'], ['y'], { then_branch: branch(10), else_branch: branch(10, { nodes: [conv('r', 'c1', 'k', 'h'), conv('c1', 't', 'g')] }) })] });
    const { bytes, weights, model } = await quantizeStatic(same(), images);
    expect(await kernelsIn(bytes)).toEqual({ QLinearConv: 5 });
    expect(weights.filter(({ tensor }) => tensor.endsWith('k')).map(({ scheme }) => scheme)).toEqual(['int8-static']);
    expect(model.proto.graph!.initializer.filter(({ dims }) => dims.length === 4).length).toBe(3);
    expect(await distance(same(), bytes, images)).toBeLessThan(NEAR);
  });

  it('inside of others are too', async () => {
    const nested = (): Model => chooser({
      nodes: [conv('x', 'c', 'w', 'b'), makeNode('Relu', ['c'], ['r']), makeNode('If', ['on'], ['y'], {
        then_branch: buildGraph({ nodes: [makeNode('If', ['also'], ['o'], { then_branch: branch(10), else_branch: branch(20) })], outputs: { o: 'float32' } }),
        else_branch: buildGraph({ nodes: [makeNode('Neg', ['r'], ['o2'])], outputs: { o2: 'float32' } }),
      })], inputs: { x: 'float32[N,3,6,6]', on: 'bool[]', also: 'bool[]' },
    });
    const feeds = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({ x: seededFloats([2, 3, 6, 6], seed), on: bool(seed % 4 !== 0), also: bool(seed % 2 === 0) }));
    const { bytes, notes } = await quantizeStatic(nested(), feeds);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ QLinearConv: 5 });
    expect(await distance(nested(), bytes, feeds)).toBeLessThan(NEAR);
  });
});

describe('bodies of Loop', () => {
  it('are computed in integers, whatever the number of iterations', async () => {
    const feeds = rows([3, 0, 1, 5]);
    const { bytes, notes, integerShare } = await quantizeStatic(looper(), feeds);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ MatMulIntegerToFloat: 2 });
    expect(integerShare!.share).toBe(1);
    expect(await distance(looper(), bytes, feeds)).toBeLessThan(2 * NEAR);
  });

  it('are watched over all iterations', async () => {
    // The state doubles each time: from 1 to 16 over five iterations.
    const doubling = looper({}, {
      nodes: [makeNode('Identity', ['cond'], ['next']), makeNode('MatMul', ['s', 'w'], ['z']), makeNode('Neg', ['z'], ['m'])],
      initializers: { w: floats([32, 32], Array.from({ length: 1024 }, (_, i) => (i % 33 === 0 ? 2 : 0))) },
    });
    const feeds: Feeds[] = [{ x: new Tensor('float32', Float32Array.from({ length: 32 }, (_, i) => (i === 3 ? -1 : i / 31)), [1, 32]), n: count(5) }];
    const statistics = await minMaxStatistics(bytesOf(doubling), STATIC, feeds);
    expect(statistics.get('y/body/s')).toMatchObject({ min: -16, max: 16 });
  });

  it('that never ran stay float32', async () => {
    const { notes, bytes, format } = await quantizeStatic(looper({ nodes: [makeNode('Loop', ['n', 'go', 'x'], ['y', 'all'], { body: buildGraph(step) }), makeNode('MatMul', ['x', 'o'], ['d'])], outputs: { y: 'float32', all: 'float32', d: 'float32' }, initializers: { go: rawBool(true), o: weight([32, 32], 9) } }), rows([0, 0]));
    expect(notes).toEqual(['2 products in subgraphs stay float32: they were excluded, no sample came to them, or they have no integer form. Their weights are stored small.']);
    expect(format).toBe('int8-static');
    expect(await kernelsIn(bytes)).toMatchObject({ MatMulIntegerToFloat: 1 });
  });

  it('may grow from one iteration to the next', async () => {
    const growing = (): Model => looper({ outputs: { y: 'float32' }, nodes: [makeNode('Loop', ['n', 'go', 'x'], ['y'], { body: buildGraph({
      nodes: [makeNode('Identity', ['cond'], ['next']), makeNode('MatMul', ['s', 'w'], ['p']), makeNode('Concat', ['s', 'p'], ['z'], { axis: 0n })],
      initializers: { w: matrix(3) }, inputs: { i: 'int64[]', cond: 'bool[]', s: 'float32[M,32]' }, outputs: { next: 'bool', z: 'float32' },
    }) })] });
    const { bytes, notes } = await quantizeStatic(growing(), rows([3, 2]));
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ MatMulIntegerToFloat: 1 });
    expect(await distance(growing(), bytes, rows([3, 2]))).toBeLessThan(NEAR);
  });

  it('hold branches, which may not run each time', async () => {
    const mixed = (): Model => looper({}, {
      nodes: [
        makeNode('Identity', ['cond'], ['next']), constantNode('two', ints([], [2])), makeNode('Mod', ['i', 'two'], ['odd']), makeNode('Cast', ['odd'], ['isOdd'], { to: 9n }),
        makeNode('If', ['isOdd'], ['z'], {
          then_branch: buildGraph({ nodes: [makeNode('MatMul', ['s', 'w'], ['z1'])], outputs: { z1: 'float32' } }),
          else_branch: buildGraph({ nodes: [makeNode('MatMul', ['s', 'u'], ['p']), makeNode('Tanh', ['p'], ['v']), makeNode('MatMul', ['v', 'w2'], ['z2'])], initializers: { w2: matrix(8) }, outputs: { z2: 'float32' } }),
        }), makeNode('Neg', ['z'], ['m']),
      ],
      initializers: { w: matrix(3), u: matrix(5) },
    });
    const feeds = rows([3, 1, 2]);
    const { bytes, notes } = await quantizeStatic(mixed(), feeds);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ MatMulIntegerToFloat: 3 });
    expect(await distance(mixed(), bytes, feeds)).toBeLessThan(2 * NEAR);
  });

  it('inside of others may run another number of times in each', async () => {
    const nested = (opset: number): Model => looper({ opset, ...(opset > 17 && { ir: 9 }) }, {
      nodes: [makeNode('Identity', ['cond'], ['next']), makeNode('Loop', ['i', 'cond', 's'], ['z'], { body: buildGraph({
        nodes: [makeNode('Identity', ['c2'], ['n2']), makeNode('MatMul', ['s2', 'w'], ['p2']), makeNode('Tanh', ['p2'], ['z2'])], initializers: { w: matrix(3) },
        inputs: { i2: 'int64[]', c2: 'bool[]', s2: 'float32' }, outputs: { n2: 'bool', z2: 'float32' },
      }) }), makeNode('Neg', ['z'], ['m'])], initializers: {},
    });
    for (const opset of [13, 18]) {
      const feeds = rows([4, 1, 3]);
      const { bytes, notes } = await quantizeStatic(nested(opset), feeds);
      expect(notes).toEqual([]);
      expect(await kernelsIn(bytes)).toEqual({ MatMulIntegerToFloat: 1 });
      expect(await distance(nested(opset), bytes, feeds)).toBeLessThan(2 * NEAR);
    }
  });
});

describe('bodies of Scan', () => {
  const scan = (attributes: Record<string, number[]> = {}): Model => buildModel({
    nodes: [makeNode('Scan', ['s0', 'x'], ['s', 'ys'], { num_scan_inputs: 1n, ...attributes, body: buildGraph({
      nodes: [makeNode('MatMul', ['h', 'u'], ['p']), makeNode('MatMul', ['e', 'w'], ['q']), makeNode('Sum', ['p', 'q'], ['a']), makeNode('Tanh', ['a'], ['o']), makeNode('Identity', ['o'], ['o2'])],
      initializers: { w: matrix(3, 16), u: matrix(5) }, inputs: { h: 'float32[2,32]', e: 'float32[2,16]' }, outputs: { o: 'float32[2,32]', o2: 'float32[2,32]' },
    }) })],
    inputs: { s0: 'float32[2,32]', x: 'float32[T,2,16]' }, outputs: { s: 'float32', ys: 'float32' },
  });
  const feeds: Feeds[] = [3, 1, 7].map((length, seed) => ({ s0: seededFloats([2, 32], seed), x: seededFloats([length, 2, 16], seed + 5) }));

  // Of an Add, onnxruntime would make a Gemm with the product before it looks for integers.
  it.each<[string, Record<string, number[]>]>([['alone', {}], ['with lists of its outputs', { scan_output_axes: [0], scan_output_directions: [1] }]])('are computed in integers: %s', async (_, attributes) => {
    const { bytes, notes } = await quantizeStatic(scan(attributes), feeds);
    expect(notes).toEqual([]);
    expect(await kernelsIn(bytes)).toEqual({ MatMulIntegerToFloat: 2 });
    expect(await distance(scan(attributes), bytes, feeds)).toBeLessThan(NEAR);
  });
});

describe('a model that is all branches', () => {
  it('is not taken for faster in WebAssembly by int8', async () => {
    const plain = (): Model => chooser({ nodes: [makeNode('If', ['on'], ['y'], { then_branch: branch(10), else_branch: branch(20) })], inputs: { r: 'float32[N,8,6,6]', on: 'bool[]' }, initializers: {} });
    const feeds = images.map(({ on }, i) => ({ r: seededFloats([2, 8, 6, 6], i), on: on! }));
    const options = { ...STATIC, format: 'int8' } as const;
    const { notes } = quantize(plain(), options, undefined, { statistics: await minMaxStatistics(bytesOf(plain()), options, feeds) });
    expect(notes).toEqual([expect.stringMatching(/^How long fixed scales would take in WebAssembly is not known/)]);
  });

  it('such as Silero, with one branch for each sample rate, has integers in both', async () => {
    const source = readFileSync(models.silero);
    const feeds: Feeds[] = [1, 2, 3, 4].map((seed) => ({
      input: seededFloats([1, seed % 2 === 0 ? 512 : 256], seed), state: seededFloats([2, 1, 128], seed + 9), sr: new Tensor('int64', [seed % 2 === 0 ? 16000n : 8000n], []),
    }));
    const { bytes, notes, integerShare } = await quantizeStatic(source, feeds);
    expect([notes, integerShare!.share]).toEqual([[], 1]);
    expect((await kernelsIn(bytes))['QLinearConv']).toBe(integerShare!.nodes.length);
    for (const sample of feeds) expect(Object.values(await runModel(bytes, sample)).every(({ data }) => (data as Float32Array).every(Number.isFinite))).toBe(true);
  });
});
