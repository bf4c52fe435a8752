// Size and accuracy of every format on the models with labelled data.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, ROOT, run, step } from '../scripts/setup.mjs';
import { askPython, ensurePython } from './lib/python.mjs';

const shared = join(ROOT, '../shared');
const work = join(ROOT, 'bench/.cache/formats');
const CLI = join(PACKAGE, 'dist/cli/main.js');
const FORMATS = ['none', 'int8', 'int8-dynamic', 'int8-storage', 'int8-weight', 'int4', 'int4-storage', 'fp16', 'fp16-storage'];
const MODELS = [['sst-minilm', 'sst2'], ['charlm', 'charlm'], ['mobilenetv2-cifar10', 'cifar10']];

export function bench() {
  if (!existsSync(shared)) throw new Error('The models and data for this benchmark are not here.');
  ensurePython();
  mkdirSync(work, { recursive: true });
  return {
    title: 'Formats',
    notes: ['Score: accuracy in per cent on SST-2 and CIFAR-10 (more is better), perplexity of the character model (less is better). ms: one inference on the CPU, one thread.'],
    columns: [
      { key: 'model', head: 'model' }, { key: 'format', head: 'format' }, { key: 'bytes', head: 'bytes' },
      { key: 'score', head: 'score', show: (value) => value.toFixed(4) }, { key: 'ms', head: 'ms', show: (value) => value.toFixed(1) },
    ],
    rows: MODELS.flatMap(([model, kind]) => rowsOf(model, kind)),
  };
}

function rowsOf(model, kind) {
  step(model);
  const files = FORMATS.map((format) => {
    const out = join(work, `${model}.${format}.onnx`);
    run(process.execPath, [CLI, 'quantize', join(shared, 'models', `${model}.onnx`), '-o', out, '--format', format, '--no-verify'], { quiet: true });
    return out;
  });
  const { scores, ms } = askPython('score.py', kind, join(shared, 'data', kind), ...files);
  return FORMATS.map((format, i) => ({ model, format, bytes: statSync(files[i]).size, score: scores[i], ms: ms[i] }));
}
