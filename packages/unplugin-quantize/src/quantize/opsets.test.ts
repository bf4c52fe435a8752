import { describe, expect, it } from 'vitest';
import { buildModel, floats } from '../../../../test/support/build-model.ts';
import { quantizeStatic } from '../../../../test/support/min-max-statistics.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { longs, runModel, seededFloats } from '../../../../test/support/run-model.ts';
import { makeNode } from '../graph/index.ts';
import { NEWEST, OLDEST } from '../graph/opset/operators.ts';
import { opsetVersion, type Model } from '../onnx/index.ts';
import { FORMATS } from '../options.ts';
import type { Format } from '../types.ts';
import type { QuantizeOptions } from './context.ts';

const weight = (dims: number[]) => floats(dims, [...(seededFloats(dims, 5).data as Float32Array)].map((value) => value / 8));

/** An embedding, a Gemm, a product, a convolution and a recurrence, in operators that are the same in every opset. */
function network(opset: number): Model {
  return buildModel({
    opset, ir: 4,
    nodes: [
      makeNode('Gather', ['e', 'ids'], ['g']), makeNode('Gemm', ['g', 'w', 'b'], ['h']), makeNode('Relu', ['h'], ['r']), makeNode('MatMul', ['r', 'v'], ['y']),
      makeNode('Conv', ['x', 'k'], ['c']), makeNode('LSTM', ['s', 'lw', 'lr'], ['', 'l'], { hidden_size: 32n }),
    ],
    initializers: { e: weight([128, 64]), w: weight([64, 64]), b: weight([64]), v: weight([64, 64]), k: weight([32, 16, 3, 3]), lw: weight([1, 128, 32]), lr: weight([1, 128, 32]) },
    inputs: { ids: 'int64[N]', x: 'float32[1,16,8,8]', s: 'float32[S,1,32]' }, outputs: { y: 'float32', c: 'float32', l: 'float32' },
  });
}

const feeds = { ids: longs([3], [0, 5, 127]), x: seededFloats([1, 16, 8, 8]), s: seededFloats([4, 1, 32]) };

async function made(format: Format, opset: number) {
  const options: Partial<QuantizeOptions> = { format, ops: ['MatMul', 'Gemm', 'Gather', 'Conv', 'LSTM'] };
  return format === 'int8-static' ? quantizeStatic(network(opset), [feeds], options) : quantize(network(opset), options);
}

describe(`conversion to opset ${NEWEST} is all that formats need`, () => {
  const opsets = Array.from({ length: NEWEST - OLDEST + 1 }, (_, i) => OLDEST + i);
  it.each((Object.keys(FORMATS) as Format[]).flatMap((format) => opsets.map((opset) => [format, opset] as const)))('%s of opset %i', async (format, opset) => {
    const artefact = await made(format, opset);
    expect(artefact.format).toBe(format);
    expect(artefact.notes.filter((note) => note.includes('opset'))).toEqual([]);
    expect(opsetVersion(artefact.model.proto)).toBeLessThanOrEqual(NEWEST);
    // The same weights become small whatever the opset is.
    const schemes = (weights: typeof artefact.weights) => weights.map(({ tensor, scheme }) => `${tensor} ${scheme}`);
    expect(schemes(artefact.weights)).toEqual(schemes((await made(format, NEWEST)).weights));
    expect(Object.keys(await runModel(artefact.bytes, feeds, 'all'))).toEqual(['y', 'c', 'l']);
  });
});
