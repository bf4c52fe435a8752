import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import type { Model, Tensor } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import type { QuantizeOptions } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { inputSignatures } from '../../packages/unplugin-quantize/src/quantize/signature.ts';
import { buildModel, floats, type ModelParts } from './build-model.ts';
import { quantize, type Quantized } from './quantize-model.ts';
import { runModel, seededFloats, type Feeds, type Outputs } from './run-model.ts';

export const DYNAMIC = { format: 'int8-dynamic' } as const;

/** Weights with columns of different size, in [-1, 1) times the column's factor. */
export function weight(dims: number[], seed = 3): Tensor {
  const { data } = seededFloats(dims, seed);
  return floats(dims, Array.from(data as Float32Array, (x, i) => x * (1 + (i % 7))));
}

/** x [2, 32] times w [32, 40]. */
export const product = (parts: Partial<ModelParts> = {}): Model => buildModel({
  nodes: [makeNode('MatMul', ['x', 'w'], ['y'], {}, { name: 'product' })],
  initializers: { w: weight([32, 40]) },
  inputs: { x: 'float32[N,32]' },
  outputs: { y: 'float32[N,40]' },
  ...parts,
});

export function bool(value: boolean): ort.Tensor {
  return new ort.Tensor('bool', [value], []);
}

/** Seeded values for float32 inputs, a symbolic dimension being 2. */
export function feedsOf(model: Model): Feeds {
  return Object.fromEntries(inputSignatures(model.proto.graph!).map(({ name, dims }) => [name, seededFloats(dims!.map((dim) => (typeof dim === 'number' ? dim : 2)))]));
}

/** Runs source and artefact in onnxruntime-node, node by node and optimized, and bounds the error by a share of the largest output. */
export async function expectClose(source: Model, feeds: Feeds, options: Partial<QuantizeOptions> = DYNAMIC): Promise<Quantized> {
  const result = quantize(source, options);
  const expected = await runModel(source, feeds);
  const plain = await runModel(result.bytes, feeds);
  const optimized = await runModel(quantize(source, { ...options, keepNames: false }).bytes, feeds, 'all');
  for (const found of [plain, optimized]) expectNear(found, expected);
  return result;
}

/**
 * Two roundings to 8 bits, of weights (1 / 254 of the column's largest) and activations (1 / 510 of their range), with errors of random
 * sign: 2 % of the largest output leaves room for sums of two products and rules out a wrong scale, axis or zero point.
 */
export function expectNear(found: Outputs, expected: Outputs): void {
  for (const [name, { data, dims, dtype }] of Object.entries(expected)) {
    expect(found[name]).toMatchObject({ dims, dtype });
    const values = Array.from(data as Float32Array);
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    (found[name]!.data as Float32Array).forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(0.02 * largest));
  }
}

/** DynamicQuantizeLinear of the standard: float32 arithmetic, round half to even, saturation. */
export function quantizeActivation(x: Float32Array): { values: number[]; scale: number; zeroPoint: number } {
  const [min, max] = [Math.min(0, ...x), Math.max(0, ...x)];
  const range = Math.fround(max - min);
  const scale = range === 0 ? 1 : Math.fround(range / 255);
  const even = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const saturate = (v: number): number => Math.min(255, Math.max(0, v));
  const zeroPoint = saturate(even(Math.fround(-min / scale)));
  return { scale, zeroPoint, values: Array.from(x, (v) => saturate(even(Math.fround(v / scale)) + zeroPoint)) };
}

export function integerProduct(x: Float32Array, rows: number, K: number, N: number, q: number[], s: number[]): number[] {
  const { values, scale, zeroPoint } = quantizeActivation(x);
  return Array.from({ length: rows * N }, (_, i) => {
    const [row, column] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += (values[row * K + k]! - zeroPoint) * q[k * N + column]!;
    return Math.fround(Math.fround(sum) * Math.fround(scale * s[column]!));
  });
}
