import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArraySamples } from '../../calibration.ts';
import type { ValueSignature } from '../../types.ts';
import { locateSamples } from '../files/locate.ts';
import { openLabelledSamples } from '../samples.ts';

let root: string;
const reference = fileURLToPath(new URL('../../../../../test/reference/npz/', import.meta.url));
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'arrays-'));
  for (const name of ['single.npy', 'types.npz', 'layouts.npz', 'silero.npz']) copyFileSync(join(reference, name), join(root, name));
  writeFileSync(join(root, 'list.json'), '[{"x":[[1,2,3]]},{"x":{"data":[4,5,6],"dims":[1,3]}}]');
  writeFileSync(join(root, 'one.json'), '{"x":[[1,2,3]]}');
  writeFileSync(join(root, 'lines.jsonl'), '[[1,2,3]]\n\n[[4,5,6]]\n');
  writeFileSync(join(root, 'bad.json'), '[1,');
  writeFileSync(join(root, 'uneven.json'), '[{"x":[[1,2,3],[4]]}]');
});
afterAll(() => rmSync(root, { recursive: true }));

const x: ValueSignature = { name: 'x', dtype: 'int32', dims: [null, 3] };
async function take(spec: ArraySamples | string, inputs: ValueSignature[] = [x]): Promise<unknown[]> {
  const samples: unknown[] = [];
  for await (const { feeds } of openLabelledSamples(locateSamples(spec, root), { inputs })) samples.push(feeds);
  return samples;
}
const rows = (...values: number[][]): unknown => ({ x: { dtype: 'int32', dims: [values.length, 3], data: Int32Array.from(values.flat()) } });

describe('arrays', () => {
  it('of JSON are one sample for each element or line', async () => {
    expect(await take('list.json')).toEqual([rows([1, 2, 3]), rows([4, 5, 6])]);
    expect(await take('one.json')).toEqual([rows([1, 2, 3])]);
    expect(await take('lines.jsonl')).toEqual([rows([1, 2, 3]), rows([4, 5, 6])]);
    expect(await take({ arrays: '{one,list,lines}.json*', limit: 1 })).toHaveLength(1);
  });

  it('of numpy are one sample, or cut into rows', async () => {
    expect(await take('single.npy')).toEqual([rows([0, 1, 2], [3, 4, 5])]);
    expect(await take({ arrays: 'single.npy', batch: 1 })).toEqual([rows([0, 1, 2]), rows([3, 4, 5])]);
    expect(await take({ arrays: 'single.npy', batch: 2 })).toEqual([rows([0, 1, 2], [3, 4, 5])]);
    expect(await take({ arrays: 'types.npz', batch: 1, inputs: { x: 'i4' } })).toEqual([rows([-(2 ** 31), 1, 2]), rows([3, 4, 2 ** 31 - 1])]);
  });

  it('take names and further values from the user', async () => {
    expect(await take({ arrays: 'types.npz', inputs: { x: 'i4' } })).toEqual([rows([-(2 ** 31), 1, 2], [3, 4, 2 ** 31 - 1])]);
    const [sample] = await take({ arrays: 'single.npy', feeds: { n: 7 } }, [x, { name: 'n', dtype: 'int64', dims: [] }]);
    expect(sample).toMatchObject({ n: { data: BigInt64Array.of(7n) }, x: { dims: [2, 3] } });
    const [replaced] = await take({ arrays: 'silero.npz', feeds: { sr: 1 } }, [{ name: 'input', dtype: 'float32', dims: [1, 512] }, { name: 'state', dtype: 'float32', dims: null }, { name: 'sr', dtype: 'int64', dims: [] }]);
    expect(replaced).toMatchObject({ sr: { data: BigInt64Array.of(16000n) } });
  });

  it.each<[string, ArraySamples | string, RegExp]>([
    ['a file that is no JSON', 'bad.json', /The file is not JSON.*\n.*bad\.json/],
    ['uneven rows', 'uneven.json', /Sample 0 \(uneven\.json:0\).*uneven lengths/],
    ['an array that is not there', { arrays: 'types.npz', inputs: { x: 'i44' } }, /no array "i44".*\n.*\n.*Did you mean "i4"/],
    ['NaN', { arrays: 'types.npz', inputs: { x: 'f4' } }, /Sample 0 \(types\.npz\) has NaN in the input "x" at element 3/],
    ['arrays of different lengths', { arrays: 'layouts.npz', batch: 1 }, /has .* rows where/],
    ['batches of JSON', { arrays: 'list.json', batch: 2 }, /not put into batches/],
    ['other files', { arrays: '*', batch: 1 }, /not put into batches/],
  ])('refuse %s', async (_, spec, message) => {
    await expect(take(spec, message.source.includes('NaN') ? [{ ...x, dtype: 'float32' }] : [x])).rejects.toThrowError(message);
  });
});
