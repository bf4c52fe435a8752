// What the project set out for: size, accuracy, time and memory of four models, float32 beside what they become.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, ROOT, run, step } from '../scripts/setup.mjs';
import { shared, sourceOf, work } from './lib/models.mjs';
import { askPython } from './lib/python.mjs';

const CLI = join(PACKAGE, 'dist/cli/main.js');

const tokens = (length) => ({ input_ids: { value: 2000, type: 'BigInt64Array', dims: [1, length] }, attention_mask: { value: 1, type: 'BigInt64Array', dims: [1, length] } });

/** `data` is labelled data to score on, `feeds` what is timed; without either only the size is told. */
const MODELS = [
  { model: 'bert-base', name: 'BERT-base, random weights', formats: ['float32', 'int8', 'fp16'], feeds: tokens(128) },
  { model: 'sst-minilm', name: 'sentiment classifier (MiniLM), SST-2', formats: ['float32', 'int8'], data: 'sst2', feeds: tokens(64) },
  {
    model: 'mobilenetv2-cifar10', name: 'MobileNetV2, CIFAR-10', formats: ['float32', 'int8', 'int8-static'], data: 'cifar10',
    feeds: { image: { value: 0.5, type: 'Float32Array', dims: [16, 3, 32, 32] } }, samples: { 'int8-static': 'bench/lib/cifar10-samples.mjs' },
  },
  { model: 'pythia-410m', name: 'pythia-410m, random weights', formats: ['float32', 'fp16', 'int8'] },
];

const fixed = (digits) => (value) => value.toFixed(digits);
const megabytes = (value) => `${(value / 1e6).toFixed(2)} MB`;
const COLUMNS = [
  { key: 'name', head: 'model' }, { key: 'format', head: 'format' }, { key: 'bytes', head: 'on disk', show: megabytes }, { key: 'ratio', head: 'of float32', show: (value) => `${(100 * value).toFixed(1)} %` },
  { key: 'score', head: 'accuracy', show: (value) => `${value.toFixed(2)} %` },
  { key: 'ms', head: 'ms', show: fixed(2) }, { key: 'p95', head: 'p95 ms', show: fixed(2) },
  { key: 'time', head: 'time of float32 (95 %)', show: ({ ratio, low, high }) => `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})` },
  { key: 'load', head: 'load ms', show: fixed(0) }, { key: 'memory', head: 'memory', show: megabytes },
];

export function bench(only) {
  if (!existsSync(shared)) throw new Error('The models and data for this benchmark are not here.');
  mkdirSync(work, { recursive: true });
  const chosen = MODELS.filter(({ model }) => only.length === 0 || only.some((word) => model.includes(word)));
  return {
    title: 'Size, accuracy, time and memory',
    notes: [
      'Time, load and memory by `unplugin-quantize bench`: onnxruntime-node, one thread, models in turn, each in a process of its own; medians, and the ratio of times round by round with its 95 % interval.',
      'One run is 128 tokens (BERT), 64 tokens (sentiment), 16 pictures (MobileNetV2). Memory is what the process holds at most beyond an idle engine. Accuracy by bench/python/score.py on all labelled samples.',
    ],
    columns: COLUMNS,
    cases: MODELS.flatMap(({ model, formats }) => formats.map((format) => ({ model, format }))),
    identity: ['model', 'format'],
    rows: chosen.flatMap(measure),
  };
}

function measure({ model, name, formats, data, feeds, samples = {} }) {
  const source = sourceOf(model);
  const files = formats.map((format) => (format === 'float32' ? source : quantize(source, model, format, samples[format])));
  const sizes = files.map((file) => statSync(file).size);
  const { scores = [] } = data === undefined ? {} : askPython('score.py', data, join(shared, 'data', data), ...files);
  const timed = feeds === undefined ? [] : timeAll(model, files, feeds);
  return formats.map((format, i) => ({ model, name, format, bytes: sizes[i], ratio: sizes[i] / sizes[0], ...(scores[i] !== undefined && { score: scores[i] }), ...timed[i] }));
}

function quantize(source, model, format, samples) {
  step(`${model} as ${format}`);
  const out = join(work, `${model}.seed-${format}.onnx`);
  const calibration = samples === undefined ? [] : ['--calibration', join(ROOT, samples), '--samples', '128', '--no-compare'];
  run(process.execPath, [CLI, 'quantize', source, '-o', out, '--format', format, '--no-verify', ...calibration], { quiet: true });
  return out;
}

function timeAll(model, files, feeds) {
  step(`${model} in turn`);
  const path = join(work, `${model}.feeds.mjs`);
  const entries = Object.entries(feeds).map(([name, { value, type, dims }]) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return `${name}: { data: new ${type}(${count}).fill(${type.startsWith('Big') ? `${value}n` : value}), dims: ${JSON.stringify(dims)} }`;
  });
  writeFileSync(path, `export default [{ ${entries.join(', ')} }]\n`);
  const result = spawnSync(process.execPath, [CLI, 'bench', ...files, '--samples', path, '--threads', '1', '--seconds', '15', '--json'], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`bench failed:\n${result.stderr}`);
  return JSON.parse(result.stdout).models.map(({ median, p95, load, modelMemory, ratio }) => ({ ms: median, p95, load, memory: modelMemory, ...(ratio !== null && { time: ratio.latency }) }));
}
