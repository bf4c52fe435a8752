// The runtime on a machine with a GPU: CUDA, WebGPU in onnxruntime-node and in Chromium, beside the CPU.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import * as ort from 'onnxruntime-node';
import quantize from 'unplugin-quantize/esbuild';
import { ROOT, run, step } from '../scripts/setup.mjs';
import { HARDWARE_GPU, withPage } from './lib/chromium.mjs';
import { feedsOf } from './lib/gpu-feeds.mjs';

const require = createRequire(import.meta.url);
const shared = join(ROOT, '../shared/models');
const SOURCES = {
  mobilenet: join(shared, 'mobilenetv2-cifar10.onnx'),
  sst: join(shared, 'sst-minilm.onnx'),
  charlm: join(shared, 'charlm.onnx'),
  vad: join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist/silero_vad_v5.onnx'),
};
const common = createRequire(require.resolve('onnxruntime-node')).resolve('onnxruntime-common');
const work = join(ROOT, 'bench/.cache/gpu');

const IN_NODE = { auto: [[], ['cpu'], ['webgpu'], ['webgpu', 'cpu']], 'int8': [['cuda']], 'int8-storage': [['cuda']] };
const IN_CHROMIUM = [[], ['wasm']];

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'model', head: 'model' }, { key: 'where', head: 'in' }, { key: 'choice', head: '`format`' }, { key: 'asked', head: '`backends`' },
  { key: 'backend', head: 'backend' }, { key: 'format', head: 'format' }, { key: 'createdMs', head: 'created ms', show: fixed(0) },
  { key: 'ms', head: 'ms', show: fixed(2) }, { key: 'difference', head: 'largest difference', show: fixed(4) }, { key: 'told', head: 'what was told' },
];

export async function bench() {
  const missing = Object.values(SOURCES).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`${missing.join(', ')}: not there`);
  mkdirSync(work, { recursive: true });
  for (const [name, path] of Object.entries(SOURCES)) copyFileSync(path, join(work, `${name}.onnx`));
  for (const file of ['rows.mjs', 'node.mjs', 'page.mjs']) copyFileSync(join(ROOT, 'bench/gpu', file), join(work, file));
  writeFileSync(join(work, 'references.json'), JSON.stringify(await references()));
  const rows = [];
  for (const [choice, lists] of Object.entries(IN_NODE)) rows.push(...(await inNode(choice, lists)));
  rows.push(...(await inChromium()));
  return {
    title: 'On a GPU',
    notes: [
      `onnxruntime-node ${ort.env.versions.node} and Chromium on a machine with ${gpuName()}. \`created ms\`: download or reading, session and canary; the first session of a process on a backend starts the driver. ms: median of 50 runs`,
      '(MobileNetV2: batch 16; sst-minilm: 8 x 64 tokens; charlm: 64 characters; Silero: 512 values). Largest difference: of the first output to what the source gives on the CPU.',
    ],
    columns: COLUMNS,
    rows: rows.sort((a, b) => order(a) - order(b)),
  };
}

const order = ({ model }) => Object.keys(SOURCES).indexOf(model);

function gpuName() {
  try {
    return execFileSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { encoding: 'utf8' }).trim();
  } catch {
    return 'no NVIDIA GPU';
  }
}

async function references() {
  const found = {};
  for (const [name, path] of Object.entries(SOURCES)) {
    const session = await ort.InferenceSession.create(path);
    found[name] = [...(await session.run(feedsOf(name, ort.Tensor)))[session.outputNames[0]].data];
    await session.release();
  }
  return found;
}

async function inNode(choice, lists) {
  step(`Node, ${choice}`);
  const folder = join(work, `node-${choice}`);
  await buildApp('node.mjs', folder, { platform: 'node', external: ['onnxruntime-node', 'onnxruntime-web'] }, { format: choice === 'auto' ? choice : { 'node-cuda': choice }, targets: ['webgpu', 'node', 'node-cuda'] });
  const path = join(folder, 'rows.json');
  run(process.execPath, [join(folder, 'node.mjs'), path, JSON.stringify(lists)]);
  return JSON.parse(readFileSync(path, 'utf8')).map((row) => ({ ...row, where: 'Node', choice }));
}

async function inChromium() {
  step('Chromium, auto');
  const folder = join(work, 'page');
  await buildApp('page.mjs', folder, { platform: 'browser', splitting: true }, { format: 'auto', targets: ['webgpu', 'wasm'] });
  const rows = await withPage((name) => join(folder, name), (page) => page.evaluate(async (lists) => (await import('/page.mjs')).rowsOf(lists), IN_CHROMIUM), HARDWARE_GPU);
  return rows.map((row) => ({ ...row, where: 'Chromium', choice: 'auto' }));
}

async function buildApp(entry, folder, options, plugin) {
  rmSync(folder, { recursive: true, force: true });
  await build({ entryPoints: [join(work, entry)], bundle: true, format: 'esm', outdir: folder, outExtension: { '.js': '.mjs' }, alias: { 'onnxruntime-common': common }, logLevel: 'error', ...options, plugins: [quantize(plugin)] });
}
