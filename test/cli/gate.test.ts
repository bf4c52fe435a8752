import { copyFileSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelOptions, type ModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { distFolder, distUrl, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { models } from '../support/models.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gate-')));
  copyFileSync(models.silero, join(folder, 'vad.onnx'));
  writeFileSync(join(folder, 'sine.ts'), SINE);
  writeFileSync(join(folder, 'evaluate.ts'), EVALUATE);
  writeFileSync(join(folder, 'samples.ts'), SAMPLES);
  writeFileSync(join(folder, 'threshold.txt'), '0.3');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SINE = `export const sine = (i: number) => ({
  input: { data: Float32Array.from({ length: 512 }, (_, t) => Math.sin((t * i) / 9)), dims: [1, 512] },
  state: { data: new Float32Array(256), dims: [2, 1, 128] },
  sr: { data: BigInt64Array.of(16000n), dims: [] },
})`;
const SAMPLES = `import { sine } from './sine.ts'
export default function* () { for (let i = 1; i < 4; i++) yield sine(i) }`;
/** Silence and tones are no speech: an answer is right where the probability is below the threshold. */
const EVALUATE = `import { readFileSync } from 'node:fs'
import { sine } from './sine.ts'
export default async (run) => {
  const threshold = Number(readFileSync(new URL('./threshold.txt', import.meta.url), 'utf8'))
  const accuracy: number[] = [], probability: number[] = []
  for (let i = 0; i < 8; i++) {
    const { output } = await run(sine(i))
    probability.push(output.data[0])
    accuracy.push(output.data[0] < threshold ? 1 : 0)
  }
  return { accuracy, probability: Math.max(...probability) }
}`;

const cli = (...args: string[]): Promise<ProgramResult> => runNode([join(distFolder, 'cli/main.js'), 'quantize', 'vad.onnx', '-o', 'out.onnx', '--no-verify', '--json', 'r.json', ...args], { cwd: folder });
const report = (): ModelReport => (JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as { models: ModelReport[] }).models[0]!;

describe.skipIf(!hasDist)('budgets on the command line (need the built package)', () => {
  it('hold metrics of an evaluator, and show them', async () => {
    const { code, stderr } = await cli('--format', 'fp16-storage', '--evaluate', 'evaluate.ts', '--accuracy-drop', '0.01', '--ceilings', 'probability=0.9', '--floors', 'accuracy=0.1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { accuracy, budget } = report();
    expect(accuracy!.metrics).toMatchObject([{ name: 'accuracy', from: 'evaluate', answers: 8 }, { name: 'probability', from: 'evaluate', answers: null }]);
    expect(budget.map(({ limit, held }) => [limit, held])).toEqual([['accuracyDrop', true], ['floors.accuracy', true], ['ceilings.probability', true]]);
  });

  it('hold compressed bytes and a latency that nothing breaks, and break those that nothing holds', async () => {
    const { code, stderr } = await cli('--format', 'int8-storage', '--compressed-bytes', '2000000', '--latency-ratio', '1000');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(report().budget.map(({ limit, held }) => [limit, held])).toEqual([['compressedBytes', true], ['latencyRatio', true]]);
    expect(report().artefact.compressed!.gzip).toBeLessThan(report().artefact.bytes);
    expect(await cli('--compressed-bytes', '10')).toMatchObject({ code: 1, stderr: expect.stringMatching(/compressedBytes +at most 10 B \(10 B\)/) });
  });

  it('end with 1 when a metric breaks its limit', async () => {
    const { code, stderr } = await cli('--evaluate', 'evaluate.ts', '--ceilings', 'probability=0.0001');
    expect(code).toBe(1);
    expect(stderr).toMatch(/ceilings\.probability +at most 0\.0001 +0\.\d+ +BROKEN {2}0\.\d+ → 0\.\d+/);
    expect(report().budget).toMatchObject([{ limit: 'ceilings.probability', held: false }]);
    expect(readdirSync(folder)).not.toContain('out.onnx');
  });

  it('end with 2 for a metric that nobody measures, and for an evaluator that fails', async () => {
    const unknown = await cli('--evaluate', 'evaluate.ts', '--floors', 'acuracy=0.5');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/"acuracy"[\s\S]*METRIC_MISSING[\s\S]*Did you mean "accuracy"/) });
    expect(await cli('--evaluate', 'evalute.ts')).toMatchObject({ code: 2, stderr: expect.stringContaining('EVALUATOR_FAILED') });
    writeFileSync(join(folder, 'evaluate.ts'), 'export default () => { throw new Error("no labels") }');
    expect(await cli('--evaluate', 'evaluate.ts')).toMatchObject({ code: 2, stderr: expect.stringMatching(/failed on the source: no labels[\s\S]*EVALUATOR_FAILED/) });
    expect(await cli('--floors', 'accuracy=high')).toMatchObject({ code: 2, stderr: expect.stringContaining('OPTION_INVALID') });
  });

  it('let pass with a warning where they are to', async () => {
    const { code, stderr } = await cli('--format', 'int4-storage', '--calibration', 'samples.ts', '--cosine', '0.9999999', '--on-fail', 'warn');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning vad\.onnx as int4-storage does not hold its budget/);
    expect(readdirSync(folder)).toContain('out.onnx');
  });

  it('fall back to a format that keeps more', async () => {
    const { code, stdout } = await cli('--format', 'int4-storage', '--calibration', 'samples.ts', '--cosine', '0.9999999', '--on-fail', 'fallback');
    expect(code).toBe(0);
    const { format, requestedFormat, attempts, artefact, notes } = report();
    expect(requestedFormat).toBe('int4-storage');
    expect(attempts!.length).toBeGreaterThan(1);
    expect(attempts!.at(-1)).toMatchObject({ format, bytes: artefact.bytes, broken: [] });
    expect(attempts!.slice(0, -1).every(({ broken }) => broken.includes('cosine'))).toBe(true);
    expect(readFileSync(join(folder, 'out.onnx')).byteLength).toBe(artefact.bytes);
    expect(stdout).toContain(`${format} (asked int4-storage)`);
    expect(notes[0]).toMatch(/^As int4-storage the model does not hold its budget/);
  });
});

describe.skipIf(!hasDist)('backing off (needs the built package)', () => {
  const args = ['--format', 'int4-storage', '--calibration', 'samples.ts', '--cosine', '0.9999', '--on-fail', 'back-off'];

  it('keeps few weights in half precision, tells what it tries, and gives a smaller file than another format', async () => {
    const { code, stderr } = await cli(...args);
    expect(code).toBe(0);
    const { format, attempts, artefact, weights, notes, budget } = report();
    expect(budget).toMatchObject([{ limit: 'cosine', held: true }]);
    expect(format).toBe('int4-storage');
    expect(readFileSync(join(folder, 'out.onnx')).byteLength).toBe(artefact.bytes);
    expect(attempts!.filter(({ broken, bytes }) => broken.length === 0 && bytes < artefact.bytes)).toEqual([]);
    const halves = weights.filter(({ scheme }) => scheme === 'fp16-storage').length;
    expect(halves).toBeGreaterThan(0);
    expect(notes).toEqual([expect.stringMatching(/^As int4-storage the model does not hold its budget \(cosine 0\.\d+ where 0\.9999 was asked\): int4-storage is used with \d+ weights in half precision \(/)]);
    expect(stderr.split('\n').filter((line) => line.startsWith('tried int4-storage with '))).not.toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['evaluate.ts', 'out.onnx', 'r.json', 'samples.ts', 'sine.ts', 'threshold.txt', 'vad.onnx']);
  }, 400_000);

  it('needs samples', async () => {
    const { code, stderr } = await cli('--format', 'int4-storage', '--cosine', '0.9999999', '--on-fail', 'back-off');
    expect(code).toBe(2);
    expect(stderr).toMatch(/samples have to tell which these are[\s\S]*SAMPLES_NOT_FOUND/);
  });
});

describe.skipIf(!hasDist)('an evaluator in the pipeline (needs the built package)', () => {
  const build = async (options: ModelOptions): Promise<{ cached: boolean; report: ModelReport; dependencies: string[] }> => {
    const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
    const pipeline = createPipeline({ root: folder, cacheDir: 'cache' });
    try {
      return await pipeline.quantizeFile('vad.onnx', resolveModelOptions({ verify: false, format: 'int8-storage', ...options }));
    } finally {
      await pipeline.close();
    }
  };

  it('runs again when what it reads or imports has changed', async () => {
    const evaluate = './evaluate.ts';
    const first = await build({ evaluate });
    expect(first.cached).toBe(false);
    expect(first.dependencies.map((path) => path.slice(folder.length + 1)).sort()).toEqual(['evaluate.ts', 'sine.ts', 'threshold.txt', 'vad.onnx']);
    expect(await build({ evaluate })).toMatchObject({ cached: true, report: first.report });
    writeFileSync(join(folder, 'threshold.txt'), '1e-9');
    const other = await build({ evaluate });
    expect(other.cached).toBe(false);
    expect(other.report.accuracy!.metrics![0]).toMatchObject({ name: 'accuracy', source: 0, artefact: 0 });
    writeFileSync(join(folder, 'sine.ts'), SINE.replace('/ 9', '/ 7'));
    expect((await build({ evaluate })).cached).toBe(false);
  });

  it('is told the files that it reads otherwise', async () => {
    const evaluate = { module: 'evaluate.ts', files: ['*.onnx', 'threshold.txt'] };
    const { dependencies } = await build({ evaluate });
    expect(dependencies.filter((path) => path.endsWith('vad.onnx')).length).toBeGreaterThan(0);
    await expect(build({ evaluate: { ...evaluate, files: 'none/*.png' } })).rejects.toMatchObject({ code: 'SAMPLES_NOT_FOUND' });
  });

  it.each(['fallback', 'back-off'] as const)('finds by %s what holds the budget, from the cache the second time', async (onFail) => {
    const options: ModelOptions = { format: 'int4-storage', calibration: './samples.ts', budget: { cosine: 0.9999 }, onFail };
    const first = await build(options);
    expect(first.report.requestedFormat).toBe('int4-storage');
    expect(first.report.budget.every(({ held }) => held)).toBe(true);
    expect(first.report.attempts!.filter(({ bytes, broken }) => broken.length === 0 && bytes < first.report.artefact.bytes)).toEqual([]);
    expect(await build(options)).toMatchObject({ cached: true, report: first.report });
  }, 400_000);
});

describe.skipIf(!hasDist)('a baseline on the command line (needs the built package)', () => {
  const lock = (): string => readFileSync(join(folder, 'quantize.lock.json'), 'utf8');

  it('is made, held and updated', async () => {
    const args = ['--format', 'int8-storage', '--calibration', 'samples.ts'];
    expect((await cli(...args)).code).toBe(0);
    expect(readdirSync(folder)).not.toContain('quantize.lock.json');
    expect((await cli(...args, '--update-baseline')).code).toBe(0);
    const made = lock();
    expect(JSON.parse(made)).toMatchObject({ version: 1, models: { 'vad.onnx': { 'int8-storage': { accuracy: { samples: 3 } } } } });
    expect(await cli(...args)).toMatchObject({ code: 0, stderr: '' });
    expect(report().baseline).toEqual([]);
    rmSync(join(folder, 'out.onnx'));
    const fewer = await cli(...args, '--samples', '2');
    expect(fewer).toMatchObject({ code: 1, stderr: expect.stringMatching(/vad\.onnx as int8-storage is worse than its baseline:[\s\S]*samples +3 +2 +REGRESSED/) });
    expect(readdirSync(folder)).not.toContain('out.onnx');
    expect((await cli(...args, '--samples', '2', '--on-fail', 'warn')).code).toBe(0);
    expect(lock()).toBe(made);
    writeFileSync(join(folder, 'quantize.lock.json'), '{');
    expect(await cli(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('BASELINE_INVALID') });
  });

  it('notices another model in the place of the first', async () => {
    expect((await cli('--format', 'int8-storage', '--update-baseline')).code).toBe(0);
    copyFileSync(models.ocrDirection, join(folder, 'vad.onnx'));
    expect(await cli('--format', 'int8-storage')).toMatchObject({ code: 1, stderr: expect.stringMatching(/source +[0-9a-f]{12} +[0-9a-f]{12} +REGRESSED/) });
  });
});
