import { describe, expect, it } from 'vitest';
import { buildModel } from '../../../../test/support/build-model.ts';
import { DYNAMIC, expectClose, quantizeActivation, weight } from '../../../../test/support/integer-arithmetic.ts';
import { initializer, numbersOf, opTypes, quantize } from '../../../../test/support/quantize-model.ts';
import { runModel, seededFloats } from '../../../../test/support/run-model.ts';
import { makeNode } from '../graph/index.ts';
import { tensorOf } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

describe('Conv', () => {
  const conv = (dims: number[], attributes: Parameters<typeof makeNode>[3], { bias = true, x = [1, 8, 9, 9] } = {}) => ({
    source: buildModel({
      nodes: [makeNode('Conv', ['x', 'w', ...(bias ? ['b'] : [])], ['y'], attributes)],
      initializers: { w: weight(dims), ...(bias && { b: weight([dims[0]!], 8) }) },
      inputs: { x: `float32[${x.map((_, i) => (i === 1 ? x[1] : `d${i}`)).join()}]` },
      outputs: { y: `float32[${x.map((_, i) => `o${i}`).join()}]` },
    }),
    feeds: { x: seededFloats(x) },
  });
  const asked = { ...DYNAMIC, ops: ['Conv'] } as Partial<QuantizeOptions>;

  it.each([
    ['plain', conv([16, 8, 3, 3], {})],
    ['padded, with strides and dilations', conv([16, 8, 3, 3], { pads: [1, 2, 2, 1], strides: [2, 1], dilations: [2, 2] })],
    ['padded by the rule', conv([16, 8, 3, 3], { auto_pad: 'SAME_UPPER' })],
    ['without bias', conv([16, 8, 3, 3], {}, { bias: false })],
    ['in groups', conv([32, 4, 3, 3], { group: 2n })],
    ['depth-wise', conv([128, 1, 3, 3], { group: 128n }, { x: [1, 128, 5, 5] })],
    ['one-dimensional', conv([16, 8, 9], { pads: [4, 4] }, { x: [1, 8, 30] })],
    ['three-dimensional', conv([16, 8, 2, 3, 2], {}, { x: [1, 8, 4, 4, 4], bias: false })],
  ])('%s, when it is asked for', async (_, { source, feeds }) => {
    const result = await expectClose(source, feeds, asked);
    expect(opTypes(result.model)).toContain('ConvInteger');
    expect(tensorOf(result.model, initializer(result.model, 'w_q')).dtype).toBe('uint8');
    expect(numbersOf(result.model, 'zero_point_128')).toEqual([128]);
  });

  it('is left alone otherwise', () => {
    const { source } = conv([16, 8, 3, 3], {});
    expect(opTypes(quantize(source, DYNAMIC).model)).toEqual(['Conv']);
  });

  it('shares the activation, and the zero point within a graph', async () => {
    const source = buildModel({
      nodes: [makeNode('Conv', ['x', 'v'], ['a']), makeNode('Conv', ['x', 'w'], ['b']), makeNode('Add', ['a', 'b'], ['y'])],
      initializers: { v: weight([16, 8, 3, 3], 1), w: weight([16, 8, 3, 3], 2) },
      inputs: { x: 'float32[N,8,9,9]' },
      outputs: { y: 'float32[N,16,7,7]' },
    });
    const { model } = await expectClose(source, { x: seededFloats([1, 8, 9, 9]) }, asked);
    expect(opTypes(model).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1);
    expect(model.proto.graph!.initializer.filter((proto) => proto.name.startsWith('zero_point'))).toHaveLength(1);
  });

  it('is computed as ConvInteger is defined', async () => {
    const { source } = conv([16, 8, 3, 3], { pads: [1, 1, 1, 1] }, { bias: false });
    const { bytes, model } = quantize(source, asked);
    const x = seededFloats([1, 8, 9, 9]);
    const { y } = await runModel(bytes, { x });
    const { values, scale, zeroPoint } = quantizeActivation(x.data as Float32Array);
    const [q, s] = [numbersOf(model, 'w_q'), numbersOf(model, 'w_s')];
    const expected: number[] = [];
    for (let out = 0; out < 16; out++) for (let i = 0; i < 9; i++) for (let j = 0; j < 9; j++) {
      let sum = 0;
      for (let c = 0; c < 8; c++) for (let u = 0; u < 3; u++) for (let v = 0; v < 3; v++) {
        const [row, column] = [i + u - 1, j + v - 1];
        if (row < 0 || column < 0 || row > 8 || column > 8) continue;
        sum += (values[(c * 9 + row) * 9 + column]! - zeroPoint) * (q[((out * 8 + c) * 3 + u) * 3 + v]! - 128);
      }
      expected.push(Math.fround(Math.fround(sum) * Math.fround(scale * s[out]!)));
    }
    expect([...(y!.data as Float32Array)]).toEqual(expected);
  });
});
