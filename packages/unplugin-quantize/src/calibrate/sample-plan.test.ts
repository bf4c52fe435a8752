import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CalibrationSpec } from '../calibration.ts';
import type { ValueSignature } from '../types.ts';
import { locateSamples } from './files/locate.ts';
import { planSamples } from './sample-plan.ts';
import { watchedPlaces } from './watched-places.ts';

let root: string;
const MAIN = `
import { a } from './lib/a.js';
import type { T } from "./types.ts";
export * from './lib';
import './side.mjs';
const lazy = () => import('./lazy.ts'), common = require("./common.cjs");
const data = new URL('../data/numbers.json', import.meta.url), image = new URL('picture.png', import.meta.url);
import sharp from 'sharp'; import fs from 'node:fs'; import '../gone.ts';
export default [a, lazy, common, data, image, sharp, fs];`;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'plan ü '));
  const files: Record<string, string> = {
    'src/main.ts': MAIN,
    'src/lib/a.ts': "import { b } from './b'; import '../main.ts'; export const a = b;",
    'src/lib/b.ts': 'export const b = 1;',
    'src/lib/index.ts': "export { c } from\n  './c.mts'",
    'src/lib/c.mts': 'export const c = 1',
    'src/types.ts': '', 'src/side.mjs': '', 'src/lazy.ts': '', 'src/common.cjs': '', 'data/numbers.json': '[]', 'src/picture.png': '', 'src/unused.ts': '',
    'images/b.png': '', 'images/a.png': '', 'images/c.png': '', 'images/d.png': '',
    'text/lines.txt': 'a\n\nb\nc\n', 'text/tokenizer.json': '{}', 'text/tokenizer_config.json': '{}',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const image: ValueSignature = { name: 'x', dtype: 'float32', dims: [1, 3, null, null] };
const ids: ValueSignature = { name: 'input_ids', dtype: 'int64', dims: [1, null] };
const plan = async (calibration: string | CalibrationSpec, inputs: ValueSignature[], limit?: number): Promise<{ names: string[]; items: string[] }> => {
  const { files, items } = await planSamples(locateSamples(calibration, root), { inputs, limit });
  return { names: files.map(({ name }) => name), items };
};

describe('planSamples', () => {
  it('finds what a module names, wherever it is', async () => {
    const { names, items } = await plan('src/main.ts', []);
    expect(names).toEqual(['../data/numbers.json', 'common.cjs', 'lazy.ts', 'lib/a.ts', 'lib/b.ts', 'lib/c.mts', 'lib/index.ts', 'main.ts', 'picture.png', 'side.mjs', 'types.ts']);
    expect(items).toEqual([]);
  });

  it('lists the chosen files only, without reading them', async () => {
    expect(await plan('images', [image])).toEqual({ names: ['a.png', 'b.png', 'c.png', 'd.png'], items: ['a.png', 'b.png', 'c.png', 'd.png'] });
    const two = await plan('images', [image], 2);
    expect(two.names).toHaveLength(2);
    expect(two.items).toEqual(two.names);
    expect(await plan({ images: 'images', limit: 2 }, [image])).toEqual(two);
    const others = await Promise.all([1, 2, 3, 4].map((seed) => plan({ images: 'images', limit: 2, seed }, [image])));
    expect(new Set([two, ...others].map(({ names }) => names.join())).size).toBeGreaterThan(1);
  });

  it('has the tokenizer and the lines of texts', async () => {
    expect(await plan('text/lines.txt', [ids])).toEqual({ names: ['lines.txt', 'tokenizer/tokenizer.json', 'tokenizer/tokenizer_config.json'], items: ['lines.txt:1', 'lines.txt:3', 'lines.txt:4'] });
  });

  it('does not look at arrays that are whole', async () => {
    writeFileSync(join(root, 'broken.npz'), 'x');
    expect(await plan('broken.npz', [])).toEqual({ names: ['broken.npz'], items: ['broken.npz'] });
    await expect(plan({ arrays: 'broken.npz', batch: 1 }, [])).rejects.toMatchObject({ code: 'SAMPLES_INVALID' });
  });
});

describe('watchedPlaces', () => {
  const places = async (calibration: string | CalibrationSpec): Promise<string[]> => (await watchedPlaces(locateSamples(calibration, root))).map((path) => path.slice(root.length + 1));

  it('are folders of patterns, the tokenizer, and all files of a module, whether or not they can be read', async () => {
    expect(await places({ text: ['text/*.txt', 'none.txt'], tokenizer: 't/tokenizer.json' })).toEqual(['t/tokenizer.json', 'text', 'none.txt']);
    expect(await places('src/lib/a.ts')).toEqual(expect.arrayContaining(['src/lib/a.ts', 'src/lib/b.ts', 'src/main.ts', 'data/numbers.json']));
    expect(await places('none.ts')).toEqual(['none.ts']);
  });
});
