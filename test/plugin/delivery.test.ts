import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';
import { BUNDLER_NAMES, BUNDLERS, type BundlerName } from './bundlers.ts';
import { makeProject, sha256, viteBuild } from './support.ts';

const OPTIONS: Options = { verify: false, report: false, targets: ['wasm'], cache: join(import.meta.dirname, '../.cache/plugin/delivery') };
/** The smallest that is taken. */
const LIMIT = 1 << 16;

const MAIN = "import model from './m.onnx?quantize'; import url from './m.onnx?quantize&url'; export { model, url };";

/** What the module says, with the files that its URLs lead to, from a build's code: what runs in browsers cannot be imported here. */
async function modelOf(name: BundlerName, options: Options) {
  const root = makeProject({ 'main.js': MAIN }, { 'm.onnx': 'ocrDirection' });
  const { outDir, main, files } = await BUNDLERS[name](root, { platform: 'node', format: 'esm', options: { ...OPTIONS, ...options } });
  const { model, url } = (await import(/* @vite-ignore */ `${main}?${Math.random()}`)) as { model: QuantizedModel; url: string };
  return { model, url, outDir, onnx: files.filter((file) => /\.(?:onnx|gz)$/.test(file)) };
}

describe.each(BUNDLER_NAMES)('%s', (name) => {
  it('publishes compressed files for the runtime, and the plain one for a URL', async () => {
    const { model, url, onnx } = await modelOf(name, { compress: 'gzip' });
    const [{ url: packed, encoding, transferBytes, bytes, sha256: hash, parts }] = model.variants as [QuantizedModel['variants'][0]];
    expect([encoding, parts, onnx.length]).toEqual(['gzip', undefined, 2]);
    const file = readFileSync(new URL(packed));
    expect(file.length).toBe(transferBytes);
    expect(transferBytes).toBeLessThan(bytes);
    const artefact = gunzipSync(file);
    expect([artefact.length, sha256(artefact)]).toEqual([bytes, hash]);
    expect(sha256(readFileSync(new URL(url)))).toBe(hash);
    expect(basename(packed)).toMatch(/\.gz$/);
  });

  it('publishes what is too large in parts', async () => {
    const { model } = await modelOf(name, { maxFileBytes: LIMIT });
    const { url, parts, bytes, sha256: hash, encoding } = model.variants[0]!;
    expect(encoding).toBeUndefined();
    expect(parts!.length).toBe(Math.ceil(bytes / LIMIT));
    expect(parts![0]!.url).toBe(url);
    const files = parts!.map((part) => readFileSync(new URL(part.url)));
    expect(files.map((file) => file.length)).toEqual(parts!.map((part) => part.bytes));
    expect(sha256(Buffer.concat(files))).toBe(hash);
  });
});

describe.each(BUNDLER_NAMES)('%s', (name) => {
  it('puts compressed files beside models for browsers', async () => {
    const root = makeProject({ 'main.js': "import url from './m.onnx?quantize&url'; globalThis.url = url;" }, { 'm.onnx': 'ocrDirection' });
    const options: Options = { ...OPTIONS, precompress: ['gzip', 'brotli'] };
    const { outDir, files } = await BUNDLERS[name](root, { platform: 'browser', format: 'esm', options });
    const [model, brotli, gzip] = files.filter((file) => file.includes('.onnx'));
    expect([brotli, gzip]).toEqual([`${model!}.br`, `${model!}.gz`]);
    const bytes = readFileSync(join(outDir, model!));
    expect(gunzipSync(readFileSync(join(outDir, gzip!))).equals(bytes)).toBe(true);
    expect(brotliDecompressSync(readFileSync(join(outDir, brotli!))).equals(bytes)).toBe(true);
  });
});

describe("onnxruntime-web's .wasm file", () => {
  /** What Cloudflare Pages takes: 25 MiB. */
  const CLOUDFLARE = 25 * 2 ** 20;
  const engine = join(import.meta.dirname, '../../packages/unplugin-quantize/node_modules/onnxruntime-web/dist');
  const main = (entry: string): string => `import { InferenceSession } from '${entry}'; import url from './m.onnx?quantize&url'; globalThis.session = () => InferenceSession.create(url);`;

  /** The .wasm files of a build and what lies beside them. */
  async function wasmOf(name: BundlerName, entry: string, options: Options) {
    const root = makeProject({ 'main.js': main(entry) }, { 'm.onnx': 'ocrDirection' });
    const { outDir, files } = await BUNDLERS[name](root, { platform: 'browser', format: 'esm', options: { ...OPTIONS, ...options } });
    return Object.fromEntries(files.filter((file) => file.includes('.wasm')).map((file) => [file, readFileSync(join(outDir, file))]));
  }

  it.each(BUNDLER_NAMES)('is put beside itself in compressed form (%s)', async (name) => {
    const files = await wasmOf(name, 'onnxruntime-web/wasm', { precompress: ['gzip', 'brotli'] });
    const [plain, brotli, gzip] = Object.keys(files);
    expect([brotli, gzip]).toEqual([`${plain!}.br`, `${plain!}.gz`]);
    expect(sha256(files[plain!]!)).toBe(sha256(readFileSync(join(engine, 'ort-wasm-simd-threaded.wasm'))));
    expect(gunzipSync(files[gzip!]!).equals(files[plain!]!)).toBe(true);
    expect(brotliDecompressSync(files[brotli!]!).equals(files[plain!]!)).toBe(true);
  });

  it('is cut where a host takes no file of its size, each part compressed', async () => {
    const files = await wasmOf('vite', 'onnxruntime-web/webgpu', { maxFileBytes: CLOUDFLARE, precompress: ['gzip'], targets: ['webgpu'], format: 'int8-storage' });
    const parts = Object.keys(files).filter((file) => file.endsWith('.wasm'));
    const source = readFileSync(join(engine, 'ort-wasm-simd-threaded.asyncify.wasm'));
    expect(parts).toHaveLength(Math.ceil(source.length / CLOUDFLARE));
    expect(source.length).toBeGreaterThan(CLOUDFLARE);
    for (const part of parts) {
      expect(files[part]!.length).toBeLessThanOrEqual(CLOUDFLARE);
      expect(gunzipSync(files[`${part}.gz`]!).equals(files[part]!)).toBe(true);
    }
    const largestFirst = parts.map((part) => files[part]!).sort((a, b) => b.length - a.length);
    expect(sha256(Buffer.concat(largestFirst))).toBe(sha256(source));
  });
});

it('puts none beside models in a build for Node', async () => {
  const { onnx } = await modelOf('vite', { precompress: ['gzip'] });
  expect(onnx.filter((file) => file.endsWith('.gz'))).toEqual([]);
});

/** What a page says that it found. */
async function foundAt(folder: string): Promise<unknown> {
  const server = await serveFolder(folder);
  const browser = await launchChromium();
  onTestFinished(async () => {
    await browser.close();
    await server.close();
  });
  const page = await browser.newPage();
  await page.goto(`${server.origin}/`);
  const found = await page.waitForFunction(() => (globalThis as { found?: unknown }).found, undefined, { timeout: 60_000 });
  return found.jsonValue();
}

describe.skipIf(chromiumPath === null)('in a page', () => {
  const WASM_LIMIT = 5_000_000;

  it.each(BUNDLER_NAMES)("onnxruntime-web's .wasm file is put together too (%s)", async (name) => {
    const main = `
      import { InferenceSession } from 'onnxruntime-web/wasm';
      import url from './m.onnx?quantize&url';
      InferenceSession.create(url).then((session) => (globalThis.found = session.inputNames), (error) => (globalThis.found = String(error)));`;
    const root = makeProject({ 'main.js': main }, { 'm.onnx': 'ocrDirection' });
    const output = await BUNDLERS[name](root, { platform: 'browser', format: 'esm', publicPath: '/', options: { ...OPTIONS, maxFileBytes: WASM_LIMIT } });
    const parts = output.files.filter((file) => file.endsWith('.wasm'));
    expect(parts).toHaveLength(3);
    for (const part of parts) expect(readFileSync(join(output.outDir, part)).length).toBeLessThanOrEqual(WASM_LIMIT);
    // Farm loads chunks in pages that it has built itself.
    if (name === 'farm') return;
    writeFileSync(join(output.outDir, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><script type="module" src="./${output.main.slice(output.outDir.length + 1)}"></script>`);
    expect(await foundAt(output.outDir)).toEqual(['x']);
  });

  it('createSession puts parts together and unpacks them', async () => {
    const main = `
      import model from './m.onnx?quantize';
      import { createSession } from 'unplugin-quantize/runtime';
      const { Tensor } = await import('onnxruntime-web/wasm');
      createSession(model, { backends: ['wasm'] }).then(async (session) => {
        const outputs = await session.run({ x: new Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) });
        globalThis.found = { dims: Object.values(outputs)[0].dims, parts: session.variant.parts.length, encoding: session.variant.encoding };
      }).catch((error) => (globalThis.found = { error: String(error) }));`;
    const root = makeProject({ 'index.html': '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>', 'main.js': main }, { 'm.onnx': 'ocrDirection' });
    const { outDir } = await viteBuild(root, {}, { ...OPTIONS, compress: 'gzip', maxFileBytes: LIMIT });
    expect(await foundAt(outDir)).toEqual({ dims: [1, 2], parts: 3, encoding: 'gzip' });
  });
});
