import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasShared, models } from '../../../../../test/support/models.ts';
import { countOps, optimizedModel } from '../../../../../test/support/optimized-model.ts';
import { quantize, type Quantized } from '../../../../../test/support/quantize-model.ts';
import { runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { bytesSource, readModel, readPayload, tensorOf, type Model, type NodeProto } from '../../onnx/index.ts';
import type { QuantizeOptions, Statistics } from '../index.ts';

const folder = new URL('../../../../../test/reference/static/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));
const ranges: Record<string, Record<string, [number, number]>> = JSON.parse(read('ranges.json').toString());

function quantizeWith(source: Uint8Array, name: string, options: Partial<QuantizeOptions>): Quantized {
  const statistics: Statistics = new Map(Object.entries(ranges[name]!).map(([value, [min, max]]) => [value, { min, max }]));
  return quantize(source, { format: 'int8-static', ...options }, undefined, { statistics });
}

/** Raw elements by name; scalars and lists of one element are not told apart. */
function tensors(model: Model): Map<string, Uint8Array> {
  return new Map(model.proto.graph!.initializer.map((proto) => [proto.name, readPayload(tensorOf(model, proto))]));
}

/**
 * What is said of each value, weight and bias, under the names of onnxruntime's tool: `v_scale` and `v_zero_point` of a value v that a
 * DequantizeLinear gives, `w_quantized` of a weight.
 */
function named({ model }: Pick<Quantized, 'model'>): Map<string, Uint8Array> {
  const all = tensors(model);
  const producers = new Map(model.proto.graph!.node.flatMap((node) => node.output.map((name) => [name, node])));
  const found = new Map<string, Uint8Array>();
  for (const node of model.proto.graph!.node) {
    if (node.opType !== 'DequantizeLinear') continue;
    const [input, scale, zeroPoint] = node.input as [string, string, string | undefined];
    const weight = all.has(input) ? input.replace(/_q$/, '') : undefined;
    const value = node.output[0]!.replace(/_d$/, '');
    if (weight === undefined) found.set(`${value}_scale`, all.get(scale)!).set(`${value}_zero_point`, all.get(zeroPoint!)!);
    else found.set(`${weight}_quantized`, all.get(input)!).set(isBias(model, input) ? `${weight}_quantized_scale` : `${weight}_scale`, all.get(scale) ?? product(producers.get(scale)!, all));
  }
  return found;
}

function isBias(model: Model, name: string): boolean {
  return tensorOf(model, model.proto.graph!.initializer.find((proto) => proto.name === name)!).dtype === 'int32';
}

/** The product that engines fold: the scale of an input times those of a weight. */
function product(node: NodeProto, all: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const [input, weight] = node.input.map((name) => new Float32Array(all.get(name)!.slice().buffer));
  return new Uint8Array(weight!.map((scale) => scale * input![0]!).buffer);
}

const VARIANTS: [string, Partial<QuantizeOptions>][] = [['u8s8', {}], ['s8s8', { activations: 's8' }], ['per-tensor', { perChannel: false }], ['reduced', { reduceRange: true }]];

describe.each(VARIANTS)('beside quantize_static, %s', (variant, options) => {
  const theirs = read(`convnet.${variant}.onnx`);
  const expected = tensors(readModel(bytesSource(theirs, 'reference')));
  const ours = quantizeWith(read('convnet.onnx'), 'convnet', options);

  it('has the same integers, scales, zero points and biases', () => {
    const found = named(ours);
    expect(found.size).toBe(38);
    // Values that are only moved have the parameters of the value that they are moved from.
    for (const [name, bytes] of [...found].filter(([name]) => !/^[pf]_/.test(name))) expect({ name, bytes: [...bytes] }).toEqual({ name, bytes: [...expected.get(name)!] });
  });

  it.each(['disabled', 'all'] as const)('computes the same bit for bit, optimization %s', async (level) => {
    for (let seed = 1; seed <= 5; seed++) {
      const feeds = { x: seededFloats([seed, 3, 16, 16], seed) };
      expect(await runModel(ours.bytes, feeds, level)).toEqual(await runModel(theirs, feeds, level));
    }
  });

  it('is fused to the same operators, in a smaller file', async () => {
    expect(countOps(await optimizedModel(ours.bytes, 'extended'))).toEqual(countOps(await optimizedModel(theirs, 'extended')));
    expect(ours.bytes.byteLength).toBeLessThan(theirs.byteLength);
  });
});

describe.skipIf(!hasShared)('beside quantize_static, MobileNetV2', () => {
  it('has the same integers, scales, zero points and biases', () => {
    const expected: Record<string, string> = JSON.parse(read('mobilenet.json').toString());
    const found = named(quantizeWith(readFileSync(models.mobilenet), 'mobilenet', {}));
    const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const compared = [...found].filter(([name]) => name in expected);
    // All but the zero points of weights and biases, which are zero and left out, and the parameters of the flattened value.
    expect(Object.keys(expected).filter((name) => !found.has(name) && !/(_quantized_zero_point|^onnx::Conv_\d+_zero_point|weight_zero_point)$/.test(name))).toEqual([]);
    expect(Object.fromEntries(compared.map(([name, bytes]) => [name, hash(bytes)]))).toEqual(Object.fromEntries(compared.map(([name]) => [name, expected[name]!])));
  });
});
