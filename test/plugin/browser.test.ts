import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import * as ort from 'onnxruntime-node';
import type { Browser } from 'playwright-core';
import quantize from 'unplugin-quantize/vite';
import { createServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';
import { makeProject, onnxFiles, QUICK, recordingLogger, rollupBuild, viteBuild } from './support.ts';

interface Answer {
  error?: string;
  backend: string;
  values: number[];
  hash: string;
}

declare global {
  interface Window {
    answer: Promise<Answer>;
  }
}

const MAIN = `
  import model from './m.onnx?quantize';
  import { createSession } from 'unplugin-quantize/runtime';
  async function run() {
    const session = await createSession(model);
    const { Tensor } = await import('onnxruntime-web/wasm');
    const pixels = Float32Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin(i / 7));
    const outputs = await session.run({ x: new Tensor('float32', pixels, [1, 3, 48, 192]) });
    return { backend: session.backend, values: [...Object.values(outputs)[0].data], hash: model.hash };
  }
  window.answer = run().catch((error) => ({ error: String(error.stack) }));`;

const page = (script: string): string => `<!doctype html><title>m</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;

/** float32 sums of at most 3 * 3 * 480 products in another order, in some 40 layers; the softmax at the end does not widen them. */
const TOLERANCE = 40 * 9 * 480 * 2 ** -24;

/** Largest difference to what onnxruntime-node computes with the file. */
async function distance({ values }: Answer, file: string): Promise<number> {
  const session = await ort.InferenceSession.create(file);
  const pixels = Float32Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin(i / 7));
  const outputs = await session.run({ x: new ort.Tensor('float32', pixels, [1, 3, 48, 192]) });
  await session.release();
  const wanted = [...(Object.values(outputs)[0]!.data as Float32Array)];
  return values.length === wanted.length ? Math.max(...wanted.map((value, i) => Math.abs(value - values[i]!))) : NaN;
}

describe.skipIf(chromiumPath === null)('a page in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  /** Opens the page and gives its answer; what it failed to get is an error. */
  async function open(url: string): Promise<Answer> {
    const tab = await browser.newPage();
    const failures: string[] = [];
    tab.on('response', (response) => void (response.status() >= 400 && failures.push(`${response.status()} ${response.url()}`)));
    tab.on('pageerror', (error) => failures.push(error.message));
    try {
      await tab.goto(url);
      // A dev server may reload the page once, when it has prepared a package that it met late.
      const answer = (await tab.waitForFunction(() => window.answer).then((handle) => handle.jsonValue())) as Answer;
      if (answer.error !== undefined || failures.length > 0) throw new Error([answer.error, ...failures].join('\n'));
      return answer;
    } finally {
      await tab.close();
    }
  }

  async function served(folder: string, base: string): Promise<RunningServer> {
    const server = await serveFolder(folder, { base });
    onTestFinished(() => server.close());
    return server;
  }

  it.each(['/', './', '/sub/'])('runs the model of a Vite build with base %s', async (base) => {
    const root = makeProject({ 'index.html': page('./main.js'), 'main.js': MAIN }, { 'm.onnx': 'ocrDirection' });
    const built = await viteBuild(root, { base });
    const path = base === './' ? '/any/where/' : base;
    const { origin } = await served(built.outDir, path);
    const answer = await open(origin + path);
    expect(answer.backend).toBe('wasm');
    expect(await distance(answer, join(built.outDir, onnxFiles(built)[0]!))).toBeLessThan(TOLERANCE);
  });

  it('runs the model of a Rollup build, with the .wasm file where onnxruntime-web looks for it', async () => {
    const root = makeProject({ 'main.js': MAIN }, { 'm.onnx': 'ocrDirection' });
    const built = await rollupBuild(root, {}, QUICK, nodeResolve({ browser: true }));
    writeFileSync(join(built.outDir, 'index.html'), page('./main.js'));
    const { origin, requests } = await served(built.outDir, '/sub/');
    expect(await distance(await open(`${origin}/sub/`), join(built.outDir, onnxFiles(built)[0]!))).toBeLessThan(TOLERANCE);
    expect(requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
  });

  it('runs the model of a dev server', async () => {
    const root = makeProject({ 'index.html': page('/main.js'), 'main.js': MAIN }, { "it's 100% ü #1/m.onnx": 'ocrDirection' });
    writeFileSync(join(root, 'main.js'), MAIN.replace("'./m.onnx?quantize'", `"./it's 100% ü #1/m.onnx?quantize"`));
    const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize(QUICK)], server: { host: 'localhost', port: 0 } });
    onTestFinished(() => server.close());
    await server.listen();
    const { port } = server.httpServer!.address() as { port: number };
    const answer = await open(`http://localhost:${port}/`);
    const built = await viteBuild(root, { build: { ssr: 'main.js' } });
    expect(await distance(answer, join(built.outDir, onnxFiles(built)[0]!))).toBeLessThan(TOLERANCE);
  });
});
