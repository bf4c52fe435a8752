import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { models } from '../../../../test/support/models.ts';
import { serveFolder, type RunningServer } from '../../../../test/support/static-server.ts';
import type { ModelVariant, QuantizedModel, Target } from '../types.ts';
import { createSession, loadModelBytes } from './index.node.ts';
import type { Progress } from './types.ts';
import { variantOf } from '../../../../test/support/canary.ts';

const bytes = readFileSync(models.silero);
const folder = mkdtempSync(join(tmpdir(), 'runtime é %20 '));
const path = join(folder, 'vad.onnx');
copyFileSync(models.silero, path);

let server: RunningServer;
beforeAll(async () => {
  server = await serveFolder(folder);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const variant = (url: string, more: Partial<ModelVariant> = {}): ModelVariant => variantOf(models.silero, url, { target: 'node', ...more });

const model = (...variants: ModelVariant[]): QuantizedModel => ({
  name: 'vad',
  hash: variants[0]?.sha256 ?? '',
  source: { bytes: bytes.length, hash: '' },
  inputs: [],
  outputs: [],
  variants,
  report: { format: 'none', ratio: 1, cosine: null },
});

const feeds = () => ({
  input: new ort.Tensor('float32', Float32Array.from({ length: 512 }, (_, i) => Math.sin(i / 9) / 2), [1, 512]),
  state: new ort.Tensor('float32', new Float32Array(256), [2, 1, 128]),
  sr: new ort.Tensor('int64', BigInt64Array.of(16000n), []),
});

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
};

/** What onnxruntime itself answers for the file. */
async function reference(): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(models.silero);
  return (await session.run(feeds()))['output']?.data as Float32Array;
}

describe('createSession in Node', () => {
  it.each([
    ['a path', () => path],
    ['a file: URL', () => pathToFileURL(path).href],
    ['an http URL', () => `${server.origin}/vad.onnx`],
    ['a data: URL', () => `data:application/octet-stream;base64,${bytes.toString('base64')}`],
  ])('runs a model from %s as onnxruntime does', async (_, url) => {
    const reports: Progress[] = [];
    const chosen = variant(url());
    const session = await createSession(model(variant('unused', { target: 'wasm' }), chosen), { onProgress: (progress) => reports.push(progress), onWarning: expect.unreachable });
    expect(session).toBeInstanceOf(ort.InferenceSession);
    expect(session.backend).toBe('cpu');
    expect(session.variant).toBe(chosen);
    expect(() => Object.assign(session, { backend: 'wasm' })).toThrow(TypeError);
    expect([...session.inputNames].sort()).toEqual(['input', 'sr', 'state']);
    expect(reports.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length, share: 1 });

    const { output } = await session.run(feeds());
    expect(output?.data).toEqual(await reference());
    await session.release();
  });

  it('takes a bare path or URL without checks', async () => {
    for (const source of [path, pathToFileURL(path).href, `${server.origin}/vad.onnx`]) {
      const session = await createSession(source);
      expect(session.variant).toBeNull();
      expect((await session.run(feeds()))['output']?.data).toEqual(await reference());
    }
  });

  it('makes two sessions of one model at once', async () => {
    const vad = model(variant(path));
    const [a, b] = await Promise.all([createSession(vad), createSession(vad)]);
    expect(a).not.toBe(b);
    const [x, y] = await Promise.all([a.run(feeds()), b.run(feeds())]);
    expect(x['output']?.data).toEqual(y['output']?.data);
  });

  it('gives the artefact its options over the user’s, whose object stays as it was', async () => {
    const optimized = join(folder, 'optimized.onnx');
    const sessionOptions = { optimizedModelFilePath: join(folder, 'unused.onnx'), graphOptimizationLevel: 'disabled', extra: { session: {} } } as const;
    const before = structuredClone(sessionOptions);
    await createSession(model(variant(path, { sessionOptions: { optimizedModelFilePath: optimized } })), { sessionOptions, numThreads: 1 });
    expect(sessionOptions).toEqual(before);
    // Only the graph that the engine wrote to the winning path exists.
    expect(readFileSync(optimized).length).toBeGreaterThan(0);
    expect(() => readFileSync(sessionOptions.optimizedModelFilePath)).toThrow('ENOENT');
  });

  it('keeps no reference to downloaded bytes while the session lives', async () => {
    const { create } = ort.InferenceSession;
    let given: WeakRef<object> | undefined;
    Object.assign(ort.InferenceSession, {
      create: (source: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
        given = new WeakRef(source);
        return create(source, options);
      },
    });
    const session = await createSession(`${server.origin}/vad.onnx`).finally(() => Object.assign(ort.InferenceSession, { create }));
    expect(given).toBeDefined();
    await expect
      .poll(() => {
        collectGarbage();
        return given?.deref();
      })
      .toBeUndefined();
    expect(session.inputNames).toHaveLength(3);
  });

  it('refuses files that are not the model', async () => {
    const write = (name: string, data: string | Uint8Array): string => {
      const file = join(folder, name);
      writeFileSync(file, data);
      return file;
    };
    const short = write('short.onnx', bytes);
    truncateSync(short, bytes.length - 1);
    const changed = write('changed.onnx', Buffer.from(bytes).fill(0, 5000, 5004));
    const cases = [
      [variant(join(folder, 'none.onnx')), 'FILE_ERROR'],
      [variant('/assets/vad-1234.onnx'), 'FILE_ERROR'],
      [variant(folder), 'FILE_ERROR'],
      [variant(short), 'SIZE_MISMATCH'],
      [variant(changed), 'HASH_MISMATCH'],
      [variant(write('page.onnx', '<!doctype html>')), 'NOT_A_MODEL'],
      [variant(`${server.origin}/none.onnx`), 'HTTP_ERROR'],
    ] as const;
    for (const [broken, code] of cases) {
      await expect(createSession(model(broken))).rejects.toMatchObject({ code, url: broken.url });
    }
    await expect(createSession(write('noise.onnx', 'not an onnx file'))).rejects.toMatchObject({ code: 'SESSION_FAILED', cause: expect.any(Error) });
  });

  it('refuses models without a variant and wrong threads before it loads anything', async () => {
    await expect(createSession(model())).rejects.toMatchObject({ code: 'NO_VARIANT' });
    await expect(createSession(model(variant(path)), { numThreads: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(createSession(model(variant(path, { target: 'webgl' as Target })))).rejects.toMatchObject({ code: 'NO_VARIANT' });
  });

  it('stops with the reason of the signal', async () => {
    const reason = new Error('left');
    await expect(createSession(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const url of [path, `${server.origin}/vad.onnx`]) {
      const controller = new AbortController();
      const reports: Progress[] = [];
      const onProgress = (progress: Progress) => {
        reports.push(progress);
        controller.abort(reason);
      };
      await expect(createSession(model(variant(url)), { signal: controller.signal, onProgress })).rejects.toBe(reason);
      expect(reports.at(-1)?.share).toBeLessThan(1);
    }
    const late = new AbortController();
    const onProgress = ({ share }: Progress) => {
      if (share === 1) late.abort(reason);
    };
    await expect(createSession(path, { signal: late.signal, onProgress })).rejects.toBe(reason);
  });
});

describe('loadModelBytes in Node', () => {
  it.each([
    ['a path', () => path],
    ['a URL', () => `${server.origin}/vad.onnx`],
  ])('reads %s into one buffer of its own', async (_, url) => {
    const loaded = await loadModelBytes(variant(url()));
    expect(Buffer.compare(loaded, bytes)).toBe(0);
    expect(loaded.buffer.byteLength).toBe(bytes.length);
  });
});
