import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSamples } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { findEngines, requireEngine, type FoundEngines } from './find-engines.ts';
import { CLS, DET, SILERO, tinyModel } from '../../test/evaluate-models.ts';
import { findSyntheticFeeds } from './synthetic-feeds.ts';

let found: FoundEngines;
beforeAll(async () => {
  found = await findEngines();
});

const engineOf = (name: string): Engine => found.engines.find((engine) => engine.name === name)!;
const tone = fileURLToPath(new URL('../../../../test/reference/npz/silero.npz', import.meta.url));
const shared = fileURLToPath(new URL('../../../../../shared/models/', import.meta.url));

describe('findEngines', () => {
  it('finds both with their versions', () => {
    expect(found.missing).toEqual([]);
    expect(found.engines.map(({ name }) => name)).toEqual(['onnxruntime-node', 'onnxruntime-web']);
    for (const { version } of found.engines) expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(requireEngine(found, 'onnxruntime-web').name).toBe('onnxruntime-web');
  });

  it('lists what is missing or broken and refuses to measure without any', async () => {
    const absent = 'onnxruntime-node-is-not-there';
    const none = await findEngines({
      'onnxruntime-node': () => import(absent) as Promise<Engine>,
      'onnxruntime-web': () => Promise.reject(new Error('libfoo.so: cannot open\nshared object')),
    });
    expect(none.engines).toEqual([]);
    expect(none.missing[1]).toEqual({ engine: 'onnxruntime-web', reason: 'installed, but it does not load: libfoo.so: cannot open' });
    expect(() => requireEngine(none)).toThrowError(expect.objectContaining({ code: 'ENGINE_MISSING', hint: expect.stringContaining('npm install') }));
  });

  it('calls a package that Node cannot resolve not installed', async () => {
    const failure = Object.assign(new Error("Cannot find package 'onnxruntime-web' imported from /app/index.js"), { code: 'ERR_MODULE_NOT_FOUND' });
    const one = await findEngines({ 'onnxruntime-node': () => Promise.resolve(engineOf('onnxruntime-node')), 'onnxruntime-web': () => Promise.reject(failure) });
    expect(one.missing).toEqual([{ engine: 'onnxruntime-web', reason: 'not installed' }]);
    // The engine asked for is not there: the other one measures, and AccuracyReport.engine says so.
    expect(requireEngine(one, 'onnxruntime-web').name).toBe('onnxruntime-node');
  });
});

describe.each(['onnxruntime-node', 'onnxruntime-web'])('%s', (name) => {
  it('reads the signature of Silero, free dims as null', async () => {
    const model = await engineOf(name).open(SILERO);
    expect(model.inputs).toEqual([
      { name: 'input', dtype: 'float32', dims: [null, null] },
      { name: 'state', dtype: 'float32', dims: [2, null, 128] },
      { name: 'sr', dtype: 'int64', dims: [] },
    ]);
    expect(model.outputs.map((output) => output.name)).toEqual(['output', 'stateN']);
    await model.close();
  });

  it('runs Silero from a path and from bytes alike', async () => {
    const probabilities: unknown[] = [];
    const bytes = await readFile(SILERO);
    for (const file of [SILERO, bytes, new Uint8Array(new SharedArrayBuffer(bytes.length))]) {
      if (file instanceof Uint8Array && file !== bytes) file.set(bytes);
      const model = await engineOf(name).open(file);
      for await (const sample of openSamples(tone)) {
        const outputs = await model.run(sample as Parameters<typeof model.run>[0]);
        expect(outputs['output']!.dims).toEqual([1, 1]);
        probabilities.push((outputs['output']!.data as Float32Array)[0]);
      }
      await model.close();
    }
    expect(probabilities).toHaveLength(3);
    expect(new Set(probabilities).size).toBe(1);
  });

  it.each([['Silero', SILERO], ['PP-OCR detection', DET], ['PP-OCR direction', CLS]])('finds generated inputs that %s runs', async (_, path) => {
    const model = await engineOf(name).open(path);
    expect(await findSyntheticFeeds(model)).toHaveProperty('feeds');
    await model.close();
  });

  it('tells why a model cannot be loaded, run or found', async () => {
    const engine = engineOf(name);
    await expect(engine.open(new Uint8Array(10).fill(7))).rejects.toMatchObject({ code: 'ENGINE_REJECTED' });
    await expect(engine.open('/nowhere/model.onnx')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', model: '/nowhere/model.onnx' });
    const model = await engine.open(SILERO);
    const error: unknown = await model.run({}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QuantizeError);
    expect(error).toMatchObject({ code: 'ENGINE_REJECTED', model: SILERO });
    await model.close();
  });

  it('leaves the options it is given as they are, and takes undefined values', async () => {
    const options = { extra: { session: { disable_quant_qdq: '1' } }, graphOptimizationLevel: undefined };
    const model = await engineOf(name).open(CLS, options);
    await model.close();
    const without = await engineOf(name).open(CLS, { extra: undefined });
    await without.close();
    expect(options).toEqual({ extra: { session: { disable_quant_qdq: '1' } }, graphOptimizationLevel: undefined });
  });

  it('runs several models at once', async () => {
    const models = await Promise.all([CLS, SILERO, CLS].map((path) => engineOf(name).open(path)));
    const results = await Promise.all(models.map((model) => findSyntheticFeeds(model)));
    for (const result of results) expect(result).toHaveProperty('feeds');
    await Promise.all(models.map((model) => model.close()));
  });

  it('carries every element type through the engine', async () => {
    const dtypes = ['float32', 'float64', 'float16', 'int8', 'uint8', 'bool', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'string'] as const;
    const values = (io: string) => dtypes.map((dtype) => ({ name: `${io}_${dtype}`, dtype }));
    const bytes = tinyModel(dtypes.map((dtype) => ({ op: 'Identity', inputs: [`x_${dtype}`], outputs: [`y_${dtype}`] })), values('x'), values('y'));
    const model = await engineOf(name).open(bytes);
    const result = await findSyntheticFeeds(model);
    const { feeds } = result as Extract<typeof result, { feeds: unknown }>;
    const outputs = await model.run(feeds);
    for (const dtype of dtypes) expect(outputs[`y_${dtype}`]).toEqual(feeds[`x_${dtype}`]);
    await model.close();
  });
});

describe.skipIf(!existsSync(shared))('shared models', () => {
  it.each(['charlm.onnx', 'mobilenetv2-cifar10.onnx'])('finds generated inputs that %s runs', async (file) => {
    const model = await engineOf('onnxruntime-node').open(shared + file);
    expect(await findSyntheticFeeds(model)).toHaveProperty('feeds');
    await model.close();
  });
});
