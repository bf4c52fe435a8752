import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { QuantizedModel } from '../../packages/unplugin-quantize/src/types.ts';
import { makeCanary, quantizedModel, tolerances, variantOf } from '../support/canary.ts';
import { chromiumPath, launchChromium, WEBGPU_ARGS } from '../support/chromium.ts';
import { hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { ISOLATED, serveFolder, type RunningServer } from '../support/static-server.ts';
import { buildLab, distance, loadIn, openLab, type PlainFeeds } from './runtime-lab.ts';

const perceptron = join(import.meta.dirname, '../reference/quantize/mlp.onnx');

/** Engines add in another order: up to 1161 products a sum and seven layers in Silero, each rounded to 2^-24 of its size; a hundred times that. */
const TOLERANCE = { absolute: 100 * 7 * 1161 * 2 ** -24, relative: 0 };

interface Case {
  model: QuantizedModel;
  feeds: PlainFeeds;
  reference: Record<string, Float32Array>;
}

async function makeCase(file: string, url: string, feeds: Record<string, ort.Tensor>): Promise<Case> {
  const canary = await makeCanary(file, feeds);
  const tolerance = tolerances(canary, TOLERANCE);
  const variants = [variantOf(file, `${url}?gpu`, { target: 'webgpu', tolerance }), variantOf(file, url, { tolerance })];
  const session = await ort.InferenceSession.create(file);
  const results = Object.entries(await session.run(feeds)).map(([name, { data }]) => [name, data as Float32Array]);
  const plain = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data: Array.from(data as Float32Array, Number), dims }]);
  return { model: quantizedModel(url, variants, canary), feeds: Object.fromEntries(plain) as PlainFeeds, reference: Object.fromEntries(results) as Case['reference'] };
}

describe.skipIf(chromiumPath === null || !hasDist)('the ladder in Chromium with a software GPU', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-ladder-'));
  let browser: Browser;
  let context: BrowserContext;
  let server: RunningServer;
  let silero: Case;
  let small: Case;
  /** Engines that have started spare a test seconds. */
  let shared: { page: Page; server: RunningServer };

  beforeAll(async () => {
    await buildLab(folder, 'webgpu');
    copyFileSync(models.silero, join(folder, 'vad.onnx'));
    copyFileSync(perceptron, join(folder, 'small.onnx'));
    browser = await launchChromium(WEBGPU_ARGS);
    silero = await makeCase(models.silero, '/vad.onnx', {
      input: new ort.Tensor('float32', Float32Array.from({ length: 512 }, (_, i) => Math.sin(i / 9) / 2), [1, 512]),
      state: new ort.Tensor('float32', new Float32Array(256), [2, 1, 128]),
      sr: new ort.Tensor('int64', BigInt64Array.of(16000n), []),
    });
    small = await makeCase(perceptron, '/small.onnx', { x: new ort.Tensor('float32', Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)), [2, 32]) });
    const forAll = await serveFolder(folder);
    shared = { server: forAll, page: await openLab(browser, forAll.origin) };
  });

  beforeEach(async () => {
    server = await serveFolder(folder);
    context = await browser.newContext();
  });

  afterEach(async () => {
    await context.close();
    await server.close();
  });

  afterAll(async () => {
    await browser?.close();
    await shared?.server.close();
    rmSync(folder, { recursive: true });
  });

  const wasmFiles = (): string[] => server.requests.filter((path) => path.endsWith('.wasm')).map((path) => /ort-wasm-simd-threaded(?:\.\w+)?/.exec(path)?.[0] ?? path);

  it('refuses WebGPU for Silero, which it computes wrongly, and answers right; a later visit knows it', async () => {
    const first = await loadIn(await openLab(context, server.origin), silero.model, silero.feeds, { tellFallbacks: true });
    expect(first.error).toBeUndefined();
    expect(first).toMatchObject({ backend: 'wasm', warnings: [], variant: { target: 'wasm' } });
    expect(first.fallbacks[0]).toMatchObject({ backend: 'webgpu', reason: expect.stringMatching(/computes wrongly: output "\w+" of the canary is \S+ in place of/) });
    for (const [name, values] of Object.entries(silero.reference)) expect(distance(first.outputs?.[name], values)).toBeLessThanOrEqual(TOLERANCE.absolute);
    // The build for GPUs runs WASM, too.
    expect(wasmFiles()).toEqual(['ort-wasm-simd-threaded.asyncify']);

    server.requests.length = 0;
    const later = await loadIn(await openLab(context, server.origin), silero.model, silero.feeds, { tellFallbacks: true });
    expect(later).toMatchObject({ backend: 'wasm', outputs: first.outputs! });
    expect(later.fallbacks[0]).toMatchObject({ backend: 'webgpu', reason: expect.stringContaining('answered wrongly on this device before') });
    expect(wasmFiles()).toEqual(['ort-wasm-simd-threaded.asyncify']);
    expect(server.requests.filter((path) => path.endsWith('.onnx'))).toEqual([]);
  });

  it('says so where nobody listens, once', async () => {
    const { page } = shared;
    const { canary } = small.model;
    const [name = '', output] = Object.entries(canary!.outputs)[0]!;
    const wrong = { ...small.model, canary: { ...canary!, outputs: { [name]: { ...output!, data: Buffer.alloc(Buffer.from(output!.data, 'base64').length).toString('base64') } } } };
    const first = await loadIn(page, wrong, small.feeds);
    // Zeros in place of the right answers: every backend is refused, and the last one's refusal is the error.
    expect(first.error).toMatchObject({ code: 'WRONG_ANSWER', message: expect.stringContaining('on wasm computes wrongly') });
    expect(first.warnings).toEqual([expect.stringMatching(/^The webgpu backend is not used: .*computes wrongly/)]);
    const second = await loadIn(page, wrong, small.feeds);
    expect(second.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', message: expect.stringContaining('before') });
    expect(second.warnings).toEqual([]);
  });

  it('computes on WebGPU what it does right, and repeats calls on WASM when the device is lost', async () => {
    const page = await openLab(context, server.origin);
    const loaded = await loadIn(page, small.model, small.feeds, { tellFallbacks: true, loseDevice: true });
    expect(loaded.error).toBeUndefined();
    expect(loaded.again).toHaveLength(3);
    for (const outputs of [loaded.outputs!, ...loaded.again!]) expect(distance(outputs['y'], small.reference['y']!)).toBeLessThanOrEqual(TOLERANCE.absolute);
    expect(loaded).toMatchObject({ backend: 'wasm', variant: { target: 'wasm' }, afterwards: 'SESSION_RELEASED' });
    expect(loaded.fallbacks[0]).toMatchObject({ backend: 'webgpu', reason: expect.stringContaining('device was lost') });
    const later = await loadIn(page, small.model, small.feeds, { tellFallbacks: true });
    expect(later.fallbacks[0]?.reason).toContain('lost its GPU device');
    expect(later.backend).toBe('wasm');
  });

  it('times the canary on request and remembers the times', async () => {
    const { page } = shared;
    const first = await loadIn(page, small.model, small.feeds, { prefer: 'speed' });
    const timed = async () => (await page.evaluate(() => window.lab.verdicts())).filter(({ time }) => time !== undefined);
    const verdicts = await timed();
    expect(verdicts).toEqual([1, 2].map(() => ({ wrong: null, time: expect.any(Number) })));
    const second = await loadIn(page, small.model, small.feeds, { prefer: 'speed' });
    expect(second.backend).toBe(first.backend);
    expect(await timed()).toEqual(verdicts);
  });

  it('runs on WebGPU in a worker, with the same answers, under a strict Content-Security-Policy', async () => {
    await server.close();
    server = await serveFolder(folder, { headers: { 'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" } });
    const loaded = await loadIn(await openLab(context, server.origin), small.model, small.feeds, { worker: true, backends: ['webgpu'] });
    expect(loaded.error).toBeUndefined();
    expect(loaded).toMatchObject({ backend: 'webgpu', variant: { target: 'webgpu' }, warnings: [], afterwards: 'SESSION_RELEASED' });
    expect(loaded.reports.at(-1)?.share).toBe(1);
    expect(distance(loaded.outputs?.['y'], small.reference['y']!)).toBeLessThanOrEqual(TOLERANCE.absolute);
  });

  it('leaves WebGPU out for models without a canary, unless it is named', async () => {
    const { page } = shared;
    const blind = { ...small.model, canary: null };
    const unasked = await loadIn(page, blind, small.feeds, { tellFallbacks: true });
    expect(unasked.backend).toBe('wasm');
    expect(unasked.fallbacks[0]).toMatchObject({ backend: 'webgpu', reason: expect.stringContaining('canary') });
    expect((await loadIn(page, blind, small.feeds, { backends: ['webgpu', 'wasm'] })).backend).toBe('webgpu');
  });

  it('looks for half precision before it downloads', async () => {
    const [gpu] = small.model.variants;
    const halves = { ...small.model, variants: [{ ...gpu!, format: 'fp16' as const }] };
    const loaded = await loadIn(await openLab(context, server.origin), halves, small.feeds, { backends: ['webgpu'] });
    expect(loaded.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', message: expect.stringContaining('shader-f16') });
    expect(server.requests.filter((path) => path.endsWith('.onnx'))).toEqual([]);
  });

  it('takes the other artefact for WebGPU where the adapter has no half precision, and downloads that one only', async () => {
    const [gpu] = small.model.variants;
    const both = { ...small.model, variants: [{ ...gpu!, url: '/half.onnx', format: 'int4-fp16' as const }, gpu!] };
    const loaded = await loadIn(await openLab(context, server.origin), both, small.feeds, { backends: ['webgpu'] });
    expect(loaded).toMatchObject({ backend: 'webgpu', variant: { format: 'none' }, warnings: [] });
    expect(server.requests.filter((path) => path.endsWith('.onnx'))).toEqual(['/small.onnx']);
  });

  it('runs on WebGPU in a cross-origin isolated page, and with threads where that is wrong', async () => {
    await server.close();
    server = await serveFolder(folder, { headers: ISOLATED });
    const page = await openLab(context, server.origin);
    const right = await loadIn(page, small.model, small.feeds);
    expect(right).toMatchObject({ backend: 'webgpu', warnings: [] });
    expect(distance(right.outputs?.['y'], small.reference['y']!)).toBeLessThanOrEqual(TOLERANCE.absolute);
    const other = await loadIn(await openLab(context, server.origin), silero.model, silero.feeds, { numThreads: 2, tellFallbacks: true });
    expect(other).toMatchObject({ backend: 'wasm-threads', threads: 2 });
    expect(other.fallbacks.map(({ backend }) => backend)).toEqual(['webgpu']);
    for (const [name, values] of Object.entries(silero.reference)) expect(distance(other.outputs?.[name], values)).toBeLessThanOrEqual(TOLERANCE.absolute);
  });

  it.each([{ loseDevice: true }, { worker: true }])('runs calls as one on WebGPU, with the same answers (%j)', async (options) => {
    const loaded = await loadIn(await openLab(context, server.origin), small.model, small.feeds, { batch: { maxSize: 8, maxDelay: 20 }, ...options });
    expect(loaded.error).toBeUndefined();
    expect(loaded.backend).toBe('loseDevice' in options ? 'wasm' : 'webgpu');
    // Three calls, whose one run meets the loss of the device and is repeated.
    expect(loaded.again?.length ?? 0).toBe('loseDevice' in options ? 3 : 0);
    for (const outputs of [loaded.outputs!, ...(loaded.again ?? [])]) expect(distance(outputs['y'], small.reference['y']!)).toBeLessThanOrEqual(TOLERANCE.absolute);
  });
});
