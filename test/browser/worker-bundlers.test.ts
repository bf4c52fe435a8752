import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import type { Browser } from 'playwright-core';
import quantizeEsbuild from 'unplugin-quantize/esbuild';
import quantizeVite from 'unplugin-quantize/vite';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import webpack from 'webpack';
import { makeProject, QUICK, recordingLogger } from '../plugin/support.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';

const PAGE = '<!doctype html><html><head><link rel="icon" href="data:,"></head><body><script type="module" src="./main.js"></script></body></html>';

/** Runs a model in a worker and leaves what came of it in the window. */
const MAIN = `
import model from './m.onnx?quantize';
import { createSession } from 'unplugin-quantize/runtime';
const worker = () => new Worker(new URL('./session.worker.js', import.meta.url), { type: 'module' });
createSession(model, { worker }).then(async (session) => {
  const input = { type: 'float32', dims: [1, 3, 48, 96], data: new Float32Array(3 * 48 * 96), location: 'cpu' };
  const results = await session.run({ [session.inputNames[0]]: input });
  const [output] = Object.values(results);
  window.outcome = { backend: session.backend, dims: output.dims, sum: output.data[0] + output.data[1] };
  await session.dispose();
}).catch((error) => { window.outcome = { error: String(error) }; });
`;
const WORKER = "import 'unplugin-quantize/runtime/worker';\n";

/** Each builds main.js and session.worker.js of a project to dist. */
const BUILDS: Record<string, (root: string) => Promise<unknown>> = {
  vite: (root) =>
    viteBuild({
      root,
      configFile: false,
      base: './',
      customLogger: recordingLogger().logger,
      plugins: [quantizeVite(QUICK)],
      worker: { format: 'es', plugins: () => [quantizeVite(QUICK)] },
      build: { minify: false },
    }),
  webpack: (root) =>
    new Promise<void>((resolve, reject) => {
      const compiler = webpack({
        context: root,
        mode: 'production',
        entry: { main: './main.js' },
        output: { path: join(root, 'dist'), filename: '[name].js', publicPath: 'auto' },
        infrastructureLogging: { level: 'error' },
        performance: false,
        optimization: { minimize: false },
        plugins: [quantizeWebpack(QUICK)],
      });
      compiler.run((error, stats) => {
        compiler.close(() => (error !== null || stats?.hasErrors() === true ? reject(error ?? new Error(stats?.toString('errors-only'))) : resolve()));
      });
    }),
  esbuild: (root) =>
    esbuild({
      absWorkingDir: root,
      // It does not follow new URL(): the worker is an entry of its own.
      entryPoints: ['main.js', 'session.worker.js'],
      bundle: true,
      format: 'esm',
      splitting: true,
      outdir: 'dist',
      logLevel: 'silent',
      plugins: [quantizeEsbuild(QUICK)],
    }),
};

describe.skipIf(chromiumPath === null)('a session in a worker', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(BUILDS))('runs in a build by %s', async (name) => {
    const root = makeProject({ 'index.html': PAGE, 'main.js': MAIN, 'session.worker.js': WORKER }, { 'm.onnx': 'ocrDirection' });
    await BUILDS[name]!(root);
    const dist = join(root, 'dist');
    if (name !== 'vite') writeFileSync(join(dist, 'index.html'), PAGE);
    const server = await serveFolder(dist, { base: '/sub/' });
    onTestFinished(() => server.close());
    const page = await browser.newPage();
    await page.goto(`${server.origin}/sub/`);
    const outcome = await page.waitForFunction(() => (window as { outcome?: object }).outcome).then((handle) => handle.jsonValue());
    await page.close();
    // Two probabilities.
    expect(outcome).toEqual({ backend: 'wasm', dims: [1, 2], sum: expect.closeTo(1, 5) });
    expect(server.requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
  });
});
