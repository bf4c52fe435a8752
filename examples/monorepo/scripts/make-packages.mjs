// Made the packages: each a model of one product, [1, 32] to [1, 32], with weights of its own. Real packages have real models here.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAMES = [
  'captions', 'depth', 'detection', 'digits', 'emotion', 'faces', 'gestures', 'intent', 'keywords', 'language',
  'layout', 'noise', 'pose', 'ranking', 'segments', 'sentiment', 'speech', 'spelling', 'topics', 'toxicity',
];
const WIDTH = 32;
const FLOAT32 = 1;

NAMES.forEach((name, seed) => {
  const folder = join(import.meta.dirname, '../packages', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.onnx'), model(seed));
  const scripts = { build: 'unplugin-quantize quantize model.onnx -o model.int8.onnx --json quantize-report.json' };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: `@models/${name}`, version: '1.0.0', private: true, type: 'module', license: 'MIT', exports: { './model.onnx': './model.int8.onnx' }, scripts }, null, 2)}\n`);
});

/** A ModelProto (onnx.proto): IR version 8, one graph, operators of version 17. */
function model(seed) {
  const weights = Float32Array.from({ length: WIDTH * WIDTH }, (_, i) => Math.sin((i + 1) * (seed + 1)));
  const node = message(text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul'));
  const tensor = message(number(1, WIDTH), number(1, WIDTH), number(2, FLOAT32), text(8, 'w'), bytes(9, new Uint8Array(weights.buffer)));
  const graph = message(bytes(1, node), text(2, 'graph'), bytes(5, tensor), bytes(11, value('x')), bytes(12, value('y')));
  return message(number(1, 8), bytes(7, graph), bytes(8, message(number(2, 17))));
}

/** A ValueInfoProto of float32[1, WIDTH]. */
function value(name) {
  const shape = message(...[1, WIDTH].map((size) => bytes(1, message(number(1, size)))));
  return message(text(1, name), bytes(2, message(bytes(1, message(number(1, FLOAT32), bytes(2, shape))))));
}

function message(...fields) {
  return Uint8Array.from(fields.flat());
}

function number(field, value) {
  return [field << 3, ...varint(value)];
}

function text(field, value) {
  return bytes(field, Buffer.from(value));
}

function bytes(field, value) {
  return [(field << 3) | 2, ...varint(value.length), ...value];
}

function varint(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
