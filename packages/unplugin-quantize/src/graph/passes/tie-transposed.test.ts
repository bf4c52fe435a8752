import { describe, expect, it } from 'vitest';
import { buildModel, floats, type ModelParts } from '../../../../../test/support/build-model.ts';
import { opTypes, quantize } from '../../../../../test/support/quantize-model.ts';
import { bytesOf, longs, reread, runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import type { NodeProto, Tensor } from '../../onnx/index.ts';
import type { Format } from '../../types.ts';
import { makeNode } from '../edit.ts';
import { assertSound } from './assert-sound.ts';
import { tieTransposed } from './tie-transposed.ts';
import { cleanGraph, prepareGraph } from './run-passes.ts';

const [ROWS, COLUMNS] = [96, 64];
const values = [...(seededFloats([ROWS, COLUMNS], 4).data as Float32Array)];
const embedding = floats([ROWS, COLUMNS], values);
const transposed = (change = -1): Tensor => floats([COLUMNS, ROWS], Array.from({ length: values.length }, (_, i) => (i === change ? 0.5 : values[(i % ROWS) * COLUMNS + Math.floor(i / ROWS)]!)));

const gather = makeNode('Gather', ['e', 'ids'], ['x']);
const head = makeNode('MatMul', ['x', 'h'], ['y']);
const parts = (nodes: NodeProto[] = [gather, head], more: Partial<ModelParts> = {}): ModelParts =>
  ({ nodes, initializers: { e: embedding, h: transposed() }, inputs: { ids: 'int64[N]' }, outputs: { y: '' }, ...more });
const feeds = { ids: longs([3], [5, 0, 95]) };

describe('tieTransposed', () => {
  it('makes a head that is the transposed embedding a Transpose of it', async () => {
    const model = buildModel(parts());
    const before = await runModel(model, feeds, 'all');
    expect(tieTransposed(model)).toBe(1);
    assertSound(model);
    expect(opTypes(model)).toEqual(['Transpose', 'Gather', 'MatMul']);
    expect(model.proto.graph!.initializer.map(({ name }) => name)).toEqual(['e']);
    // With its optimizer on, the engine transposes the matrix back and computes the same.
    expect(await runModel(reread(model), feeds, 'all')).toEqual(before);
    expect(tieTransposed(model)).toBe(0);
  });

  it('stays tied when constants are folded', () => {
    const model = buildModel(parts());
    prepareGraph(model);
    cleanGraph(model);
    expect(opTypes(model)).toEqual(['Transpose', 'Gather', 'MatMul']);
  });

  it.each<[Format, number]>([['int8', 1.2], ['int8-dynamic', 1.2], ['int8-storage', 1.2], ['fp16-storage', 2.1], ['fp16', 2.1], ['int4', 0.8], ['int8-weight', 1.2], ['int4-storage', 0.8]])('%s stores both once', async (format, bytesEach) => {
    const source = buildModel(parts());
    const { bytes, format: used } = quantize(source, { format, keepNames: false });
    expect(used).toBe(format);
    // Beside the weight there are nodes and names.
    expect(bytes.byteLength).toBeLessThan(ROWS * COLUMNS * bytesEach + 1200);
    const [expected, found] = [await runModel(bytesOf(source), feeds), await runModel(bytes, feeds)].map((outputs) => outputs['y']!.data as Float32Array);
    const largest = Math.max(...expected!.map(Math.abs));
    // Elements are at most 1: those of both factors are off by at most 1/14 in four bits, and 64 products are added up.
    expected!.forEach((value, i) => expect(Math.abs(found![i]! - value)).toBeLessThan(format.startsWith('int4') ? largest : largest / 8));
  });

  it.each<[string, ModelParts]>([
    ['a head that differs in one element', parts(undefined, { initializers: { e: embedding, h: transposed(700) } })],
    ['a head that differs in its first element', parts(undefined, { initializers: { e: embedding, h: transposed(0) } })],
    ['a head that is an embedding too', parts([gather, head, makeNode('Gather', ['h', 'ids'], ['z'])], { outputs: { y: '', z: '' } })],
    ['an embedding that is a matrix too', parts([gather, head, makeNode('MatMul', ['y', 'e'], ['z'])], { outputs: { z: '' } })],
    ['columns that are gathered', parts([makeNode('Gather', ['e', 'ids'], ['x'], { axis: 1n }), head], { inputs: { ids: 'int64[64]' } })],
    ['a head that is handed out', parts(undefined, { outputs: { y: '', h: '' } })],
    ['a head that callers may feed', parts(undefined, { inputs: { ids: 'int64[N]', h: 'float32[64,96]' } })],
    ['small ones', parts(undefined, { initializers: { e: floats([3, 2], [1, 2, 3, 4, 5, 6]), h: floats([2, 3], [1, 3, 5, 2, 4, 6]) } })],
  ])('leaves %s', (_, model) => {
    expect(tieTransposed(buildModel(model))).toBe(0);
  });

  it('reads no more than the first elements where those differ', () => {
    const model = buildModel(parts(undefined, { initializers: { e: embedding, h: transposed(0) } }));
    for (const payload of model.payloads) Object.assign(payload, { chunks: () => { throw new Error('A weight was read.'); } });
    expect(tieTransposed(model)).toBe(0);
  });
});
