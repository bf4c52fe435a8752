import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import * as vite8 from 'vite';
import * as vite6 from 'vite6';
import * as vite7 from 'vite7';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';
import { hashOfFile, importBuilt, listFiles, makeProject, QUICK, recordingLogger, withoutUrls } from './support.ts';

/** All versions have the functions and options that are used here. */
const VERSIONS = { 'Vite 6': vite6, 'Vite 7': vite7, 'Vite 8': vite8 } as unknown as Record<string, typeof vite8>;

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>';
const MODEL = "export { default } from './m.onnx?quantize';";
const MAIN = `
  import model from './model.js';
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  globalThis.found = new Promise((resolve) => worker.onmessage = ({ data }) => resolve({ model, ...data }));`;
const WORKER = `
  import model from './model.js';
  import url from './m.onnx?quantize=fp16-storage&url';
  const hash = async (url) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', await (await fetch(url)).arrayBuffer())), (byte) => byte.toString(16).padStart(2, '0')).join('');
  Promise.all([hash(model.variants[0].url), hash(url)]).then(([inWorker, ofUrl]) => postMessage({ inWorker, ofUrl }), (error) => postMessage({ error: String(error) }));`;
const FILES = { 'index.html': PAGE, 'main.js': MAIN, 'worker.js': WORKER, 'model.js': MODEL, 'server.js': "export { default as model } from './model.js'; export { default as url } from './m.onnx?quantize&url';" };

interface Found {
  model: QuantizedModel;
  inWorker: string;
  ofUrl: string;
  error?: string;
}

const project = (): string => makeProject(FILES, { 'm.onnx': 'ocrDirection' });
const common = (root: string) => ({ root, configFile: false as const, customLogger: recordingLogger().logger, plugins: [quantize({ ...QUICK, report: false })] });

describe.each(Object.entries(VERSIONS))('%s', (version, vite) => {
  it('is what it says', () => expect(vite.version).toMatch(new RegExp(`^${version.slice(5)}\\.`)));

  it('gives dev SSR, SSR build and client build the same model, and the server its file once', async () => {
    const root = project();
    await vite.build({ ...common(root), build: { outDir: 'dist/client', emptyOutDir: true } });
    await vite.build({ ...common(root), build: { outDir: 'dist/server', ssr: 'server.js', emptyOutDir: true } });
    const names = listFiles(join(root, 'dist')).filter((file) => file.endsWith('.onnx'));
    const server = names.filter((file) => file.startsWith('server/'));
    expect(server).toHaveLength(1);
    // Rollup and Rolldown hash differently, but each alike for both.
    expect(names).toContain(server[0]!.replace(/^server/, 'client'));
    const built = await importBuilt<{ model: QuantizedModel; url: string }>(join(root, 'dist/server/server.js'));
    for (const url of [built.url, ...built.model.variants.map((variant) => variant.url)]) expect(hashOfFile(new URL(url))).toBe(built.model.hash);

    const dev = await vite.createServer({ ...common(root), server: { middlewareMode: true }, appType: 'custom' });
    onTestFinished(() => dev.close());
    const loaded = (await dev.ssrLoadModule('/server.js')) as { model: QuantizedModel; url: string };
    expect(withoutUrls(loaded.model)).toEqual(withoutUrls(built.model));
    expect(hashOfFile(new URL(loaded.url))).toBe(built.model.hash);
  });

  it('builds libraries, whose model lies beside them', async () => {
    const root = project();
    await vite.build({ ...common(root), build: { lib: { entry: 'server.js', formats: ['es', 'cjs'], fileName: (format) => `lib.${format === 'es' ? 'mjs' : 'cjs'}` }, outDir: 'dist', emptyOutDir: true } });
    expect(listFiles(join(root, 'dist')).filter((file) => file.endsWith('.onnx'))).toHaveLength(1);
    const { model, url } = await importBuilt<{ model: QuantizedModel; url: string }>(join(root, 'dist/lib.mjs'));
    expect(hashOfFile(new URL(url))).toBe(model.hash);
    const { default: common_ } = await importBuilt<{ default: { model: QuantizedModel; url: string } }>(join(root, 'dist/lib.cjs'));
    expect(hashOfFile(new URL(common_.url))).toBe(model.hash);
  });

  describe.skipIf(chromiumPath === null)('in Chromium', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(() => browser.close());

    async function open(url: string): Promise<Found> {
      const page = await browser.newPage();
      await page.goto(url);
      const found = await page.waitForFunction(() => (globalThis as unknown as { found?: Promise<Found> }).found).then((handle) => handle.jsonValue() as Promise<Found>);
      await page.close();
      return found;
    }

    it.each(version === 'Vite 8' ? ['/sub/', './'] : ['/sub/'])('finds models in pages and workers of builds with base %s', async (base) => {
      const root = project();
      writeFileSync(join(root, 'index.html'), PAGE);
      await vite.build({ ...common(root), base, worker: { format: 'es' }, build: { outDir: 'dist', emptyOutDir: true } });
      const server = await serveFolder(join(root, 'dist'), { base: '/sub/' });
      onTestFinished(() => server.close());
      const { model, inWorker, ofUrl, error } = await open(`${server.origin}/sub/`);
      expect(error).toBe(undefined);
      expect(inWorker).toBe(model.hash);
      const files = listFiles(join(root, 'dist')).filter((file) => file.endsWith('.onnx'));
      expect(files.map((file) => hashOfFile(join(root, 'dist', file))).sort()).toEqual([inWorker, ofUrl].sort());
      expect(readFileSync(join(root, 'dist', files[0]!)).length).toBeGreaterThan(1000);
    });

    it('finds models in pages and workers of the dev server', async () => {
      const root = project();
      const dev = await vite.createServer({ ...common(root), server: { host: 'localhost', port: 0 } });
      onTestFinished(() => dev.close());
      await dev.listen();
      const { port } = dev.httpServer!.address() as { port: number };
      const { model, inWorker, error } = await open(`http://localhost:${port}/`);
      expect([error, inWorker]).toEqual([undefined, model.hash]);
    });

    it('runs models in the page of the dev server', async () => {
      const main = "import model from './model.js'; import { createSession } from 'unplugin-quantize/runtime'; globalThis.found = createSession(model).then(({ backend, inputNames }) => ({ model, inWorker: `${backend} ${inputNames}` }), (error) => ({ error: String(error) }));";
      const root = makeProject({ 'index.html': PAGE, 'main.js': main, 'model.js': MODEL }, { 'm.onnx': 'ocrDirection' });
      const dev = await vite.createServer({ ...common(root), server: { host: 'localhost', port: 0 } });
      onTestFinished(() => dev.close());
      await dev.listen();
      const { port } = dev.httpServer!.address() as { port: number };
      const { model, inWorker, error } = await open(`http://localhost:${port}/`);
      expect([error, inWorker]).toEqual([undefined, `wasm ${model.inputs[0]!.name}`]);
    });
  });
});
