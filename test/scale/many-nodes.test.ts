import { describe, expect, it } from 'vitest';
import { assertSound, makeNode, scopesOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { bytesSource, readModel, readPayload } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { MODEL_DEFAULTS } from '../../packages/unplugin-quantize/src/options.ts';
import { quantizeSource } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { buildBytes, ramp } from '../support/build-model.ts';
import { manyNodes } from './many-nodes.ts';

/** Operators of the artefact, in all scopes, by how often they are there. */
function quantizedOps(bytes: Uint8Array, format: Format): Record<string, number> {
  const result = quantizeSource(bytesSource(bytes, 'many nodes'), undefined, { ...MODEL_DEFAULTS, format });
  expect(result.format).toBe(format);
  const model = readModel(bytesSource(readPayload(result.stream), 'artefact'));
  assertSound(model);
  const counts: Record<string, number> = {};
  for (const { graph } of scopesOf(model)) for (const { opType } of graph.node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

describe('graphs of 50,000 nodes', () => {
  const nodes = 50_000;
  const layers = nodes / 10;
  const bytes = manyNodes(nodes);

  it('become integer products, and what does nothing is gone', () => {
    const counts = quantizedOps(bytes, 'int8');
    expect(counts).toMatchObject({ MatMulInteger: layers, If: layers / 100, Relu: layers });
    for (const gone of ['MatMul', 'Identity', 'Dropout', 'Constant']) expect(counts).not.toHaveProperty(gone);
  });

  it('are computed in half precision', () => {
    const counts = quantizedOps(bytes, 'fp16');
    expect(counts).toMatchObject({ MatMul: layers, If: layers / 100, Relu: layers });
  });

  it('are unpacked from four bits', () => {
    const counts = quantizedOps(bytes, 'int4-storage');
    expect(counts).toMatchObject({ MatMul: layers });
    expect(counts).not.toHaveProperty('Dropout');
  });

  it('may be one chain behind a constant', () => {
    const last = nodes - 1;
    const chain = Array.from({ length: nodes }, (_, i) => makeNode('Transpose', [i === 0 ? 'w' : `t${i - 1}`], [`t${i}`]));
    const model = buildBytes({
      nodes: [...chain, makeNode('MatMul', ['x', `t${last}`], ['y'])], initializers: { w: ramp([64, 64]) }, inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32[N,64]' },
    });
    expect(quantizedOps(model, 'fp16-storage')['MatMul']).toBe(1);
  });

  it('may hand out every value', () => {
    const chain = Array.from({ length: nodes }, (_, i) => makeNode('Relu', [i === 0 ? 'p' : `r${i - 1}`], [`r${i}`]));
    const outputs = Object.fromEntries(chain.map(({ output }) => [output[0]!, 'float32[N,64]']));
    const model = buildBytes({ nodes: [makeNode('MatMul', ['x', 'w'], ['p']), ...chain], initializers: { w: ramp([64, 64]) }, inputs: { x: 'float32[N,64]' }, outputs });
    expect(quantizedOps(model, 'int8-storage')).toMatchObject({ Relu: nodes, MatMul: 1 });
  });
});
