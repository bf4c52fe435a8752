import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire, SourceMap } from 'node:module';
import { join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
import { createUnplugin } from 'unplugin';
import { quantizePlugin, type ModelReport, type QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it } from 'vitest';
import { hashOfFile, importBuilt, makeProject, onnxFiles, QUICK, rollupBuild, viteBuild, withoutUrls } from './support.ts';

const require = createRequire(import.meta.url);
const ENTRY = "import model from './m.onnx?quantize'; export default model;";

describe('rollup', () => {
  it('emits the artefact beside the module, which finds it in Node', async () => {
    const main = "import a from './m.onnx?quantize'; import b from './lib/b.js'; import c from './m.onnx?quantize=fp16-storage&url'; export { a, b, c };";
    const root = makeProject({ 'main.js': main, 'lib/b.js': "export { default } from '../m.onnx?quantize';" }, { 'm.onnx': 'ocrDirection' });
    const built = await rollupBuild(root, { entryFileNames: 'deep/[name].js' });
    const { a, b, c } = await importBuilt<{ a: QuantizedModel; b: QuantizedModel; c: string }>(join(built.outDir, 'deep/main.js'));
    expect(onnxFiles(built)).toHaveLength(2);
    expect(b).toBe(a);
    expect(hashOfFile(new URL(a.variants[0]!.url))).toBe(a.hash);
    expect(hashOfFile(new URL(c))).not.toBe(a.hash);
    expect(built.lines.find((line) => line.includes('→'))).toMatch(/m\.onnx .*\n?.*m\.onnx/);
    const report = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] };
    expect(report.models.map(({ requestedFormat }) => requestedFormat)).toEqual(['fp16-storage', 'int8']);
  });

  it('takes the plugin from unplugin too', async () => {
    const root = makeProject({ 'main.js': ENTRY }, { 'm.onnx': 'ocrDirection' });
    const own = await rollupBuild(root);
    const bundle = await rollup({ input: join(root, 'main.js'), plugins: [createUnplugin(quantizePlugin).rollup({ ...QUICK, report: false })] });
    const { output } = await bundle.write({ dir: join(root, 'dist2') });
    await bundle.close();
    expect(output.map(({ fileName }) => fileName).sort()).toEqual(own.files);
    expect(output[0].code).toBe(readFileSync(join(own.outDir, 'main.js'), 'utf8'));
  });

  it('gives the same model as Vite in the browser and in Node, and as itself in CommonJS', async () => {
    const root = makeProject({ 'main.js': ENTRY }, { 'm.onnx': 'silero' });
    const es = await importBuilt<{ default: QuantizedModel }>(join((await rollupBuild(root)).outDir, 'main.js'));
    const cjs = await importBuilt<{ default: QuantizedModel }>(join((await rollupBuild(root, { format: 'cjs', entryFileNames: '[name].cjs' })).outDir, 'main.cjs'));
    const vite = await importBuilt<{ default: QuantizedModel }>(join((await viteBuild(root, { build: { ssr: 'main.js' } })).outDir, 'main.js'));
    expect(withoutUrls(cjs.default)).toEqual(withoutUrls(es.default));
    expect(withoutUrls(vite.default)).toEqual(withoutUrls(es.default));
    expect(hashOfFile(new URL(cjs.default.variants[1]!.url))).toBe(es.default.hash);
  });

  it('works behind other resolvers, and after an alias that stands behind it', async () => {
    const main = "import a from './100%.onnx?quantize'; import b from 'models/100%.onnx?quantize'; export { a, b };";
    const root = makeProject({ 'main.js': main }, { '100%.onnx': 'ocrDirection' });
    const alias = { name: 'alias', resolveId: (id: string) => (id.startsWith('models/') ? join(root, id.slice('models/'.length)) : null) };
    const built = await rollupBuild(root, {}, undefined, alias, nodeResolve());
    const { a, b } = await importBuilt<{ a: QuantizedModel; b: QuantizedModel }>(join(built.outDir, 'main.js'));
    expect(b.variants).toEqual(a.variants);
    expect(hashOfFile(new URL(a.variants[0]!.url))).toBe(a.hash);
  });

  it('runs the model in Node, with onnxruntime-node left outside of the bundle', async () => {
    const main = `
      import model from './m.onnx?quantize';
      import { createSession } from 'unplugin-quantize/runtime';
      const { Tensor } = await import('onnxruntime-node');
      const session = await createSession(model);
      const outputs = await session.run({ x: new Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) });
      console.log(JSON.stringify([session.backend, ...Object.values(outputs).map(({ dims }) => dims)]));`;
    const root = makeProject({ 'main.js': main }, { 'm.onnx': 'ocrDirection' });
    const built = await rollupBuild(root, {}, undefined, nodeResolve({ exportConditions: ['node'] }));
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(built.outDir, 'main.js')], { encoding: 'utf8' });
    expect([status, stdout.trim(), stderr]).toEqual([0, '["cpu",[1,2]]', '']);
    expect(built.files.filter((file) => !file.endsWith('.js') && !file.endsWith('.onnx'))).toEqual([]);
  });

  it('emits the .wasm file of onnxruntime-web once, with right source maps', async () => {
    const root = makeProject({ 'main.js': "export const load = () => import('onnxruntime-web/wasm');" });
    const built = await rollupBuild(root, { sourcemap: true }, undefined, nodeResolve({ browser: true }));
    const wasm = built.files.filter((file) => file.endsWith('.wasm'));
    expect(wasm).toEqual([expect.stringMatching(/^assets\/ort-wasm-simd-threaded-[\w-]{8}\.wasm$/)]);
    const script = built.files.find((file) => /ort\..*\.js$/.test(file))!;
    const code = readFileSync(join(built.outDir, script), 'utf8');
    expect(code.split(wasm[0]!)).toHaveLength(3);
    expect(code).not.toContain('new URL("ort-wasm');

    // Behind both replacements, the text in a line is still where the map says.
    const source = readFileSync(require.resolve('onnxruntime-web/wasm').replace(/[^/]+$/, 'ort.wasm.bundle.min.mjs'), 'utf8').split('\n');
    const map = new SourceMap(JSON.parse(readFileSync(join(built.outDir, `${script}.map`), 'utf8')));
    const lines = code.split('\n');
    const line = lines.findLastIndex((text) => text.includes(wasm[0]!));
    const from = lines[line]!.lastIndexOf(wasm[0]!) + 100;
    for (const column of [from, from + 500, from + 1000]) {
      const { generatedColumn, originalLine, originalColumn } = map.findEntry(line, column) as Record<'generatedColumn' | 'originalLine' | 'originalColumn', number>;
      expect(generatedColumn).toBeGreaterThan(column - 100);
      expect(source[originalLine]!.slice(originalColumn, originalColumn + 12)).toBe(lines[line]!.slice(generatedColumn, generatedColumn + 12));
    }
  });
});
