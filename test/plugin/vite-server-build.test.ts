import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import { createBuilder, type Plugin } from 'vite';
import { describe, expect, it, vi } from 'vitest';
import { hashOfFile, importBuilt, listFiles, makeProject, onnxFiles, QUICK, recordingLogger, viteBuild, withoutUrls } from './support.ts';

const ENTRY = "import model from '../m.onnx?quantize'; import './style.css'; export default model;";

describe('vite build for servers', () => {
  it.each(['/', './', '/sub/', 'https://cdn.example/x/'])('with base %s gives URLs of files beside the entry, and emits nothing else', async (base) => {
    const root = makeProject({ 'src/entry.js': ENTRY, 'src/style.css': 'b { background: url(./big.png) }', 'src/big.png': 'x'.repeat(5000) }, { 'm.onnx': 'ocrDirection' });
    const built = await viteBuild(root, { base, build: { ssr: true, rollupOptions: { input: { 'deep/er/entry': join(root, 'src/entry.js') } } } });
    expect(built.files).toEqual([expect.stringMatching(/^assets\/m-[\w-]{8}\.onnx$/), 'deep/er/entry.js']);
    const { default: model } = await importBuilt<{ default: QuantizedModel }>(join(built.outDir, 'deep/er/entry.js'));
    expect(model.variants.map(({ target }) => target)).toEqual(['wasm', 'node']);
    for (const { url, sha256 } of model.variants) expect(hashOfFile(new URL(url))).toBe(sha256);
    expect(fileURLToPath(model.variants[0]!.url)).toBe(join(built.outDir, built.files[0]!));
    expect(built.lines.filter((line) => /warn|conflict|overwrite/i.test(line))).toEqual([]);
  });

  it('works as CommonJS, with assets that are emitted anyway, and with any name of assets', async () => {
    const root = makeProject({ 'src/entry.js': ENTRY, 'src/style.css': '' }, { "it's 100% ü#.onnx": 'ocrDirection' });
    const entry = join(root, 'src/entry.js');
    const built = await viteBuild(root, {
      plugins: [{ name: 'rename', enforce: 'pre', transform: (code, id) => (id === entry ? code.replace('../m.onnx', "../it\\'s 100% ü#.onnx").replaceAll("'../it", '"../it').replace("quantize'", 'quantize"') : undefined) }],
      build: { ssr: entry, ssrEmitAssets: true, rollupOptions: { output: { format: 'cjs', entryFileNames: '[name].cjs', assetFileNames: 'a b%c/[name][extname]' } } },
    });
    const [file] = onnxFiles(built);
    expect(file).toMatch(/^a b%c\//);
    const { default: model } = (await importBuilt<{ default: { default: QuantizedModel } & QuantizedModel }>(join(built.outDir, 'entry.cjs')));
    const { name, variants } = model.default ?? model;
    expect(name).toBe("it's 100% ü#.onnx");
    expect(hashOfFile(new URL(variants[0]!.url))).toBe(variants[0]!.sha256);
  });

  it('keeps onnxruntime-node an import, also where all packages are bundled', async () => {
    const root = makeProject({ 'entry.js': "export const load = () => import('onnxruntime-node');" });
    const built = await viteBuild(root, { ssr: { noExternal: true }, build: { ssr: 'entry.js' } });
    expect(built.files).toEqual(['entry.js']);
    expect(readFileSync(join(built.outDir, 'entry.js'), 'utf8')).toContain('import("onnxruntime-node")');
  });

  it('shares one pipeline, report and table with the client build of an app', async () => {
    const root = makeProject({ 'index.html': '<script type="module" src="./src/client.js"></script>', 'src/client.js': "import model from '../m.onnx?quantize'; console.log(JSON.stringify(model));", 'src/entry.js': ENTRY, 'src/style.css': '' }, { 'm.onnx': 'ocrDirection' });
    const { logger, lines } = recordingLogger();
    // Without a cache, results live in a temporary folder as long as the pipeline: both builds have to see the same one.
    vi.stubEnv('TMPDIR', root + '/tmp');
    mkdirSync(join(root, 'tmp'));
    const folders: string[][] = [];
    const watch: Plugin = { name: 'watch', sharedDuringBuild: true, generateBundle: () => void folders.push(readdirSync(join(root, 'tmp'))) };
    const builder = await createBuilder({
      root,
      configFile: false,
      customLogger: logger,
      builder: {},
      plugins: [quantize({ ...QUICK, cache: false }), watch],
      environments: { client: { build: { outDir: 'dist/client' } }, ssr: { build: { outDir: 'dist/server', ssr: 'src/entry.js' } } },
    });
    await builder.buildApp();
    vi.unstubAllEnvs();
    expect(folders).toEqual([[expect.stringContaining('unplugin-quantize-')], folders[0]]);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
    const dist = join(root, 'dist');
    const files = listFiles(dist).filter((file) => file.endsWith('.onnx'));
    expect(files.map((file) => file.split('/')[0])).toEqual(['client', 'server']);
    expect(files[0]!.split('/').at(-1)).toBe(files[1]!.split('/').at(-1));
    expect(lines.filter((line) => line.includes('→'))).toHaveLength(1);
    const { default: model } = await importBuilt<{ default: QuantizedModel }>(join(dist, 'server/entry.js'));
    const client = listFiles(dist).find((file) => /^client\/assets\/.*\.js$/.test(file))!;
    expect(readFileSync(join(dist, client), 'utf8')).toContain(model.hash);
    expect(JSON.stringify(withoutUrls(model))).toContain('"format":"int8"');
  });
});
