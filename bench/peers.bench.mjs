// Time, memory, size and accuracy of each format beside the Python tool that makes the same.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, ROOT, step } from '../scripts/setup.mjs';
import { measurePair } from './lib/measure.mjs';
import { askPython, ensurePython } from './lib/python.mjs';

const shared = join(ROOT, '../shared');
const work = join(ROOT, 'bench/.cache');
const CLI = join(PACKAGE, 'dist/cli/main.js');

/** `peer` is the mode of python/quantize.py that makes the same; `data` the labelled data to score on. */
const CASES = [
  { model: 'sst-minilm', format: 'int8-dynamic', peer: 'dynamic-int8', data: ['sst2', 'data/sst2'] },
  { model: 'charlm', format: 'int8-dynamic', peer: 'dynamic-int8', data: ['charlm', 'data/charlm'] },
  { model: 'mobilenetv2-cifar10', format: 'int8-dynamic', ops: 'MatMul,Gemm,Gather,Conv', peer: 'dynamic-int8', data: ['cifar10', 'data/cifar10'] },
  { model: 'mobilenetv2-cifar10', format: 'fp16', peer: 'fp16', data: ['cifar10', 'data/cifar10'] },
  { model: 'bert-base', format: 'int8-dynamic', peer: 'dynamic-int8', runs: 3 },
  { model: 'bert-base', format: 'fp16', peer: 'fp16', runs: 3 },
  { model: 'pythia-410m', format: 'int8-dynamic', peer: 'dynamic-int8', runs: 1 },
  { model: 'pythia-410m', format: 'fp16', peer: 'fp16', runs: 1 },
];

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'model', head: 'model' }, { key: 'format', head: 'format' },
  { key: 'wall', head: 'wall s', show: fixed(2) }, { key: 'peerWall', head: 'peer s', show: fixed(2) }, { key: 'wallRatio', head: 'ratio', show: fixed(2) },
  { key: 'rss', head: 'peak RSS MB', show: fixed(0) }, { key: 'peerRss', head: 'peer MB', show: fixed(0) }, { key: 'rssRatio', head: 'ratio', show: fixed(2) },
  { key: 'bytes', head: 'bytes' }, { key: 'peerBytes', head: 'peer bytes' },
  { key: 'score', head: 'score', show: fixed(4) }, { key: 'peerScore', head: 'peer score', show: fixed(4) }, { key: 'sourceScore', head: 'fp32 score', show: fixed(4) },
  { key: 'ms', head: 'ms', show: fixed(2) }, { key: 'peerMs', head: 'peer ms', show: fixed(2) }, { key: 'sourceMs', head: 'fp32 ms', show: fixed(2) },
];

export function bench(only) {
  if (!existsSync(shared)) throw new Error('The models and data for this benchmark are not here.');
  mkdirSync(work, { recursive: true });
  const rows = CASES.filter(({ model, format }) => only.length === 0 || only.some((word) => `${model} ${format}`.includes(word))).map(measure);
  return {
    title: 'Beside the Python tools',
    notes: [
      'Whole processes, run in turn after a warm-up; medians, and the median of the ratios pair by pair. Peak RSS is that of the largest process.',
      'Peer: onnxruntime.quantization 1.32 (per-tensor, its default) and onnxconverter-common 1.16. Neither side checks its output in an engine.',
      'Scores: SST-2 and CIFAR-10 accuracy in per cent, character perplexity. ms: one inference on the CPU, one thread.',
    ],
    columns: COLUMNS,
    rows,
  };
}

function measure({ model, format, ops, peer, data, runs = 5 }) {
  const source = sourceOf(model);
  const [ours, theirs] = [join(work, `${model}.${format}.onnx`), join(work, `${model}.${format}.peer.onnx`)];
  step(`${model} ${format}`);
  const figures = measurePair(
    [process.execPath, CLI, 'quantize', source, '-o', ours, '--format', format, ...(ops === undefined ? [] : ['--ops', ops]), '--no-verify'],
    [ensurePython(), join(ROOT, 'bench/python/quantize.py'), peer, source, theirs],
    runs,
  );
  const row = { model, format, ...figures, bytes: statSync(ours).size, peerBytes: statSync(theirs).size };
  if (data === undefined) return row;
  const { scores, ms } = askPython('score.py', data[0], join(shared, data[1]), ours, theirs, source);
  return { ...row, score: scores[0], peerScore: scores[1], sourceScore: scores[2], ms: ms[0], peerMs: ms[1], sourceMs: ms[2] };
}

/** A model of the shared folder, or a skeleton filled with seeded values once. */
function sourceOf(model) {
  const real = join(shared, 'models', `${model}.onnx`);
  if (existsSync(real)) return real;
  const filled = join(work, `${model}.onnx`);
  if (!existsSync(filled)) askPython('expand.py', join(shared, 'models/skeletons', `${model}.onnx`), filled);
  return filled;
}
