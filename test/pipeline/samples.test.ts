import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CalibrationSpec } from '../../packages/unplugin-quantize/src/calibration.ts';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { Pipeline, PipelineResult } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import { distUrl, hasDist } from '../support/dist.ts';
import { sampleModels, wavFile } from '../support/sample-models.ts';
import { drawnPixels, sampleReference } from '../support/sample-reference.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

let root: string;
let pipeline: Pipeline;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pipeline-samples-')));
  const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
  pipeline = createPipeline({ root, cacheDir: 'cache' });
});
afterEach(async () => {
  await pipeline.close();
  rmSync(root, { recursive: true, force: true });
});

function write(name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
}
const draw = async (name: string, width: number): Promise<void> => write(name, await sharp(drawnPixels(width, 9), { raw: { width, height: 9, channels: 3 } }).png().toBuffer());
const measure = (model: keyof typeof sampleModels, calibration: string | CalibrationSpec, sampleLimit = 100): Promise<PipelineResult> =>
  pipeline.quantizeFile(`${model}.onnx`, resolveModelOptions({ format: 'int8-storage', verify: false, calibration, sampleLimit }));
const taken = ({ report }: PipelineResult): number | undefined => report.accuracy?.samples;

describe.skipIf(!hasDist)('samples on their way through the pipeline (needs the built package)', () => {
  it('images: measured again for another preparation, choice or picture, and not otherwise', async () => {
    write('images.onnx', sampleModels.images());
    for (const [i, name] of ['a', 'b', 'c'].entries()) await draw(`photos/${name}.png`, 9 + i);
    const spec = { images: 'photos/*.png', mean: [0.5, 0.5, 0.5], std: 0.25 } satisfies CalibrationSpec;
    const first = await measure('images', spec);
    expect(taken(first)).toBe(3);
    expect(first.dependencies.map((path) => path.slice(root.length + 1))).toEqual(['images.onnx', 'photos/a.png', 'photos/b.png', 'photos/c.png']);
    expect((await measure('images', { ...spec })).cached).toBe(true);
    expect((await measure('images', { ...spec, std: 0.5 })).cached).toBe(false);
    const one = await measure('images', spec, 1);
    expect([taken(one), one.cached]).toEqual([1, false]);
    await draw('photos/d.png', 30);
    expect(taken(await measure('images', spec))).toBe(4);
    await draw('photos/a.png', 31);
    expect((await measure('images', spec)).cached).toBe(false);
    expect((await measure('images', spec)).cached).toBe(true);
  });

  it('texts: measured again for another tokenizer', async () => {
    write('text.onnx', sampleModels.text());
    write('lines.tsv', sampleReference.lines.map((line, i) => `${i}\t${line}`).join('\n'));
    write('t/tokenizer.json', JSON.stringify(sampleReference.texts[0]!.tokenizer));
    const spec = { text: 'lines.tsv', tokenizer: 't/tokenizer.json', column: 1, label: 0, batch: 2, limit: 2 } satisfies CalibrationSpec;
    const first = await measure('text', spec);
    expect([taken(first), first.cached]).toEqual([2, false]);
    expect((await measure('text', spec)).cached).toBe(true);
    write('t/tokenizer.json', JSON.stringify(sampleReference.texts[1]!.tokenizer));
    expect((await measure('text', spec)).cached).toBe(false);
  });

  it('sound: windows of clips, with values of other inputs', async () => {
    write('audio.onnx', sampleModels.audio());
    write('clips/a.wav', wavFile(Int16Array.from({ length: 1100 }, (_, i) => Math.round(9000 * Math.sin(i / 9))), 8000));
    const spec = { audio: 'clips', sampleRate: 16000, feeds: { gain: 2 } } satisfies CalibrationSpec;
    // 2,200 frames at 16 kHz are 8 windows of 256.
    expect(taken(await measure('audio', spec))).toBe(8);
    expect((await measure('audio', { ...spec, feeds: { gain: 3 } })).cached).toBe(false);
  });

  it('a module: measured again when a file that it imports changes', async () => {
    write('arrays.onnx', sampleModels.arrays());
    write('samples/main.ts', "import { count } from './lib/count.js'; export default function* () { for (let i = 0; i < count; i++) yield { x: [Array.from({ length: 64 }, (_, k) => Math.sin(i + k))] }; }");
    write('samples/lib/count.ts', 'export const count: number = 2;');
    const first = await measure('arrays', 'samples/main.ts');
    expect(taken(first)).toBe(2);
    expect(first.dependencies).toContain(join(root, 'samples/lib/count.ts'));
    expect((await measure('arrays', { module: 'samples/main.ts' })).cached).toBe(false);
    expect((await measure('arrays', 'samples/main.ts')).cached).toBe(true);
    write('samples/lib/count.ts', 'export const count: number = 3;');
    expect(taken(await measure('arrays', 'samples/main.ts'))).toBe(3);
  });
});
