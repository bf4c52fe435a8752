import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it } from 'vitest';
import type { FirstVisit } from '../../packages/unplugin-quantize/src/types.ts';
import { BUNDLER_NAMES, BUNDLERS, type BundlerName, type Settings } from './bundlers.ts';
import { hashOfFile, importBuilt, makeProject, withoutUrls } from './support.ts';

/** The recognition model has convolutions and matrix products, so that its formats differ. */
const MODEL = 'ocrRecognition';
const OPTIONS: Options = { verify: false, cache: join(import.meta.dirname, '../.cache/plugin/targets') };

interface Entry {
  name: string;
  targets: string[];
  requestedFormat: string;
  format: string;
  artefact: { sha256: string; bytes: number };
  firstVisit?: FirstVisit;
}

async function build(name: BundlerName, platform: Settings['platform'], options: Options = {}, query = '?quantize') {
  const root = makeProject({ 'main.js': `import model from './m.onnx${query}'; globalThis.document = undefined; globalThis.location ??= { href: 'http://x/' }; globalThis.model = model; export default model;` }, { 'm.onnx': MODEL });
  const output = await BUNDLERS[name](root, { platform, format: 'esm', options: { ...OPTIONS, ...options } });
  const report = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: Entry[] };
  return { ...output, report: report.models, onnx: output.files.filter((file) => /\.(?:onnx|gz)$/.test(file)) };
}

describe.each(BUNDLER_NAMES)('%s', (name) => {
  it('emits a file for WebGPU and one for WebAssembly in builds for browsers', async () => {
    const { onnx, outDir, report, main } = await build(name, 'browser');
    expect(onnx).toHaveLength(2);
    expect(report.map(({ targets, requestedFormat, format }) => [targets, requestedFormat, format])).toEqual([[['wasm'], 'int8', 'int8'], [['webgpu'], 'int8', 'int8-storage']]);
    const hashes = onnx.map((file) => hashOfFile(join(outDir, file))).sort();
    expect(report.map(({ artefact }) => artefact.sha256).sort()).toEqual(hashes);
    const code = readFileSync(main, 'utf8');
    for (const hash of hashes) expect(code).toContain(hash);
    for (const file of onnx) expect(code).toContain(file.split('/').at(-1)!);
  });

  it('emits one file where targets come to the same format', async () => {
    const { onnx, report } = await build(name, 'browser', { targets: ['webgpu', 'wasm', 'node'], format: 'int8-storage' });
    expect(onnx).toHaveLength(1);
    expect(report.map(({ targets }) => targets)).toEqual([['webgpu', 'wasm', 'node']]);
  });
});

describe('a model for several targets', () => {
  const all: Options = { targets: ['webgpu', 'wasm', 'node'], format: { webgpu: 'fp16-storage', wasm: 'auto' } };
  const WITH_PLATFORM: BundlerName[] = ['vite', 'webpack', 'esbuild', 'rolldown'];

  it.each(WITH_PLATFORM)('is made for Node in a build for Node (%s)', async (name) => {
    const { onnx, main } = await build(name, 'node');
    expect(onnx).toHaveLength(1);
    const { default: model } = await importBuilt<{ default: QuantizedModel }>(main);
    expect(model.variants.map(({ target, format }) => [target, format])).toEqual([['node', 'int8']]);
  });

  it('is the same in every bundler, each variant with its own file', async () => {
    const models = await Promise.all(['vite', 'webpack'].map(async (name) => (await importBuilt<{ default: QuantizedModel }>((await build(name as BundlerName, 'node', all)).main)).default));
    const [first, second] = models;
    expect(withoutUrls(first!)).toEqual(withoutUrls(second!));
    expect(first!.variants.map(({ target, format }) => [target, format])).toEqual([['webgpu', 'fp16-storage'], ['wasm', 'int8'], ['node', 'int8']]);
    expect(first!.hash).toBe(first!.variants[0]!.sha256);
    for (const { variants } of models) for (const { url, sha256, bytes } of variants) expect([hashOfFile(new URL(url)), readFileSync(new URL(url)).length]).toEqual([sha256, bytes]);
  });

  it.each<BundlerName>(['vite', 'webpack'])('tells what a first visit downloads, with the engine (%s)', async (name) => {
    const { report, onnx, outDir } = await build(name, 'browser', { compress: 'gzip', targets: ['wasm', 'webgpu'], format: 'int8-storage' });
    const { size } = statSync(join(outDir, onnx[0]!));
    const [only] = report;
    expect(only!.firstVisit).toEqual({ model: size, runtime: { file: 'ort-wasm-simd-threaded.asyncify.wasm', bytes: expect.any(Number) } });
    expect(only!.firstVisit!.runtime.bytes).toBeGreaterThan(20_000_000);
    expect(size).toBeLessThan(only!.artefact.bytes);
  });

  it('takes targets from the query, and one of them for a URL', async () => {
    const { onnx, report } = await build('vite', 'browser', {}, '?quantize&targets=wasm,webgpu&url');
    expect(onnx).toHaveLength(1);
    expect(report.map(({ targets, format }) => [targets, format])).toEqual([[['wasm'], 'int8']]);
  });
});
