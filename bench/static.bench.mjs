// Static INT8 beside onnxruntime.quantization: time, memory, size, accuracy, speed; and what `int8` picks beside float32 in WebAssembly.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, ROOT, step } from '../scripts/setup.mjs';
import { measurePair } from './lib/measure.mjs';
import { askPython, ensurePython } from './lib/python.mjs';

const shared = join(ROOT, '../shared');
const work = join(ROOT, 'bench/.cache');
const CLI = join(PACKAGE, 'dist/cli/main.js');

const CASES = [
  { model: 'mobilenetv2-cifar10', method: 'minmax', set: 'cifar10', samples: 'bench/lib/cifar10-samples.mjs' },
  { model: 'mobilenetv2-cifar10', method: 'entropy', set: 'cifar10', samples: 'bench/lib/cifar10-samples.mjs' },
  { model: 'mobilenetv2-cifar10', method: undefined, set: 'cifar10', samples: 'bench/lib/cifar10-samples.mjs' },
  { model: 'sst-minilm', method: undefined, set: 'sst2', samples: '../shared/data/sst2/calib.tsv', runs: 1 },
];
const SAMPLES = 128;

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'model', head: 'model' }, { key: 'method', head: 'ranges by' },
  { key: 'wall', head: 'wall s', show: fixed(2) }, { key: 'peerWall', head: 'peer s', show: fixed(2) }, { key: 'wallRatio', head: 'ratio', show: fixed(2) },
  { key: 'rss', head: 'peak RSS MB', show: fixed(0) }, { key: 'peerRss', head: 'peer MB', show: fixed(0) }, { key: 'rssRatio', head: 'ratio', show: fixed(2) },
  { key: 'bytes', head: 'bytes' }, { key: 'peerBytes', head: 'peer bytes' },
  { key: 'score', head: 'score', show: fixed(2) }, { key: 'peerScore', head: 'peer score', show: fixed(2) }, { key: 'sourceScore', head: 'fp32 score', show: fixed(2) },
  { key: 'ms', head: 'ms', show: fixed(2) }, { key: 'peerMs', head: 'peer ms', show: fixed(2) }, { key: 'sourceMs', head: 'fp32 ms', show: fixed(2) },
];

export function bench(only) {
  if (!existsSync(shared)) throw new Error('The models and data for this benchmark are not here.');
  mkdirSync(work, { recursive: true });
  const rows = CASES.filter(({ model, method = 'default' }) => only.length === 0 || only.some((word) => `${model} ${method}`.includes(word))).map(measure);
  return {
    title: 'Static INT8 beside onnxruntime.quantization',
    notes: [
      `Both calibrate on the same ${SAMPLES} samples, which are none of those that are scored: whole processes, run in turn after a warm-up; medians, and the median of the ratios pair by pair.`,
      'Peer: onnxruntime.quantization 1.32 as QDQ, u8s8, per channel, after quant_pre_process; where ranges are chosen by default, its default is min-max. Neither side compares or checks its output.',
      'Scores: accuracy on CIFAR-10 and SST-2 in per cent. ms: one inference on the CPU, one thread (16 pictures; 64 tokens).',
    ],
    columns: COLUMNS,
    cases: CASES.map(({ model, method = 'default' }) => ({ model, method })),
    identity: ['model', 'method'],
    rows,
  };
}

function measure({ model, method, set, samples, runs = 5 }) {
  const source = join(shared, 'models', `${model}.onnx`);
  const [ours, theirs] = ['', '.peer'].map((suffix) => join(work, `${model}.static-${method ?? 'default'}${suffix}.onnx`));
  step(`${model} int8-static ${method ?? ''}`);
  const figures = measurePair(
    [process.execPath, CLI, 'quantize', source, '-o', ours, '--format', 'int8-static', ...(method === undefined ? [] : ['--calibration-method', method]),
      '--calibration', join(ROOT, samples), '--samples', String(SAMPLES), '--no-verify', '--no-compare'],
    [ensurePython(), join(ROOT, 'bench/python/quantize_static.py'), set, join(shared, 'data', set), method ?? 'minmax', String(SAMPLES), source, theirs],
    runs,
  );
  const { scores, ms } = askPython('score.py', set, join(shared, 'data', set), ours, theirs, source);
  return {
    model, method: method ?? 'default', ...figures, bytes: statSync(ours).size, peerBytes: statSync(theirs).size,
    score: scores[0], peerScore: scores[1], sourceScore: scores[2], ms: ms[0], peerMs: ms[1], sourceMs: ms[2],
  };
}
