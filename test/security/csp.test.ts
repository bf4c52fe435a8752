import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import quantize from 'unplugin-quantize/vite';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { models } from '../support/models.ts';
import { ISOLATED, serveFolder, type RunningServer } from '../support/static-server.ts';

/** As the README has it: nothing else is allowed. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'";

const MAIN = `
  import model from './m.onnx?quantize=int8-storage';
  import { createSession } from 'unplugin-quantize/runtime';
  const violations = [];
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(violatedDirective + ' ' + blockedURI));
  const worker = () => new Worker(new URL('./session.worker.js', import.meta.url), { type: 'module' });
  const runOn = async (options) => {
    const session = await createSession(model, options);
    const input = { type: 'float32', data: new Float32Array(3 * 48 * 192).fill(0.5), dims: [1, 3, 48, 192] };
    const ort = await import('onnxruntime-web');
    const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor(input.type, input.data, input.dims) });
    const values = Array.from(outputs[session.outputNames[0]].data);
    await session.dispose();
    return { backend: session.backend, values };
  };
  const told = (run) => run.catch((error) => ({ error: String(error) }));
  globalThis.found = (async () => {
    // A page has one instance of onnxruntime's WebAssembly, with threads or without.
    const ways = location.hash === '#threads' ? [{ backends: ['wasm-threads'], numThreads: 2 }] : [{ backends: ['wasm'] }, { backends: ['wasm'], worker }];
    const results = [];
    for (const way of ways) results.push(await told(runOn(way)));
    let evaluated = true;
    try { new Function('return 1')(); } catch { evaluated = false; }
    // The one that was just provoked.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { results, violations, evaluated };
  })();`;

interface Found {
  results: { backend?: string; values?: number[]; error?: string }[];
  violations: string[];
  evaluated: boolean;
}

describe.skipIf(chromiumPath === null)('a page with a strict Content-Security-Policy (needs Chromium)', () => {
  const root = join(import.meta.dirname, '../.cache', `csp-${process.pid}`);
  let server: RunningServer;
  let browser: Browser;
  beforeAll(async () => {
    mkdirSync(root, { recursive: true });
    copyFileSync(models.ocrDirection, join(root, 'm.onnx'));
    writeFileSync(join(root, 'index.html'), '<!doctype html><script type="module" src="/main.js"></script>');
    writeFileSync(join(root, 'main.js'), MAIN);
    writeFileSync(join(root, 'session.worker.js'), "import 'unplugin-quantize/runtime/worker';");
    await build({ root, configFile: false, logLevel: 'error', plugins: [quantize({ report: false, baseline: false, cache: false })], worker: { format: 'es' }, build: { outDir: 'dist' } });
    server = await serveFolder(join(root, 'dist'), { headers: { ...ISOLATED, 'Content-Security-Policy': POLICY } });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function open(hash: string): Promise<Found> {
    const page = await browser.newPage();
    await page.goto(server.origin + hash);
    return page.waitForFunction(() => (globalThis as unknown as { found?: Promise<Found> }).found).then((handle) => handle.jsonValue() as Promise<Found>);
  }

  it.each([['', ['wasm', 'wasm']], ['#threads', ['wasm-threads']]])('runs models in WebAssembly, on the page and in a worker%s, and breaks nothing of it', async (hash, backends) => {
    const { results, violations, evaluated } = await open(hash);
    expect(results.map(({ backend, error }) => error ?? backend)).toEqual(backends);
    for (const { values } of results) expect(values).toEqual(results[0]!.values);
    expect(results[0]!.values!.every(Number.isFinite)).toBe(true);
    // The policy is in force: what it forbids fails, and is the only thing that was reported.
    expect(evaluated).toBe(false);
    expect(violations).toEqual(['script-src eval']);
  });
});
