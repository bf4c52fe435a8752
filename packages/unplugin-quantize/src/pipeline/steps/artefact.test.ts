import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBytes, floats } from '../../../../../test/support/build-model.ts';
import { makeNode } from '../../graph/index.ts';
import { bytesSource, readPayload } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { quantizeSource } from '../../quantize/index.ts';
import type { Format } from '../../types.ts';
import { quantizeToFile } from './artefact.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'artefact-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A product with a weight of 160 kB and a sum with another, in which one of the last values is `odd`. */
function modelWith(odd: number): Uint8Array {
  const weight = floats([200, 200], Array.from({ length: 40_000 }, (_, i) => Math.sin(i)));
  const table = floats([200, 200], Array.from({ length: 40_000 }, (_, i) => (i === 39_990 ? odd : Math.cos(i))));
  const nodes = [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Add', ['m', 't'], ['y'])];
  return buildBytes({ nodes, initializers: { w: weight, t: table }, inputs: { x: 'float32[200,200]' }, outputs: { y: 'float32[200,200]' } });
}

describe('an artefact in a file', () => {
  // In range, a mask, a value that half precision cannot hold, what is infinite already.
  it.each([0.5, -1e32, 70_000, Infinity])('has the bytes that it has where all weights are looked at beforehand, with %d among them', (odd) => {
    const bytes = modelWith(odd);
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytes);
    for (const format of ['fp16', 'fp16-storage', 'int8'] satisfies Format[]) {
      const options = { ...MODEL_DEFAULTS, format };
      const out = join(folder, `${format}.onnx`);
      const made = quantizeToFile({ path, name: 'model.onnx', options, out, isHashed: false });
      const { stream, weights, notes } = quantizeSource(bytesSource(bytes), undefined, options);
      expect(readFileSync(out).equals(readPayload(stream))).toBe(true);
      expect({ weights: made.weights, notes: made.notes }).toEqual({ weights, notes });
    }
    expect(readdirSync(folder).sort()).toEqual(['fp16-storage.onnx', 'fp16.onnx', 'int8.onnx', 'model.onnx']);
  });

  it('keeps a weight that half precision cannot hold', () => {
    writeFileSync(join(folder, 'model.onnx'), modelWith(70_000));
    const made = quantizeToFile({ path: join(folder, 'model.onnx'), name: 'model.onnx', options: { ...MODEL_DEFAULTS, format: 'fp16-storage' }, out: join(folder, 'out') });
    expect(made.weights.map(({ tensor, scheme, reason }) => [tensor, scheme, reason])).toEqual([['w', 'fp16-storage', undefined], ['t', 'kept', 'has values beyond the range of float16']]);
  });
});
