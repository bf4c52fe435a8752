// Time, memory, size and accuracy of each format beside the Python tool that makes the same.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, ROOT, step } from '../scripts/setup.mjs';
import { measurePair, peakMemory } from './lib/measure.mjs';
import { shared, sourceOf, work } from './lib/models.mjs';
import { askPython, ensurePython } from './lib/python.mjs';

const CLI = join(PACKAGE, 'dist/cli/main.js');

const SST = ['sst2', 'data/sst2'];
const CHARS = ['charlm', 'data/charlm'];
const CIFAR = ['cifar10', 'data/cifar10'];

/**
 * `peer` is the mode of python/quantize.py that makes the same, absent where no tool does; `data` the labelled data to score on; `sessions`
 * measures what making a session takes.
 */
const CASES = [
  { model: 'sst-minilm', format: 'int8-dynamic', peer: 'dynamic-int8', data: SST },
  { model: 'charlm', format: 'int8-dynamic', peer: 'dynamic-int8', data: CHARS },
  { model: 'mobilenetv2-cifar10', format: 'int8-dynamic', ops: 'MatMul,Gemm,Gather,Conv', peer: 'dynamic-int8', data: CIFAR },
  { model: 'mobilenetv2-cifar10', format: 'fp16', peer: 'fp16', data: CIFAR },
  { model: 'mobilenetv2-cifar10', format: 'int8', data: CIFAR },
  { model: 'sst-minilm', format: 'int4', peer: 'int4-embedding', data: SST, sessions: true },
  { model: 'charlm', format: 'int4', peer: 'int4-embedding', data: CHARS },
  { model: 'sst-minilm', format: 'int4-storage', data: SST, sessions: true },
  { model: 'charlm', format: 'int4-storage', data: CHARS },
  { model: 'sst-minilm', format: 'int8-weight', data: SST, sessions: true },
  { model: 'charlm', format: 'int8-weight', data: CHARS },
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
  { key: 'nodeRss', head: 'session MB', show: fixed(0) }, { key: 'nodeSourceRss', head: 'fp32 MB', show: fixed(0) },
  { key: 'wasmRss', head: 'WASM session MB', show: fixed(0) }, { key: 'wasmSourceRss', head: 'fp32 MB', show: fixed(0) },
];

export function bench(only) {
  if (!existsSync(shared)) throw new Error('The models and data for this benchmark are not here.');
  mkdirSync(work, { recursive: true });
  const rows = CASES.filter(({ model, format }) => only.length === 0 || only.some((word) => `${model} ${format}`.includes(word))).map(measure);
  return {
    title: 'Beside the Python tools',
    notes: [
      'Whole processes, run in turn after a warm-up; medians, and the median of the ratios pair by pair. Peak RSS is that of the largest process.',
      'Peer: onnxruntime.quantization 1.32 (per-tensor, its default; for int4 its MatMulNBitsQuantizer on MatMul and Gather, zero points, blocks',
      'of 32) and onnxconverter-common 1.16; no peer where they have no such format. Neither side checks its output in an engine.',
      'Scores: SST-2 and CIFAR-10 accuracy in per cent, character perplexity. ms: one inference on the CPU, one thread.',
      'Session: peak RSS of a process that makes a session from the file\'s bytes, in onnxruntime-node and in onnxruntime-web\'s WASM in Node.',
      'A row holds the figures of one run, both sides of it; `npm run bench -- peers WORD` measures the rows anew whose model or format has the word and keeps the others.',
    ],
    columns: COLUMNS,
    cases: CASES,
    identity: ['model', 'format'],
    rows,
  };
}

function measure({ model, format, ops, peer, data, sessions = false, runs = 5 }) {
  const source = sourceOf(model);
  const [ours, theirs] = [join(work, `${model}.${format}.onnx`), join(work, `${model}.${format}.peer.onnx`)];
  step(`${model} ${format}`);
  const figures = measurePair(
    [process.execPath, CLI, 'quantize', source, '-o', ours, '--format', format, ...(ops === undefined ? [] : ['--ops', ops]), '--no-verify'],
    peer === undefined ? undefined : [ensurePython(), join(ROOT, 'bench/python/quantize.py'), peer, source, theirs],
    runs,
  );
  return {
    model, format, ...figures, bytes: statSync(ours).size, ...(peer !== undefined && { peerBytes: statSync(theirs).size }),
    ...(data !== undefined && scored(data, { '': ours, ...(peer !== undefined && { peer: theirs }), source })),
    ...(sessions && sessionMemory({ '': ours, Source: source })),
  };
}

/** Score and ms of each file, in columns that begin with its key. */
function scored([kind, folder], files) {
  const { scores, ms } = askPython('score.py', kind, join(shared, folder), ...Object.values(files));
  return Object.fromEntries(Object.keys(files).flatMap((key, i) => [[columnOf(key, 'score'), scores[i]], [columnOf(key, 'ms'), ms[i]]]));
}

function columnOf(prefix, name) {
  return prefix === '' ? name : `${prefix}${name[0].toUpperCase()}${name.slice(1)}`;
}

function sessionMemory(files) {
  return Object.fromEntries(['node', 'wasm'].flatMap((engine) => Object.entries(files).map(([key, file]) => [`${engine}${key}Rss`, peakMemory(engine, file)])));
}
