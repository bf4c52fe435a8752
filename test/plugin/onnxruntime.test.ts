import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Options } from 'unplugin-quantize';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';
import { BUNDLER_NAMES, BUNDLERS, type BundlerName } from './bundlers.ts';
import { makeProject, QUICK } from './support.ts';

/** The runtime, and imports of an app's own, the bare one too. */
const MAIN = `
  import model from './m.onnx?quantize';
  import { createSession } from 'unplugin-quantize/runtime';
  const { Tensor } = await import('onnxruntime-web');
  const other = await import('onnxruntime-web/wasm');
  try {
    const session = await createSession(model, { backends: ['wasm'] });
    const outputs = await session.run({ x: new Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) });
    globalThis.found = { backend: session.backend, same: other.Tensor === Tensor, dims: Object.values(outputs)[0].dims };
  } catch (error) {
    globalThis.found = { error: String(error) };
  }`;

/** One of each kind; the others show that the same happens in them. */
const THOROUGH: BundlerName[] = ['vite', 'webpack'];

const BUILDS: [Options['targets'], RegExp][] = [
  [['wasm'], /^ort-wasm-simd-threaded(?!\.(?:asyncify|jspi|jsep))/],
  [['webgpu', 'wasm'], /^ort-wasm-simd-threaded\.asyncify/],
];

describe.skipIf(chromiumPath === null).each(BUNDLER_NAMES)('%s', (name) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it.each(THOROUGH.includes(name) ? BUILDS : BUILDS.slice(1))('with targets %j has one build of onnxruntime-web, which runs', async (targets, engine) => {
    const root = makeProject({ 'main.js': MAIN }, { 'm.onnx': 'ocrDirection' });
    const { outDir, files, main } = await BUNDLERS[name](root, { platform: 'browser', format: 'esm', publicPath: '/', options: { ...QUICK, targets: targets! } });
    const wasm = files.filter((file) => file.endsWith('.wasm'));
    expect(wasm).toHaveLength(1);
    const original = statSync(join(import.meta.dirname, '../../packages/unplugin-quantize/node_modules/onnxruntime-web/dist', targets!.includes('webgpu') ? 'ort-wasm-simd-threaded.asyncify.wasm' : 'ort-wasm-simd-threaded.wasm'));
    expect(statSync(join(outDir, wasm[0]!)).size).toBe(original.size);
    expect(wasm[0]!.split('/').at(-1)).toMatch(name === 'webpack' || name === 'rspack' ? /^[\da-f]{16,}\.wasm$/ : engine);
    expect(readFileSync(join(outDir, wasm[0]!)).subarray(0, 4)).toEqual(Buffer.from('\0asm'));
    // Farm loads chunks in pages that it has built itself.
    if (name === 'farm') return;
    writeFileSync(join(outDir, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="./${main.slice(outDir.length + 1)}"></script>`);
    const server = await serveFolder(outDir);
    onTestFinished(() => server.close());
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${server.origin}/`);
    const answer = await page.waitForFunction(() => (globalThis as { found?: unknown }).found, undefined, { timeout: 60_000 }).then((handle) => handle.jsonValue(), (error: unknown) => ({ error, problems }));
    await page.close();
    expect(answer).toEqual({ backend: 'wasm', same: true, dims: [1, 2] });
    expect(server.requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
  });
});
