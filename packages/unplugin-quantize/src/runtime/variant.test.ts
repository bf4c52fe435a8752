import { describe, expect, it } from 'vitest';
import type { ModelVariant, QuantizedModel, Target } from '../types.ts';
import { chooseVariant, modelFile } from './variant.ts';

const variant = (target: Target): ModelVariant => ({
  target,
  format: 'int8',
  url: `https://example.org/${target}.onnx`,
  bytes: 10,
  sha256: 'ab',
  minOnnxruntime: '1.17.0',
  sessionOptions: {},
});

const model = (...targets: Target[]): QuantizedModel => ({
  name: 'm',
  hash: 'ab',
  source: { bytes: 40, hash: 'cd' },
  inputs: [],
  outputs: [],
  variants: targets.map(variant),
  report: { format: 'int8', ratio: 0.25, cosine: null },
});

describe('chooseVariant', () => {
  it.each([
    ['wasm', ['node', 'webgpu', 'wasm'], 'wasm', 0],
    ['node', ['wasm', 'node'], 'node', 0],
    ['wasm', ['node'], 'node', 0],
    ['node', ['wasm'], 'wasm', 0],
    ['node', ['webgpu'], 'webgpu', 1],
    ['wasm', ['node-cuda', 'webgpu'], 'webgpu', 1],
  ] as const)('%s of %j takes %s', (backend, targets, expected, warnings) => {
    const messages: string[] = [];
    expect(chooseVariant(model(...targets), backend, (message) => messages.push(message)).target).toBe(expected);
    expect(messages).toHaveLength(warnings);
  });

  it('refuses a model without a runnable variant', () => {
    expect(() => chooseVariant(model(), 'wasm', () => {})).toThrow(expect.objectContaining({ code: 'NO_VARIANT' }));
  });

  it.each([undefined, null, {}, new URL('https://example.org/m.onnx')])('refuses %s in place of a model import', (value) => {
    expect(() => chooseVariant(value as unknown as QuantizedModel, 'wasm', () => {})).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});

describe('modelFile', () => {
  it('has nothing to check for a bare URL', () => {
    expect(modelFile('/m.onnx')).toEqual({ url: '/m.onnx', bytes: null, sha256: null });
    expect(modelFile(variant('node'))).toEqual({ url: 'https://example.org/node.onnx', bytes: 10, sha256: 'ab' });
  });
});
