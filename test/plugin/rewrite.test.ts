import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { QuantizedModel } from 'unplugin-quantize';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';
import { BUNDLER_NAMES, BUNDLERS } from './bundlers.ts';
import { hashOfFile, importBuilt, makeProject, QUICK, sha256 } from './support.ts';

const MAIN = `
  import model from './m.onnx?quantize';
  // new URL('./none.onnx?quantize', import.meta.url)
  const url = new URL('./with%20space.onnx?quantize', import.meta.url);
  export const found = globalThis.found = { href: url.href, hash: model.hash };`;
const NODE = `${MAIN}
  import * as ort from 'onnxruntime-node';
  export async function run() {
    const sessions = [
      await ort.InferenceSession.create('./m.onnx?quantize', { logSeverityLevel: 3 }),
      await ort.InferenceSession.create(new URL("m.onnx?quantize", import.meta.url).href),
    ];
    return sessions.map(({ inputNames }) => inputNames[0]);
  }
  export const position = [new URL('./m.onnx?quantize', import.meta.url), 'after'].concat(new Error('here').stack)[2];`;

const COMMONJS = `
  const ort = require('onnxruntime-node');
  const { default: model } = require('./m.onnx?quantize');
  module.exports = {
    model,
    run: async () => (await ort.InferenceSession.create('./m.onnx?quantize', { logSeverityLevel: 3 })).inputNames,
  };`;

const options = { ...QUICK, report: false as const };

describe.each(BUNDLER_NAMES)('%s: texts that name models', (name) => {
  it.each(['esm', 'cjs'] as const)('are what onnxruntime opens in Node (%s), with right source maps', async (format) => {
    // In CommonJS bundlers disagree on import.meta.url, which other code of the module may use; models need none.
    const root = makeProject({ 'main.js': NODE }, { 'm.onnx': 'ocrDirection', 'with space.onnx': 'ocrDirection' });
    const { main } = await BUNDLERS[name](root, { platform: 'node', format, sourcemap: true, options });
    const loaded = await importBuilt<{ default?: unknown }>(main);
    const { found, run } = (format === 'cjs' ? loaded.default : loaded) as { found: { href: string; hash: string }; run(): Promise<string[]> };
    expect(sha256(readFileSync(new URL(found.href)))).toBe(found.hash);
    expect(await run()).toEqual(['x', 'x']);
    const { stdout } = spawnSync(process.execPath, ['--enable-source-maps', '--input-type=module', '-e', `import * as m from ${JSON.stringify(main)}; console.log((m.position ?? m.default.position))`], { encoding: 'utf8' });
    const line = NODE.split('\n').findIndex((text) => text.includes("'here'")) + 1;
    const column = NODE.split('\n')[line - 1]!.indexOf("new Error('here')") + 1;
    // Rspack maps the name of the class, Farm a place in the statement.
    const columns = { rspack: [column + 'new '.length], farm: [...NODE.split('\n')[line - 1]!].map((_, i) => i + 1) } as Record<string, number[]>;
    expect(stdout).toMatch(new RegExp(`main\\.js:${line}:(?:${(columns[name] ?? [column]).join('|')})\\)?\\n`));
  });
});

/** Rollup knows no CommonJS, and Vite none in an app's own modules. */
const WITH_COMMONJS = BUNDLER_NAMES.filter((name) => name !== 'rollup' && name !== 'vite');

describe.each(WITH_COMMONJS)('%s: modules in CommonJS', (name) => {
  it('require models, and name them in texts', async () => {
    const root = makeProject({ 'main.js': "import lib from './lib.cjs'; const { model, run } = lib; export { model, run };", 'lib.cjs': COMMONJS }, { 'm.onnx': 'ocrDirection' });
    const { main } = await BUNDLERS[name](root, { platform: 'node', format: 'cjs', options });
    const { model, run } = (await importBuilt<{ default: { model: QuantizedModel; run(): Promise<string[]> } }>(main)).default;
    expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(model.hash);
    expect(await run()).toEqual(['x']);
  });
});

describe.skipIf(chromiumPath === null)('texts that name models, in pages', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rewrite-'));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  it.each(BUNDLER_NAMES)('%s publishes their artefacts', async (name) => {
    const root = makeProject({ 'main.js': MAIN }, { 'm.onnx': 'ocrDirection', 'with space.onnx': 'ocrDirection' });
    const publicPath = name === 'rollup' || name === 'rolldown' ? {} : { publicPath: '/sub/' };
    const { main, outDir } = await BUNDLERS[name](root, { platform: 'browser', format: 'esm', ...publicPath, options: { ...options, cache: folder } });
    writeFileSync(join(outDir, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><script type="module" src="./${main.slice(outDir.length + 1)}"></script>`);
    const server = await serveFolder(outDir, { base: '/sub/' });
    onTestFinished(() => server.close());
    const page = await browser.newPage();
    await page.goto(`${server.origin}/sub/`);
    const { href, hash } = await page.evaluate(() => (globalThis as unknown as { found: { href: string; hash: string } }).found);
    await page.close();
    const response = await fetch(href);
    expect([response.status, sha256(new Uint8Array(await response.arrayBuffer()))]).toEqual([200, hash]);
  });
});
