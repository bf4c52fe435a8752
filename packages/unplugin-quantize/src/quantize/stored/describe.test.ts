import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { runModel } from '../../../../../test/support/run-model.ts';
import { buildBytes } from '../../../../../test/support/build-model.ts';
import { makeNode } from '../../graph/index.ts';
import { arrayTensor, bytesSource, readPayload, type Tensor } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import type { Format, ModelDetails } from '../../types.ts';
import { describeSource, quantizeSource, type QuantizeOptions } from '../index.ts';
import { decoderOf } from './decode.ts';
import { errorMeter } from './error-meter.ts';
import { BINS } from './histogram.ts';

const K = 160;
const N = 96;

/** Values without a pattern that blocks would fit by chance. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state / 2 ** 31) ** 3;
  });
}

const weight: Tensor = arrayTensor('float32', [K, N], noise(K * N, 7));
const table: Tensor = arrayTensor('float32', [K, N], noise(K * N, 11));

/** With the identity as input a product gives its matrix back: what the engine makes of it is what the artefact holds. */
const source = buildBytes({
  inputs: { x: 'float32[K,160]', ids: 'int64[n]' },
  outputs: { product: `float32[K,${N}]`, rows: `float32[n,${N}]` },
  nodes: [makeNode('MatMul', ['x', 'weight'], ['product'], {}, { name: 'head' }), makeNode('Gather', ['table', 'ids'], ['rows'], {}, { name: 'words' })],
  initializers: { weight, table },
});
const identity = new Float32Array(K * K).map((_, i) => (i % (K + 1) === 0 ? 1 : 0));
const feeds = {
  x: new ort.Tensor('float32', identity, [K, K]),
  ids: new ort.Tensor('int64', BigInt64Array.from({ length: K }, (_, i) => BigInt(i)), [K]),
};

function details(options: Partial<QuantizeOptions>): { details: ModelDetails; artefact: Uint8Array } {
  const all = { ...MODEL_DEFAULTS, ...options };
  const { stream, format } = quantizeSource(bytesSource(source, 'model'), undefined, all);
  expect(format).toBe(all.format);
  const artefact = readPayload(stream);
  return { details: describeSource({ source: bytesSource(source, 'model'), files: undefined, options: all, observed: {}, artefact: { source: bytesSource(artefact, 'artefact') } }), artefact };
}

function distance(before: Float32Array, after: ArrayLike<number>): { sqnr: number; maxError: number } {
  let [signal, noise, maxError] = [0, 0, 0];
  before.forEach((x, i) => {
    signal += x * x;
    noise += (x - after[i]!) ** 2;
    maxError = Math.max(maxError, Math.abs(x - after[i]!));
  });
  return { sqnr: 10 * Math.log10(signal / noise), maxError };
}

const cases: [Format, Partial<QuantizeOptions>][] = [
  ['int8', {}], ['int8-dynamic', {}], ['int8-storage', {}], ['fp16-storage', {}], ['int4-storage', {}], ['int4-storage', { block: 64 }],
  ['int4', { mixed: [] }], ['int4', { symmetric: true, mixed: [] }], ['int4', { mixed: [], block: 64 }], ['int8-weight', {}], ['int8-weight', { symmetric: false }], ['fp16', {}],
];

describe('what weights have lost', () => {
  it.each(cases)('%s %o: as the engine shows it', async (format, options) => {
    const { details: { weights }, artefact } = details({ format, ...options });
    const outputs = await runModel(artefact, feeds);
    for (const [tensor, output, node] of [['weight', 'product', 'head'], ['table', 'rows', 'words']] as const) {
      const found = weights.find((entry) => entry.tensor === tensor)!;
      const before = new Float32Array(readPayload(tensor === 'weight' ? weight : table).buffer);
      const expected = distance(before, outputs[output]!.data as Float32Array);
      // Two decimals are kept; activations of the integer product are rounded too, by at most 2^-24 for 0 and 1.
      expect(Math.abs(found.sqnr! - expected.sqnr)).toBeLessThan(0.006);
      expect(Math.abs(found.maxError - expected.maxError)).toBeLessThan(1e-6);
      expect(found.nodes).toEqual([node]);
    }
  });

  it('histograms count every element', () => {
    const { weights } = details({ format: 'int4' }).details;
    for (const { histogram } of weights) {
      expect(histogram!.counts).toHaveLength(BINS);
      expect([histogram!.counts, histogram!.stored].map((counts) => counts.reduce((a, b) => a + b))).toEqual([K * N, K * N]);
      expect(histogram!.counts).not.toEqual(histogram!.stored);
    }
  });

  it('does not depend on names', () => {
    expect(details({ format: 'int8', keepNames: true }).details).toEqual(details({ format: 'int8' }).details);
  });
});

describe('decoders', () => {
  it('read weights of LSTMs, which artefacts keep turned', () => {
    const [directions, units, inputs] = [2, 3, 2];
    const dims = [directions, units, inputs];
    const levels = Int8Array.from({ length: 12 }, (_, i) => i - 6);
    const turned = new Int8Array(12);
    for (let d = 0; d < directions; d++) for (let u = 0; u < units; u++) for (let k = 0; k < inputs; k++) turned[(d * inputs + k) * units + u] = levels[(d * units + u) * inputs + k]!;
    const scales = Float32Array.of(1, 2, 4, 8, 16, 32);
    const decode = decoderOf({ kind: 'turned' }, { values: { dtype: 'int8', bytes: new Uint8Array(turned.buffer) }, scales, zeroPoints: undefined }, dims);
    // In two pieces, as weights come.
    const [first, second] = [new Float32Array(5), new Float32Array(7)];
    decode(first);
    decode(second);
    expect([...first, ...second]).toEqual([...levels].map((level, i) => level * scales[Math.floor(i / inputs)]!));
  });

  it('leave masks out of account', () => {
    const meter = errorMeter();
    meter.add(Float32Array.of(-3.4e38, 1, -1), Float32Array.of(-1e4, 1, -0.9));
    expect(meter.result()).toMatchObject({ sqnr: 23.01, min: -1, max: 1 });
  });
});
