import { describe, expect, it } from 'vitest';
import type { Format, ModelVariant, QuantizedModel, Target } from '../types.ts';
import type { Device } from './host.ts';
import { checkModel, chooseVariant, modelFile, suitsGpu } from './variant.ts';

const variant = (target: Target, format: Format = 'int8'): ModelVariant => ({
  target,
  format,
  url: `https://example.org/${target}.onnx`,
  bytes: 10,
  sha256: 'ab',
  minOnnxruntime: '1.17.0',
  sessionOptions: {},
});

const model = (...variants: ModelVariant[]): QuantizedModel => ({
  name: 'm',
  hash: 'ab',
  source: { bytes: 40, hash: 'cd' },
  inputs: [],
  outputs: [],
  variants,
  report: { format: 'int8', ratio: 0.25, cosine: null },
});

const able: Device = { name: '', hasFloat16: true };

describe('chooseVariant', () => {
  it.each([
    ['wasm', ['node', 'webgpu', 'wasm'], 'wasm', 0],
    ['wasm-threads', ['node', 'webgpu', 'wasm'], 'wasm', 0],
    ['cpu', ['wasm', 'node'], 'node', 0],
    ['wasm', ['node'], 'node', 0],
    ['cpu', ['wasm'], 'wasm', 0],
    ['cpu', ['webgpu'], 'webgpu', 1],
    ['wasm', ['node-cuda', 'webgpu'], 'webgpu', 1],
    ['webgpu', ['wasm', 'webgpu'], 'webgpu', 0],
    ['cuda', ['webgpu', 'node-cuda'], 'node-cuda', 0],
    ['webgpu', ['wasm'], 'wasm', 1],
  ] as const)('%s of %j takes %s', (backend, targets, expected, warnings) => {
    const messages: string[] = [];
    expect(chooseVariant(model(...targets.map((target) => variant(target))), backend, able, (message) => messages.push(message)).target).toBe(expected);
    expect(messages).toHaveLength(warnings);
  });

  it('takes floats before integers for a GPU that has no artefact of its own', () => {
    const mixed = model(variant('wasm', 'int8-dynamic'), variant('node', 'fp16-storage'));
    expect(chooseVariant(mixed, 'webgpu', able, expect.unreachable).format).toBe('fp16-storage');
  });

  it('leaves out what a GPU without half precision or large buffers cannot run', () => {
    const two = model(variant('webgpu', 'fp16'), variant('webgpu', 'int8-storage'));
    expect(chooseVariant(two, 'webgpu', able, expect.unreachable).format).toBe('fp16');
    expect(chooseVariant(two, 'webgpu', { name: '', hasFloat16: false }, expect.unreachable).format).toBe('int8-storage');
    const halves = model(variant('webgpu', 'fp16'), variant('webgpu', 'int4-fp16'));
    expect(() => chooseVariant(halves, 'webgpu', { name: '', hasFloat16: false }, () => {})).toThrow(expect.objectContaining({ code: 'BACKEND_UNAVAILABLE' }));
    const large = model({ ...variant('webgpu', 'fp16'), largestTensorBytes: 129 });
    expect(chooseVariant(large, 'webgpu', { ...able, largestTensor: 129 }, expect.unreachable).target).toBe('webgpu');
    expect(() => chooseVariant(large, 'webgpu', { ...able, largestTensor: 128 }, () => {})).toThrow(/128 bytes/);
  });

  it('refuses a model without a runnable variant', () => {
    expect(() => chooseVariant(model(), 'wasm', able, () => {})).toThrow(expect.objectContaining({ code: 'NO_VARIANT' }));
  });
});

describe('checkModel', () => {
  it.each([undefined, null, {}, new URL('https://example.org/m.onnx')])('refuses %s in place of a model import', (value) => {
    expect(() => checkModel(value as unknown as QuantizedModel)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});

describe('suitsGpu', () => {
  const tolerance = { y: { absolute: 0, relative: 0 } };
  const canary = { inputs: {}, outputs: {} };

  it('asks for a canary, a tolerance and an artefact that is made for GPUs', () => {
    const good = { ...variant('webgpu'), tolerance };
    expect(suitsGpu({ ...model(good), canary })).toBe(true);
    expect(suitsGpu(model(good))).toBe(false);
    expect(suitsGpu({ ...model(good), canary: null })).toBe(false);
    expect(suitsGpu({ ...model(variant('webgpu')), canary })).toBe(false);
    // An app that is made for WebAssembly has an engine for that only.
    expect(suitsGpu({ ...model({ ...variant('wasm', 'int8-storage'), tolerance }), canary })).toBe(false);
  });
});

describe('modelFile', () => {
  it('has nothing to check for a bare URL', () => {
    expect(modelFile('/m.onnx')).toEqual({ url: '/m.onnx', bytes: null, sha256: null });
    expect(modelFile(variant('node'))).toEqual({ url: 'https://example.org/node.onnx', bytes: 10, sha256: 'ab' });
  });

  it('gives versions of a model one family, and other formats and signatures another', () => {
    const family = (name: string, one: ModelVariant): string | undefined => modelFile(one, { ...model(one), name }).family;
    const first = family('m', variant('node'));
    expect(family('m', { ...variant('node'), sha256: 'cd', url: 'x' })).toBe(first);
    expect(family('n', variant('node'))).not.toBe(first);
    expect(family('m', variant('node', 'fp16'))).not.toBe(first);
  });
});
