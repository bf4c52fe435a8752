import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSamples } from './samples.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "samples 100% 'ü' "));
});
afterAll(() => rm(folder, { recursive: true }));

async function take(path: string, limit?: number): Promise<unknown[]> {
  const samples: unknown[] = [];
  for await (const sample of openSamples(path, { limit })) samples.push(sample);
  return samples;
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('a module', () => {
  it.each([
    ['array.ts', 'const list: { x: number }[] = [{ x: 1 }, { x: 2 }]; export default list;'],
    ['named.mjs', 'export const samples = [{ x: 1 }, { x: 2 }];'],
    ['function.mts', 'export default function* () { yield { x: 1 }; yield { x: 2 }; }'],
    ['async.js', 'export default async function () { return new Set([{ x: 1 }, { x: 2 }]); }'],
    ['stream.mts', 'const one = await Promise.resolve(1); export default async function* () { yield { x: one }; yield { x: 2 }; }'],
    ['common.cjs', 'module.exports = [{ x: 1 }, { x: 2 }];'],
    ['common.cts', 'exports.samples = () => [{ x: 1 }, { x: 2 as number }];'],
  ])('%s', async (name, text) => {
    expect(await take(await write(name, text))).toEqual([{ x: 1 }, { x: 2 }]);
  });

  it.each(['ts', 'mjs', 'cjs'])('.%s is read again after an edit, with what it imports', async (extension) => {
    const isCommon = extension === 'cjs';
    const main = isCommon
      ? `const { a } = require('./dep-cjs.cjs'); exports.samples = [{ a, b: NEW }];`
      : `import { a } from './dep-${extension}.${extension}'; export default async function* () { const { c } = await import('./lazy-${extension}.${extension}'); yield { a, b: NEW, c }; }`;
    const seen: unknown[] = [];
    for (const value of [1, 2]) {
      await write(`dep-${extension}.${extension}`, isCommon ? `exports.a = ${value};` : `export const a = ${value};`);
      await write(`lazy-${extension}.${extension}`, `export const c = ${value};`);
      seen.push(...(await take(await write(`fresh.${extension}`, main.replace('NEW', String(value))))));
    }
    expect(seen).toEqual(isCommon ? [{ a: 1, b: 1 }, { a: 2, b: 2 }] : [{ a: 1, b: 1, c: 1 }, { a: 2, b: 2, c: 2 }]);
  });

  it('is stopped at the limit and can clean up', async () => {
    const path = await write('endless.ts', 'export const log: string[] = []; export default function* () { try { for (let x = 0; ; x++) yield { x, log }; } finally { log.push("closed"); } }');
    const samples = await take(path, 2);
    expect(samples).toEqual([{ x: 0, log: ['closed'] }, { x: 1, log: ['closed'] }]);
  });

  it.each([
    ['throws.ts', 'throw new Error("boom")', /module failed: boom/],
    ['later.ts', 'export default function* () { yield { x: 1 }; throw new Error("boom"); }', /while it made sample 1: boom/],
    ['call.ts', 'export default async () => { throw new Error("boom"); }', /module failed: boom/],
    ['syntax.ts', 'export default [', /module failed/],
    ['nothing.ts', 'export const other = 1;', /neither a default export nor/],
    ['number.ts', 'export default 5;', /does not export an iterable/],
    ['empty.ts', 'export default [];', /not one was given/],
  ])('%s is refused', async (name, text, message) => {
    const path = await write(name, text);
    await expect(take(path)).rejects.toThrowError(message);
    await expect(take(path)).rejects.toMatchObject({ code: 'SAMPLES_INVALID', option: path });
  });
});

describe('arrays', () => {
  const reference = fileURLToPath(new URL('../../../../test/reference/npz/', import.meta.url));

  it('an .npz is one sample, an .npy one tensor', async () => {
    const [sample, ...rest] = await take(join(reference, 'silero.npz'));
    expect(rest).toEqual([]);
    expect(sample).toMatchObject({ input: { dtype: 'float32', dims: [1, 512] }, state: { dims: [2, 1, 128] }, sr: { dtype: 'int64', dims: [] } });
    expect(await take(join(reference, 'single.npy'))).toEqual([{ dtype: 'int32', dims: [2, 3], data: Int32Array.of(0, 1, 2, 3, 4, 5) }]);
  });

  it('a folder is one sample for each file, sorted by name', async () => {
    const arrays = join(folder, 'arrays');
    await mkdir(arrays);
    for (const [i, name] of ['b.npy', 'a.npy', 'notes.txt'].entries()) {
      const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }`.padEnd(118);
      await writeFile(join(arrays, name), Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY\x01\x00\x76\x00'), Buffer.from(header), Buffer.from([i])]));
    }
    const data = (await take(arrays)).map((sample) => (sample as { data: Uint8Array }).data[0]);
    expect(data).toEqual([1, 0]);
  });
});

it('tells a missing file and an unknown kind of file apart', async () => {
  await expect(take(join(folder, 'absent.ts'))).rejects.toMatchObject({ code: 'SAMPLES_NOT_FOUND' });
  await expect(take(await write('samples.xyz', '1,2'))).rejects.toThrowError(/cannot be read from a \.xyz file/);
});
