import { join } from 'node:path';
import type { QuantizedModel } from 'unplugin-quantize';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { rollup, VERSION as rollupVersion } from 'rollup4.0';
import { describe, expect, it } from 'vitest';
import webpack from 'webpack5.61';
import { hashOfFile, importBuilt, listFiles, makeProject, QUICK } from './support.ts';

interface Exports {
  model: QuantizedModel;
  again: QuantizedModel;
  href: string;
}

const FILES = {
  'main.js': "import model from './m.onnx?quantize'; import again from './lib/again.js'; const href = new URL('./with%20space.onnx?quantize=fp16-storage', import.meta.url).href; export { model, again, href };",
  'lib/again.js': "export { default } from '../m.onnx?quantize';",
};
const project = (): string => makeProject(FILES, { 'm.onnx': 'ocrDirection', 'with space.onnx': 'ocrDirection' });
const options = { ...QUICK, report: false as const };

async function check(root: string, main: string): Promise<void> {
  const built = await importBuilt<Exports & { default?: Exports }>(join(root, 'dist', main));
  const { model, again, href } = built.default ?? built;
  expect(again).toBe(model);
  expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(model.hash);
  expect(hashOfFile(new URL(href))).not.toBe(model.hash);
  expect(listFiles(join(root, 'dist')).filter((file) => file.endsWith('.onnx'))).toHaveLength(2);
}

describe('the lowest version', () => {
  it('of Rollup builds', async () => {
    expect(rollupVersion).toBe('4.0.0');
    const root = project();
    const bundle = await rollup({ input: join(root, 'main.js'), plugins: [quantizeRollup(options) as never], onLog: () => undefined });
    await bundle.write({ dir: join(root, 'dist') });
    await bundle.close();
    await check(root, 'main.js');
  });

  it('of webpack builds', async () => {
    expect(webpack.version).toBe('5.61.0');
    const root = project();
    await new Promise<void>((done, failed) => {
      const compiler = webpack({
        context: root,
        mode: 'production',
        target: 'node',
        entry: './main.js',
        output: { path: join(root, 'dist'), filename: 'main.cjs', library: { type: 'commonjs2' } },
        plugins: [quantizeWebpack(options) as never],
      });
      compiler.run((error, stats) => {
        const problem = error ?? (stats?.hasErrors() === true ? new Error(stats.toString({ all: false, errors: true })) : undefined);
        compiler.close(() => (problem ? failed(problem) : done()));
      });
    });
    await check(root, 'main.cjs');
  });
});
