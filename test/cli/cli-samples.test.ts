import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { sampleModels, wavFile } from '../support/sample-models.ts';
import { drawnPixels, sampleReference } from '../support/sample-reference.ts';

let folder: string;
const write = (name: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
};

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'cli samples ')));
  for (const [name, make] of Object.entries(sampleModels)) write(`${name}.onnx`, make());
  for (const [i, name] of ['photos/cat/1.png', 'photos/cat/2.png', 'photos/dog/1.png'].entries()) {
    write(name, await sharp(drawnPixels(20 + i, 16), { raw: { width: 20 + i, height: 16, channels: 3 } }).png().toBuffer());
  }
  write('lines/lines.txt', sampleReference.lines.join('\n'));
  write('lines/tokenizer.json', JSON.stringify(sampleReference.texts[0]!.tokenizer));
  write('clips/a.wav', wavFile(Int16Array.from({ length: 1100 }, (_, i) => Math.round(9000 * Math.sin(i / 9))), 8000));
  const rows = (start: number): number[][] => [Array.from({ length: 64 }, (_, i) => Math.sin(start + i))];
  write('rows.json', JSON.stringify([{ x: rows(1) }, { x: rows(2) }]));
  write('rows.jsonl', [1, 2, 3].map((start) => JSON.stringify(rows(start))).join('\n'));
  write('broken/a.png', 'no image');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quantize = (model: string, ...args: string[]): Promise<ProgramResult> =>
  runNode([join(distFolder, 'cli/main.js'), 'quantize', `${model}.onnx`, '-o', 'out.onnx', '--format', 'int8-storage', '--json', 'r.json', ...args], { cwd: folder });

describe.skipIf(!hasDist)('unplugin-quantize --calibration (needs the built package)', () => {
  it.each<[string, string, number]>([
    ['images', 'photos', 3],
    ['images', 'photos/*/1.png', 2],
    ['images', 'photos/dog/1.png', 1],
    ['text', 'lines/lines.txt', 6],
    ['text', 'lines', 6],
    ['sound', 'clips', 4],
    ['arrays', 'rows.json', 2],
    ['arrays', 'rows.jsonl', 3],
  ])('measures a model of %s on %s', async (model, calibration, samples) => {
    const { code, stderr } = await quantize(model, '--calibration', calibration, '--cosine', '0.99');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [report] = (JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as { models: ModelReport[] }).models;
    expect(report!.accuracy).toMatchObject({ samples, synthetic: false });
    expect(report!.weights.some(({ scheme }) => scheme === 'int8-storage')).toBe(true);
  });

  it.each<[string, string, boolean]>([
    ['a folder alone', 'photos', true],
    ['a folder and the size', '{ "images": "photos", "size": 8 }', true],
    ['a mean', '{ "images": "photos", "mean": [0.5, 0.5, 0.5], "std": 0.25 }', false],
    ['a scale', '{ "images": "photos", "scale": 0.01 }', false],
  ])('tells of images that nobody said how to normalize: %s', async (_, calibration, isTold) => {
    const { code, stdout, stderr } = await quantize('images', '--calibration', calibration);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('The images go in as values from 0 to 1').length - 1).toBe(isTold ? 1 : 0);
  });

  it('refuses JSON that is none, and what JSON says of no samples', async () => {
    expect(await quantize('images', '--calibration', '{ "images": photos }')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--calibration is neither a path nor JSON.*\[OPTION_INVALID\]/) });
    expect(await quantize('images', '--calibration', '{ "images": "photos", "means": 1 }')).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no "means" in a calibration by images') });
  });

  it('asks for what a path cannot say', async () => {
    const { code, stderr } = await quantize('audio', '--calibration', 'clips');
    expect(code).toBe(2);
    expect(stderr).toMatch(/Sample 0 \(a\.wav:\d+\) has no value for the input "gain"/);
  });

  it.each([
    ['a folder that is not there', 'images', 'phots', 'SAMPLES_NOT_FOUND', /phots/],
    ['a pattern without files', 'images', 'photos/**/*.jpg', 'SAMPLES_NOT_FOUND', /looked for \*\*\/\*\.jpg below/],
    ['an image that is none', 'images', 'broken', 'SAMPLES_INVALID', /broken\/a\.png/],
    ['images for a model of texts', 'text', 'photos', 'SAMPLES_INVALID', /No input of the model takes images/],
    ['texts for a model of images', 'images', 'lines', 'SAMPLES_INVALID', /input "image" float32\[batch,3,8,8\] takes of a text/],
  ])('ends with 2 for %s', async (_, model, calibration, error, place) => {
    const { code, stdout, stderr } = await quantize(model, '--calibration', calibration);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`[${error}]`);
    expect(stderr).toMatch(place);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
