import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCanary, quantizedModel, tolerances, variantOf } from '../support/canary.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';
import { buildLab, distance, loadIn, openLab, type PlainFeeds } from './runtime-lab.ts';

const source = join(import.meta.dirname, '../reference/quantize/mlp.onnx');
const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
const feeds: PlainFeeds = { x: { type: 'float32', data: Array.from(values), dims: [2, 32] } };
/** 32 products of size 1 a sum, two layers, each rounded to 2^-24 of its size; a hundred times that. */
const TOLERANCE = { absolute: 100 * 2 * 32 * 2 ** -24, relative: 0 };

describe.skipIf(chromiumPath === null)('browsers that suspend WebAssembly (JSPI)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-jspi-'));
  let browser: Browser;
  let server: RunningServer;
  let page: Page;
  let hasJspi = false;

  beforeAll(async () => {
    await buildLab(folder);
    copyFileSync(source, join(folder, 'm.onnx'));
    server = await serveFolder(folder);
    browser = await launchChromium(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
    page = await openLab(browser, server.origin);
    hasJspi = await page.evaluate(() => 'Suspending' in WebAssembly);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  it('run WebGPU with the build of onnxruntime-web that is made for them, and lose their device in it as in the other one', async ({ skip }) => {
    if (!hasJspi) skip('this Chromium has no JSPI');
    const canary = await makeCanary(source, { x: new ort.Tensor('float32', values, [2, 32]) });
    const tolerance = tolerances(canary, TOLERANCE);
    const model = quantizedModel('m', [variantOf(source, '/m.onnx', { target: 'webgpu', tolerance }), variantOf(source, '/m.onnx', { tolerance })], canary);
    const loaded = await loadIn(page, model, feeds, { tellFallbacks: true, loseDevice: true });
    expect(loaded.error).toBeUndefined();
    expect(server.requests.find((path) => path.endsWith('.wasm'))).toContain('ort-wasm-simd-threaded.jspi');
    const [output] = Object.entries(canary.outputs).map(([name, { data }]) => ({ name, values: new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer) }));
    for (const outputs of [loaded.outputs!, ...loaded.again!]) expect(distance(outputs[output!.name], output!.values)).toBeLessThanOrEqual(TOLERANCE.absolute);
    expect(loaded.fallbacks[0]).toMatchObject({ backend: 'webgpu', reason: expect.stringContaining('device was lost') });
    expect(loaded.backend).toBe('wasm');
  });
});
