import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildModel, floats, ints } from '../../../../test/support/build-model.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { reread, runModel } from '../../../../test/support/run-model.ts';
import { HALF_OPS, makeNode, type AttributeValue } from '../graph/index.ts';
import type { Tensor } from '../onnx/index.ts';

describe('operators that are computed in half precision', () => {
  const schemas: Record<string, Record<string, (number | string)[]>> = JSON.parse(readFileSync(new URL('../../../../test/reference/quantize/half_ops.json', import.meta.url), 'utf8'));

  it.each([...HALF_OPS])('%s may be in every version of the standard', (op, kept) => {
    expect(schemas).toHaveProperty(op);
    // What the standard wants in float32 stays float32.
    for (const fixed of Object.values(schemas[op]!)) expect(kept).toEqual(expect.arrayContaining(fixed));
  });

  interface Example {
    inputs?: string[];
    attributes?: Record<string, AttributeValue>;
    initializers?: Record<string, Tensor>;
    opset?: number;
  }

  const x = 'x';
  const vector = (...values: number[]): Tensor => floats([values.length], values);
  const image = (channels: number, size: number): Tensor => floats([2, channels, size, size], Array.from({ length: 2 * channels * size * size }, (_, i) => ((i * 7) % 11) / 8 - 0.5));
  const two = { inputs: [x, x] };
  const reshaped = { inputs: [x, 's'], initializers: { s: ints([2], [2, -1]) } };
  const normalization = { inputs: [x, 'a', 'b', 'a', 'c'], initializers: { a: vector(0.5, 1), b: vector(1, -1), c: vector(1, 2) } };
  /** x is float32 [1, 2, 4, 4] of multiples of 1/8 between -1 and 1. */
  const examples: Record<string, Example> = {
    Conv: { inputs: [x, 'w'], initializers: { w: image(2, 3) } }, ConvTranspose: { inputs: [x, 'w'], initializers: { w: image(2, 3) } },
    MatMul: two, Gemm: { inputs: ['m', 'm', 'm'], initializers: { m: floats([2, 2], [1, 2, 3, 4]) } },
    Add: two, Sub: { inputs: [x, 'c'], initializers: { c: vector(0.25) } }, Mul: two, Div: { inputs: [x, 'c'], initializers: { c: vector(0.25) } },
    PRelu: { inputs: [x, 'c'], initializers: { c: vector(0.25) } }, Gelu: { opset: 20 }, Mish: { opset: 18 }, HardSwish: { opset: 14 },
    Clip: { inputs: [x, 'lo', 'hi'], initializers: { lo: floats([], [-0.5]), hi: floats([], [0.5]) } }, Softmax: { attributes: { axis: -1n } },
    AveragePool: { attributes: { kernel_shape: [2, 2] } }, MaxPool: { attributes: { kernel_shape: [2, 2] } }, BatchNormalization: normalization,
    Reshape: reshaped, Transpose: { attributes: { perm: [0, 2, 3, 1] } }, Squeeze: {}, Unsqueeze: { inputs: [x, 'i'], initializers: { i: ints([1], [0]) } },
    Flatten: {}, Concat: { ...two, attributes: { axis: 1n } }, Split: { attributes: { axis: 3n } }, Slice: { inputs: [x, 'i', 'j'], initializers: { i: ints([1], [0]), j: ints([1], [1]) } },
    Gather: { inputs: [x, 'i'], attributes: { axis: 1n }, initializers: { i: ints([2], [1, 0]) } }, GatherElements: { inputs: [x, 'i'], initializers: { i: ints([1, 1, 1, 2], [0, 0]) } },
    GatherND: { inputs: [x, 'i'], initializers: { i: ints([1, 2], [0, 1]) } }, Expand: { inputs: [x, 's'], initializers: { s: ints([4], [3, 1, 1, 1]) } },
    Tile: { inputs: [x, 's'], initializers: { s: ints([4], [2, 1, 1, 1]) } }, Pad: { inputs: [x, 's', 'c'], initializers: { s: ints([8], [0, 0, 1, 1, 0, 0, 1, 1]), c: floats([], [0.5]) } },
    Where: { inputs: ['q', x, x] }, DepthToSpace: { inputs: ['d'], attributes: { blocksize: 2n }, initializers: { d: image(4, 4) } }, SpaceToDepth: { attributes: { blocksize: 2n } },
    ScatterND: { inputs: [x, 'i', 'u'], initializers: { i: ints([1, 4], [0, 1, 2, 3]), u: vector(9) } }, ScatterElements: { inputs: [x, 'i', 'u'], initializers: { i: ints([1, 1, 1, 1], [0]), u: floats([1, 1, 1, 1], [9]) } },
    Trilu: {}, Equal: two, Greater: { inputs: [x, 'c'], initializers: { c: vector(0.25) } }, GreaterOrEqual: two, Less: { inputs: [x, 'c'], initializers: { c: vector(0.25) } }, LessOrEqual: two,
    Resize: { inputs: [x, 'r', 'f'], initializers: { r: floats([0], []), f: vector(1, 1, 2, 2) }, opset: 13 },
  };
  const LOGICAL = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual']);

  it.each([...HALF_OPS.keys()])('%s runs', async (op) => {
    const { inputs = [x], attributes = {}, initializers = {}, opset = 17 } = examples[op] ?? {};
    // Split has two outputs; a comparison's is bool.
    const outputs = op === 'Split' ? ['y', 'z'] : ['y'];
    const type = LOGICAL.has(op) ? 'bool' : 'float32';
    const source = buildModel({
      nodes: [makeNode(op, inputs, outputs, attributes), makeNode('MatMul', ['m0', 'w0'], ['m1'])],
      // The product makes the artefact the smaller file.
      initializers: { ...initializers, w0: image(64, 4) },
      inputs: { x: 'float32[1,2,4,4]', q: 'bool[1,2,4,4]', m0: 'float32[4,4]' },
      outputs: { ...Object.fromEntries(outputs.map((name) => [name, type])), m1: 'float32' },
      opset,
    });
    const feeds = {
      x: new ort.Tensor('float32', Float32Array.from({ length: 32 }, (_, i) => ((i * 5) % 17) / 8 - 1), [1, 2, 4, 4]),
      q: new ort.Tensor('bool', Array.from({ length: 32 }, (_, i) => i % 3 === 0), [1, 2, 4, 4]),
      m0: new ort.Tensor('float32', new Float32Array(16).fill(0.5), [4, 4]),
    };
    const { bytes, model: artefact, format } = quantize(source, { format: 'fp16' });
    expect(format).toBe('fp16');
    const node = artefact.proto.graph!.node.find(({ opType }) => opType === op)!;
    // Halves of a value and of a constant are named after it.
    expect(node.input.filter((name) => name.endsWith('_h'))).not.toEqual([]);
    for (const level of ['disabled', 'all'] as const) {
      const [found, expected] = [await runModel(bytes, feeds, level), await runModel(reread(source), feeds)];
      for (const name of outputs) {
        expect(found[name]).toMatchObject({ dims: expected[name]!.dims, dtype: type });
        const values = Array.from(expected[name]!.data as ArrayLike<number>, Number);
        // A few roundings of 2^-11 each, of results up to 16.
        const off = Array.from(found[name]!.data as ArrayLike<number>, Number).filter((value, i) => !(Math.abs(value - values[i]!) <= 2 ** -8 * Math.max(1, Math.abs(values[i]!))));
        expect(off).toEqual([]);
      }
    }
  });
});
