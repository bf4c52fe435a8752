import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countOps, optimizedModel } from '../../../../test/support/optimized-model.ts';
import { initializer, quantize } from '../../../../test/support/quantize-model.ts';
import { runModel, seededFloats } from '../../../../test/support/run-model.ts';
import { bytesSource, readModel, readPayload, tensorOf } from '../onnx/index.ts';

const folder = new URL('../../../../test/reference/quantize/', import.meta.url);
const source = readFileSync(new URL('mlp.onnx', folder));
const theirs = readFileSync(new URL('mlp.dynamic.onnx', folder));

/** The two models name their tensors differently: w1_quantized and w1_scale there, w1_q and w1_s here. */
describe('beside quantize_dynamic(per_channel=True, weight_type=QInt8)', () => {
  const ours = quantize(source, { format: 'int8-dynamic' });

  it.each([['w1_q', 'w1_quantized'], ['w1_s', 'w1_scale'], ['w2_q', 'w2_quantized'], ['w2_s', 'w2_scale']])('%s is %s', (here, there) => {
    const reference = readModel(bytesSource(theirs));
    const [found, expected] = [tensorOf(ours.model, initializer(ours.model, here)), tensorOf(reference, initializer(reference, there))];
    expect([found.dtype, found.dims]).toEqual([expected.dtype, expected.dims]);
    expect(readPayload(found)).toEqual(readPayload(expected));
  });

  it.each(['disabled', 'all'] as const)('outputs are equal bit for bit, optimization %s', async (level) => {
    for (let seed = 1; seed <= 20; seed++) {
      const feeds = { x: seededFloats([seed, 32], seed) };
      expect(await runModel(ours.bytes, feeds, level)).toEqual(await runModel(theirs, feeds, level));
    }
  });

  it('onnxruntime fuses both to the same operators', async () => {
    const fused = countOps(await optimizedModel(ours.bytes, 'extended'));
    expect(fused).toEqual(countOps(await optimizedModel(theirs, 'extended')));
    expect(fused['DynamicQuantizeMatMul']).toBe(2);
  });

  it('the file is smaller', () => {
    expect(ours.bytes.byteLength).toBeLessThan(theirs.byteLength);
  });
});
