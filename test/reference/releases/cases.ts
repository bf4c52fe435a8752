import { makeNode } from '../../../packages/unplugin-quantize/src/graph/index.ts';
import type { Tensor } from '../../../packages/unplugin-quantize/src/onnx/index.ts';
import type { QuantizeOptions } from '../../../packages/unplugin-quantize/src/quantize/index.ts';
import { buildBytes, floats, type ModelParts } from '../../support/build-model.ts';
import { quantizeStatic } from '../../support/min-max-statistics.ts';
import { quantize } from '../../support/quantize-model.ts';
import { longs, seededFloats, type Feeds } from '../../support/run-model.ts';

/** A small artefact that tells which releases run a format or a version of the standard. */
export interface Case {
  name: string;
  bytes: Uint8Array;
  feeds: Feeds;
  /** What the table of the package says. */
  minOnnxruntime: string;
}

interface Source {
  parts: ModelParts;
  feeds: Feeds;
}

const WIDTH = 128;
const x = { x: `float32[N,${WIDTH}]` };
const rows = { x: seededFloats([3, WIDTH]) };
const matrix = (dims = [WIDTH, WIDTH]): Tensor => floats(dims, [...(seededFloats(dims, 7).data as Float32Array)].map((value) => value / 8));

/** Each has the operators of one kind of weight, so that they are told apart. */
const SOURCES: Record<string, Source> = {
  product: { parts: { nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: matrix() }, inputs: x, outputs: { y: 'float32' } }, feeds: rows },
  layer: {
    parts: { nodes: [makeNode('Gemm', ['x', 'w', 'b'], ['h'], { transB: 1n }), makeNode('Softmax', ['h'], ['y'])], initializers: { w: matrix(), b: matrix([WIDTH]) }, inputs: x, outputs: { y: 'float32' } },
    feeds: rows,
  },
  embedding: { parts: { nodes: [makeNode('Gather', ['w', 'ids'], ['y'])], initializers: { w: matrix() }, inputs: { ids: 'int64[N]' }, outputs: { y: 'float32' } }, feeds: { ids: longs([3], [0, 5, 127]) } },
  'large embedding': {
    parts: { nodes: [makeNode('Gather', ['w', 'ids'], ['y'])], initializers: { w: matrix([8192, WIDTH]) }, inputs: { ids: 'int64[N]' }, outputs: { y: 'float32' } },
    feeds: { ids: longs([3], [0, 5, 8191]) },
  },
  'tied embedding': {
    parts: {
      nodes: [makeNode('Gather', ['w', 'ids'], ['h']), makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['h', 't'], ['y'])],
      initializers: { w: matrix() }, inputs: { ids: 'int64[N]' }, outputs: { y: 'float32' },
    },
    feeds: { ids: longs([3], [0, 5, 127]) },
  },
  convolution: {
    parts: {
      nodes: [makeNode('Conv', ['x', 'w', 'b'], ['c'], { pads: [1, 1, 1, 1] }), makeNode('Relu', ['c'], ['r']), makeNode('MaxPool', ['r'], ['y'], { kernel_shape: [2, 2], strides: [2, 2] })],
      initializers: { w: matrix([32, 16, 3, 3]), b: matrix([32]) }, inputs: { x: 'float32[N,16,8,8]' }, outputs: { y: 'float32' },
    },
    feeds: { x: seededFloats([1, 16, 8, 8]) },
  },
  recurrence: {
    parts: {
      nodes: [makeNode('LSTM', ['x', 'w', 'r'], ['', 'y'], { hidden_size: 32n })],
      initializers: { w: matrix([1, 128, 32]), r: matrix([1, 128, 32]) }, inputs: { x: 'float32[S,N,32]' }, outputs: { y: 'float32' },
    },
    feeds: { x: seededFloats([5, 2, 32]) },
  },
};

const FORMATS: readonly [source: string, options: Partial<QuantizeOptions>][] = [
  ...(['product', 'layer', 'convolution'] as const).flatMap((source): [string, Partial<QuantizeOptions>][] => [
    [source, { format: 'int8-storage' }], [source, { format: 'int4-storage' }], [source, { format: 'fp16' }], [source, { format: 'fp16-storage' }],
    [source, { format: 'int8-static' }], [source, { format: 'int8-static', activations: 's8' }], [source, { format: 'int8-static', perChannel: false }],
  ]),
  ['product', { format: 'int8-dynamic' }], ['layer', { format: 'int8-dynamic' }], ['embedding', { format: 'int8-dynamic' }],
  ['convolution', { format: 'int8-dynamic', ops: ['Conv'] }], ['recurrence', { format: 'int8-dynamic', ops: ['LSTM'] }],
  ['embedding', { format: 'int8-storage' }], ['large embedding', { format: 'int4-storage' }], ['recurrence', { format: 'int8-storage' }],
  ...(['product', 'layer', 'embedding', 'tied embedding'] as const).flatMap((source) => (['int4', 'int4-fp16', 'int8-weight'] as const).flatMap((format) =>
    [false, true].map((symmetric): [string, Partial<QuantizeOptions>] => [source, { format, symmetric, mixed: [] }]))),
];

/** Formats are judged in the oldest opset that all their own operators need, and in one that is common. */
const OPSETS = [13, 17];
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const identity = (more: Partial<ModelParts>): Source => ({ parts: { nodes: [makeNode('Identity', ['x'], ['y'])], inputs: x, outputs: { y: 'float32' }, ...more }, feeds: rows });

/** Artefacts of all formats, and models of each opset and IR version. */
export async function* makeCases(): AsyncGenerator<Case> {
  for (const opset of range(9, 25)) yield { name: `opset ${opset}`, ...plain(identity({ opset, ir: 4 })) };
  // No release up to 1.30 reads 14.
  for (const ir of range(3, 13)) yield { name: `IR ${ir}`, ...plain(identity({ opset: 9, ir })) };
  // Kernels of an opset's operators have come later than the opset.
  const wanted = [
    ...FORMATS.flatMap(([source, options]) => OPSETS.map((opset) => ({ source, options, opset }))),
    ...['layer', 'convolution', 'recurrence'].flatMap((source) => range(19, 25).map((opset) => ({ source, options: { format: 'int8-storage' as const }, opset }))),
  ];
  for (const { source, options, opset } of wanted) {
    const { parts, feeds } = SOURCES[source]!;
    const bytes = buildBytes({ ...parts, opset, ir: 7 });
    const made = options.format === 'int8-static' ? await quantizeStatic(bytes, [feeds], options) : quantize(bytes, options);
    if (made.format !== options.format) throw new Error(`${source} does not become ${options.format}: ${made.notes.join(' ')}`);
    yield { name: caseName(source, opset, options), bytes: made.bytes, feeds, minOnnxruntime: made.minOnnxruntime };
  }
}

function plain({ parts, feeds }: Source): Omit<Case, 'name'> {
  const { bytes, minOnnxruntime } = quantize(buildBytes(parts), { format: 'none' });
  return { bytes, feeds, minOnnxruntime };
}

function caseName(source: string, opset: number, { format, ...options }: Partial<QuantizeOptions>): string {
  const others = Object.entries(options).filter(([key]) => key !== 'mixed');
  return [`${format} ${source}`, ...others.map(([key, value]) => `${key} ${String(value)}`), `opset ${opset}`].join(', ');
}
