import { join } from 'node:path';
import { rspack } from '@rspack/core';
import type { QuantizedModel } from 'unplugin-quantize';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { hashOfFile, importBuilt, listFiles, makeProject, QUICK } from './support.ts';

/** The server's half of an app whose files browsers get from `/app/`, as frameworks configure it. */
const options = (root: string) => ({
  context: root,
  mode: 'production' as const,
  target: 'node' as const,
  entry: './entry.js',
  infrastructureLogging: { level: 'none' as const },
  module: { generator: { 'asset/resource': { filename: 'media/[name].[hash:8][ext]' } } },
  output: { path: join(root, 'dist'), filename: 'deep/er/entry.cjs', publicPath: '/app/', library: { type: 'commonjs2' } },
});

const RUNS: Record<string, (root: string) => Promise<void>> = {
  webpack: (root) => run(webpack({ ...options(root), plugins: [quantizeWebpack(QUICK)] })!),
  rspack: (root) => run(rspack({ ...options(root), plugins: [quantizeRspack(QUICK)] })),
};

interface Compiler {
  run(done: (error: Error | null, stats?: { hasErrors(): boolean; toString(): string }) => void): void;
}

function run(compiler: Compiler): Promise<void> {
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => (error || stats!.hasErrors() ? reject(error ?? new Error(stats!.toString())) : resolve()));
  });
}

describe.each(Object.keys(RUNS))('%s for servers', (bundler) => {
  it('finds the model where `generator` has it called so, though publicPath is for browsers', async () => {
    const root = makeProject({ 'package.json': '{}', 'entry.js': "import model from './m.onnx?quantize'; export { model };" }, { 'm.onnx': 'ocrDirection' });
    await RUNS[bundler]!(root);
    const files = listFiles(join(root, 'dist'));
    expect(files).toEqual(['deep/er/entry.cjs', expect.stringMatching(/^media\/m\.[0-9a-f]{8}\.onnx$/)]);
    const { model } = await importBuilt<{ model: QuantizedModel }>(join(root, 'dist/deep/er/entry.cjs'));
    for (const { url, sha256 } of model.variants) expect(hashOfFile(new URL(url))).toBe(sha256);
  });
});
