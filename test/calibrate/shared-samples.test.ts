import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLabelledSamples, openSamples, type Feeds } from '../../packages/unplugin-quantize/src/calibrate/index.ts';
import type { ValueSignature } from '../../packages/unplugin-quantize/src/types.ts';
import { sampleReference } from '../support/sample-reference.ts';

const data = join(import.meta.dirname, '../../../shared/data');
const image: ValueSignature = { name: 'image', dtype: 'float32', dims: ['batch', 3, 32, 32] };
const ids: ValueSignature = { name: 'input_ids', dtype: 'int64', dims: ['batch', 'sequence'] };

describe.skipIf(!existsSync(data))('real samples (needs the shared data)', () => {
  it('2,000 photographs are to the bit what Pillow and numpy make of them', async () => {
    const hash = createHash('sha256');
    const counts = new Map<string, number>();
    const spec = { images: join(data, 'cifar10/test'), mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616], batch: 16 };
    for await (const { feeds, labels } of openLabelledSamples(spec, { inputs: [image] })) {
      hash.update((feeds as Feeds)['image']!.data as Float32Array);
      for (const { name, index } of labels!) counts.set(`${index} ${name}`, (counts.get(`${index} ${name}`) ?? 0) + 1);
    }
    expect([...counts]).toHaveLength(10);
    expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(2000);
    expect(hash.digest('hex')).toBe(sampleReference.shared.cifar);
  });

  it.each([
    [128, sampleReference.shared.sst128],
    [16, sampleReference.shared.sst16],
  ])('token ids of all sentences are those of tokenizers, at most %i', async (maxLength, expected) => {
    const rows: [number[], number][] = [];
    for (const file of ['calib.tsv', 'test.tsv']) {
      for await (const { feeds, labels } of openLabelledSamples({ text: join(data, 'sst2', file), label: -1, maxLength }, { inputs: [ids] })) {
        rows.push([Array.from((feeds as Feeds)['input_ids']!.data, Number), labels![0]!.index]);
      }
    }
    expect(rows).toHaveLength(2077);
    expect(createHash('sha256').update(JSON.stringify(rows)).digest('hex')).toBe(expected);
  });

  it('a path alone will do', async () => {
    let count = 0;
    for await (const sample of openSamples(join(data, 'sst2/calib.tsv'), { inputs: [ids, { ...ids, name: 'attention_mask' }], limit: 20 })) {
      expect(Object.keys(sample as object)).toEqual(['input_ids', 'attention_mask']);
      count++;
    }
    expect(count).toBe(20);
  });
});
