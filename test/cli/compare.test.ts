import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComparedModels } from '../../packages/unplugin-quantize/src/cli/format-comparison.ts';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';

let folder: string;
const cli = (...args: string[]): Promise<ProgramResult> => runNode([join(distFolder, 'cli/main.js'), ...args], { cwd: folder });
const compare = (...args: string[]): Promise<ProgramResult> => cli('compare', ...args);

const SAMPLES = `export default function* () {
  for (let i = 1; i < 4; i++) yield { x: { data: Float32Array.from({ length: 3 * 48 * 192 }, (_, t) => Math.sin((t * i) / 50)), dims: [1, 3, 48, 192] } };
}`;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'compare-')));
  copyFileSync(models.ocrDirection, join(folder, 'cls.onnx'));
  copyFileSync(models.silero, join(folder, 'vad.onnx'));
  writeFileSync(join(folder, 'samples.mjs'), SAMPLES);
  writeFileSync(join(folder, 'evaluate.mjs'), 'export default async () => ({ f1: 0.5 })');
  writeFileSync(join(folder, 'no.onnx'), 'text');
  if (hasDist) await cli('quantize', 'cls.onnx', '-o', 'cls.int8.onnx', '--no-verify');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasDist)('unplugin-quantize compare (needs the built package)', () => {
  it('prints a line for each output', async () => {
    const { code, stdout, stderr } = await compare('cls.onnx', 'cls.int8.onnx', '--samples', 'samples.mjs', '--cosine', '0.9');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^cls\.int8\.onnx +\d+\.\d\d kB +−7\d\.\d %$/m);
    expect(stdout).toMatch(/^output +cosine +mean +SQNR +max error +mean error +top-1 +KL +worst sample$/m);
    expect(stdout).toMatch(/^onnxruntime-node 1\.30\.0, 3 samples$/m);
    expect(stdout).toMatch(/^✓ budget$/m);
  });

  it('prints JSON, with the metrics of an evaluator', async () => {
    const { code, stdout } = await compare('cls.onnx', 'cls.int8.onnx', '--samples', 'samples.mjs', '--sample-limit', '2', '--evaluate', 'evaluate.mjs', '--floors', 'f1=0.5', '--json');
    expect(code).toBe(0);
    const { models: files, accuracy, budget } = JSON.parse(stdout) as ComparedModels;
    expect(files[0].bytes).toBeGreaterThan(files[1].bytes);
    expect(accuracy).toMatchObject({ samples: 2, synthetic: false, outputs: [{ top1Agreement: 1, top5Agreement: null }], metrics: expect.arrayContaining([expect.objectContaining({ name: 'f1', source: 0.5, artefact: 0.5 })]) as unknown });
    expect(accuracy!.outputs[0]!.klDivergence).toBeGreaterThan(0);
    expect(budget).toMatchObject([{ limit: 'floors.f1', held: true }]);
  });

  it('finds no distance between a model and itself with its weights in another file, on generated input', async () => {
    writeSplitModel(folder);
    await cli('quantize', 'model.onnx', '-o', 'whole.onnx', '--format', 'none', '--no-verify');
    const { code, stdout } = await compare('model.onnx', 'whole.onnx', '--cosine', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^y +1 +1 +equal +0 +0 /m);
    expect(stdout).toContain('generated input');
  });

  it('compares in WebAssembly', async () => {
    const { code, stdout } = await compare('cls.onnx', 'cls.int8.onnx', '--targets', 'wasm');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^onnxruntime-web 1\.30\.0, generated input$/m);
  });

  it('measures what a limit asks for', async () => {
    const { code, stdout } = await compare('cls.onnx', 'cls.int8.onnx', '--compressed-bytes', '300000', '--latency-ratio', '1000');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^brotli \d+\.\d\d kB → \d+\.\d\d kB, gzip /m);
    expect(stdout).toMatch(/^latency \d+\.\d\d ms → \d+\.\d\d ms, ×/m);
    expect(stdout).toMatch(/^✓ budget$/m);
  });

  it('ends with 1 for a broken limit, and shows the comparison all the same', async () => {
    const { code, stdout, stderr } = await compare('cls.onnx', 'cls.int8.onnx', '--samples', 'samples.mjs', '--ratio', '0.01', '--cosine', '0.5');
    expect(code).toBe(1);
    expect(stdout).toContain('worst sample');
    expect(stderr).toMatch(/cls\.int8\.onnx does not hold its budget:[^]*ratio[^]*BROKEN[^]*BUDGET_BROKEN/);
  });

  it.each<[string[], string]>([
    [['cls.onnx'], 'Missing required args'],
    [['cls.onnx', 'gone.onnx'], 'MODEL_NOT_FOUND'],
    [['no.onnx', 'cls.onnx'], 'MODEL_NOT_ONNX'],
    [['cls.onnx', 'vad.onnx'], 'ENGINE_REJECTED'],
    [['cls.onnx', 'cls.onnx', '--samples', 'gone.mjs'], 'SAMPLES_NOT_FOUND'],
    [['cls.onnx', 'cls.onnx', '--sample-limit', '0'], 'OPTION_INVALID'],
    [['cls.onnx', 'cls.onnx', '--cosine', '2'], 'OPTION_INVALID'],
    [['cls.onnx', 'cls.onnx', '--targets', 'moon'], 'OPTION_INVALID'],
    [['cls.onnx', 'cls.onnx', '--format', 'int8'], 'OPTION_UNKNOWN'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, stderr } = await compare(...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) as string });
  });
});
