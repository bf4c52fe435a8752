// Made the packages: each a model of one product, [1, 32] to [1, 32], with weights of its own. Real packages have real models here.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tinyModel } from './tiny-model.mjs';

const NAMES = [
  'captions', 'depth', 'detection', 'digits', 'emotion', 'faces', 'gestures', 'intent', 'keywords', 'language',
  'layout', 'noise', 'pose', 'ranking', 'segments', 'sentiment', 'speech', 'spelling', 'topics', 'toxicity',
];

NAMES.forEach((name, seed) => {
  const folder = join(import.meta.dirname, '../packages', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.onnx'), tinyModel(seed));
  const scripts = { build: 'unplugin-quantize quantize model.onnx -o model.int8.onnx --json quantize-report.json' };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: `@models/${name}`, version: '1.0.0', private: true, type: 'module', license: 'MIT', exports: { './model.onnx': './model.int8.onnx' }, scripts }, null, 2)}\n`);
});
