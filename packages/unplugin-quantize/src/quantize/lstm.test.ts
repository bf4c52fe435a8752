import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph, buildModel, floats, type ModelParts } from '../../../../test/support/build-model.ts';
import { models } from '../../../../test/support/models.ts';
import { countOps } from '../../../../test/support/optimized-model.ts';
import { elementsOf, initializer, opTypes, quantize } from '../../../../test/support/quantize-model.ts';
import { bytesOf, runModel, seededFloats, type Feeds } from '../../../../test/support/run-model.ts';
import { findEngines } from '../evaluate/index.ts';
import { makeNode, setAttribute } from '../graph/index.ts';
import { bytesSource, opsetVersion, readModel, readPayload, tensorOf, type Tensor } from '../onnx/index.ts';
import type { QuantizeOptions } from './context.ts';

const folder = new URL('../../../../test/reference/quantize/', import.meta.url);
const ONLY_LSTM: Partial<QuantizeOptions> = { format: 'int8-dynamic', ops: ['LSTM'] };

const weight = (dims: number[], seed: number): Tensor => floats(dims, [...(seededFloats(dims, seed).data as Float32Array)].map((value) => value * 0.3));
const [INPUTS, HIDDEN] = [16, 20];
const initializers = { w: weight([1, 4 * HIDDEN, INPUTS], 1), r: weight([1, 4 * HIDDEN, HIDDEN], 2) };
const lstm = (attributes = {}) => makeNode('LSTM', ['x', 'w', 'r'], ['', 'y'], { hidden_size: BigInt(HIDDEN), ...attributes }, { name: 'rnn' });

function model(more: Partial<ModelParts> = {}) {
  return buildModel({ nodes: [lstm()], initializers, inputs: { x: `float32[N,B,${INPUTS}]` }, outputs: { y: '' }, ...more });
}

describe('beside quantize_dynamic(op_types_to_quantize=["LSTM"], per_channel=True)', () => {
  const theirs = readFileSync(new URL('lstm.dynamic.onnx', folder));
  const ours = quantize(readFileSync(new URL('lstm.onnx', folder)), ONLY_LSTM);

  it.each(['w1', 'r1', 'w2', 'r2'])('%s has the same values, scales and zero points', (name) => {
    const reference = readModel(bytesSource(theirs));
    for (const [here, there] of [['q', 'quantized'], ['s', 'scale'], ['z', 'zero_point']]) {
      const [found, expected] = [tensorOf(ours.model, initializer(ours.model, `${name}_${here}`)), tensorOf(reference, initializer(reference, `${name}_${there}`))];
      expect([found.dtype, found.dims]).toEqual([expected.dtype, expected.dims]);
      expect(readPayload(found)).toEqual(readPayload(expected));
    }
  });

  it('outputs are equal bit for bit, with every optional input and attribute', async () => {
    expect(opTypes(ours.model)).toEqual(['DynamicQuantizeLSTM', 'Transpose', 'Reshape', 'DynamicQuantizeLSTM']);
    for (let seed = 1; seed <= 5; seed++) {
      const feeds = { x: seededFloats([7, 3, 12], seed) };
      expect(await runModel(ours.bytes, feeds)).toEqual(await runModel(theirs, feeds));
    }
  });

  it('says what became of the weights, and which release runs it', () => {
    expect(ours.weights.filter(({ scheme }) => scheme !== 'kept').map(({ tensor, scheme, bytesBefore, bytesAfter }) => [tensor, scheme, bytesBefore, bytesAfter])).toEqual([
      ['w1', 'int8-dynamic', 3840, 960 + 80 * 5], ['r1', 'int8-dynamic', 3200, 800 + 80 * 5],
      ['w2', 'int8-dynamic', 3200, 800 + 40 * 5], ['r2', 'int8-dynamic', 1600, 400 + 40 * 5],
    ]);
    expect(opsetVersion(ours.model.proto, 'com.microsoft')).toBe(1);
    expect(ours.minOnnxruntime).toBe('1.9.0');
  });
});

/**
 * For one step from a zero state each gate is off by at most e = sum over inputs of |w| sx/2 + |x| sw/2 + sx sw/4, and the output by
 * 1.5 e: the cell is a product of a sigmoid (slope 1/4) and a tanh (slope 1), the output one more sigmoid times its tanh.
 */
function largestError(x: readonly number[], batch: number): number {
  const largest = (values: readonly number[]): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const source = model();
  const w = elementsOf(source, initializer(source, 'w'));
  const sx = (Math.max(0, ...x) - Math.min(0, ...x)) / 255;
  const rows = Array.from({ length: 4 * HIDDEN }, (_, i) => w.slice(i * INPUTS, (i + 1) * INPUTS));
  const inputs = Array.from({ length: batch }, (_, i) => x.slice(i * INPUTS, (i + 1) * INPUTS));
  return 1.5 * Math.max(...rows.flatMap((row) => inputs.map((input) => {
    const sw = largest(row) / 127;
    return row.reduce((sum, value, j) => sum + Math.abs(value) * sx / 2 + Math.abs(input[j]!) * sw / 2 + sx * sw / 4, 0);
  })));
}

describe('computeLstmsInIntegers', () => {
  it.each(['onnxruntime-node', 'onnxruntime-web'])('is as near to float32 as 8 bits are in %s', async (name) => {
    const engine = (await findEngines()).engines.find((found) => found.name === name)!;
    const { data } = seededFloats([1, 3, INPUTS], 7);
    const run = async (bytes: Uint8Array): Promise<Float32Array> => {
      const session = await engine.open(bytes);
      const outputs = await session.run({ x: { dtype: 'float32', dims: [1, 3, INPUTS], data: data as Float32Array } });
      await session.close();
      return outputs['y']!.data as Float32Array;
    };
    const expected = await run(bytesOf(model()));
    const found = await run(quantize(model(), ONLY_LSTM).bytes);
    const bound = largestError([...(data as Float32Array)], 3);
    expect(bound).toBeLessThan(0.1);
    expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(bound));
    expect(found).not.toEqual(expected);
  });

  it('reaches subgraphs, and stores what their LSTMs share once', async () => {
    const branch = (op: string) => buildGraph({ nodes: [lstm(), makeNode(op, ['y'], ['out'])], outputs: { out: '' } });
    const source = model({ nodes: [makeNode('If', ['on'], ['z'], { then_branch: branch('Neg'), else_branch: branch('Abs') })], inputs: { x: `float32[N,B,${INPUTS}]`, on: 'bool[]' }, outputs: { z: '' } });
    const { model: artefact, bytes } = quantize(source, ONLY_LSTM);
    expect(countOps(artefact)).toEqual({ If: 1, DynamicQuantizeLSTM: 2, Neg: 1, Abs: 1 });
    expect(artefact.proto.graph!.initializer.map(({ name }) => name)).toEqual(['w_q', 'w_s', 'w_z', 'r_q', 'r_s', 'r_z']);
    const plain = await runModel(quantize(model(), ONLY_LSTM).bytes, { x: seededFloats([4, 2, INPUTS]) });
    const feeds: Feeds = { x: seededFloats([4, 2, INPUTS]), on: new ort.Tensor('bool', [true], []) };
    expect((await runModel(bytes, feeds))['z']!.data).toEqual((plain['y']!.data as Float32Array).map((value) => -value));
  });

  it('leaves the other weights of the format int8 to storage', () => {
    const big = weight([64, 64, 3], 5);
    const source = model({ nodes: [lstm(), makeNode('Conv', ['a', 'k'], ['z'])], initializers: { ...initializers, k: big }, inputs: { x: `float32[N,B,${INPUTS}]`, a: 'float32[1,64,9]' }, outputs: { y: '', z: '' } });
    const { weights } = quantize(source, { format: 'int8', ops: ['LSTM'] });
    expect(weights.map(({ tensor, scheme }) => [tensor, scheme])).toEqual([['w', 'int8-dynamic'], ['r', 'int8-dynamic'], ['k', 'int8-storage']]);
  });

  const x = `float32[N,B,${INPUTS}]`;
  it.each<[string, Partial<ModelParts>, object?]>([
    ['where the option leaves it out', {}, { ops: ['MatMul'] }],
    ['with the batch first', { nodes: [lstm({ layout: 1n })], outputs: { y: '' } }],
    ['whose weights are computed', { inputs: { x, r: 'float32[1,80,20]' }, initializers: { w: initializers.w } }],
    ['whose weights are read otherwise too', { nodes: [lstm(), makeNode('Neg', ['r'], ['n'])], outputs: { y: '', n: '' } }],
    ['whose weights are handed out', { outputs: { y: '', w: '' } }],
    ['that is excluded', {}, { exclude: ['rnn'] }],
    ['one of whose weights is excluded', {}, { exclude: ['r'] }],
    ['that is small', { nodes: [makeNode('LSTM', ['x', 'w', 'r'], ['', 'y'], { hidden_size: 4n })], initializers: { w: weight([1, 16, INPUTS], 1), r: weight([1, 16, 4], 2) } }],
    ['that shares weights with one that stays', { nodes: [lstm(), makeNode('LSTM', ['x', 'w', 'q'], ['', 'z'], { hidden_size: 20n })], inputs: { x, q: 'float32[1,80,20]' }, outputs: { y: '', z: '' } }],
    ['of another domain', { nodes: [makeNode('LSTM', ['x', 'w', 'r'], ['', 'y'], {}, { domain: 'mine' })], domains: { mine: 1 } }],
  ])('leaves an LSTM %s', (_, parts, options = {}) => {
    const { model: artefact, weights } = quantize(model(parts), { ...ONLY_LSTM, ...options });
    expect(opTypes(artefact)).toContain('LSTM');
    expect(weights.every(({ scheme }) => scheme === 'kept')).toBe(true);
  });

  it('drops a layout that says nothing', () => {
    const node = lstm();
    setAttribute(node, 'layout', 0n);
    const { model: artefact } = quantize(model({ nodes: [node] }), ONLY_LSTM);
    expect(artefact.proto.graph!.node[0]!.attribute.map(({ name }) => name)).toEqual(['hidden_size']);
  });

  it("takes Silero's four LSTMs, whose weights its branches slice and join", () => {
    const { model: artefact } = quantize(readFileSync(models.silero), { format: 'int8-dynamic', ops: ['LSTM'] });
    expect(countOps(artefact)).toMatchObject({ DynamicQuantizeLSTM: 4 });
    expect(countOps(artefact)['LSTM']).toBeUndefined();
  });
});
