import { copyFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { models } from '../support/models.ts';

type Validator = ((value: unknown) => boolean) & { errors?: unknown };
const BIN = join(distFolder, 'cli/main.js');
/** Images of lines of text. */
const LINES = fileURLToPath(new URL('../../examples/ci/lines', import.meta.url));

describe.skipIf(!hasDist)('unplugin-quantize report (needs the built package)', () => {
  let folder: string;
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'report-')));
    copyFileSync(models.ocrDirection, join(folder, 'line.onnx'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const cli = (...args: string[]): Promise<ProgramResult> => runNode([BIN, ...args], { cwd: folder });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const validator = (): Validator => {
    // The package's own copy, as an editor finds it; the validator comes by way of webpack.
    const { default: Ajv } = createRequire(createRequire(import.meta.resolve('webpack')).resolve('schema-utils'))('ajv') as { default: new (options: object) => { compile(schema: object): Validator } };
    return new Ajv({ strict: true }).compile(JSON.parse(readFileSync(join(distFolder, 'report.schema.json'), 'utf8')) as object);
  };

  it('tries formats on a model, and tells what each costs', async () => {
    const { code, stdout, stderr } = await cli('report', 'line.onnx', '-o', 'all.html', '-o', 'all.json', '-o', 'all.md', '--formats', 'int8,fp16-storage,int8-static');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^int8-static cannot be made: .*samples/m);
    const validate = validator();
    const report = JSON.parse(read('all.json')) as { models: ModelReport[] };
    expect({ isValid: validate(report), errors: validate.errors ?? null }).toEqual({ isValid: true, errors: null });
    expect(report.models.map(({ format }) => format)).toEqual(['fp16-storage', 'int8']);
    for (const { accuracy, details, weights, budget } of report.models) {
      expect(accuracy).toMatchObject({ synthetic: true, samples: 1 });
      expect(budget).toEqual([]);
      const changed = weights.filter(({ scheme }) => scheme !== 'kept').map(({ tensor }) => tensor);
      expect(details!.weights.map(({ tensor }) => tensor).sort()).toEqual(changed.sort());
      expect(details!.weights.some(({ histogram }) => histogram !== undefined)).toBe(true);
    }
    const [half, int8] = report.models.map(({ details }) => Math.min(...details!.weights.flatMap(({ sqnr }) => sqnr ?? [])));
    // Half precision has 11 bits, 8-bit integers 7: at least 4 bits of 6.02 dB lie between them.
    expect(half! - int8!).toBeGreaterThan(20);
    expect(read('all.html')).toContain('Accuracy against size');
    expect(read('all.md')).toContain('1 model, 2 artefacts');
  });

  it('shows the activations that samples were seen to give', async () => {
    const { code, stderr } = await cli('report', 'line.onnx', '-o', 'static.json', '-o', 'static.html', '--formats', 'int8-static', '--calibration', LINES);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(read('static.json')) as { models: ModelReport[] };
    const validate = validator();
    expect({ isValid: validate(report), errors: validate.errors ?? null }).toEqual({ isValid: true, errors: null });
    const { activations, weights } = report.models[0]!.details!;
    expect(activations.map(({ sqnr }) => sqnr)).toEqual(activations.map(({ sqnr }) => sqnr).toSorted((a, b) => a! - b!));
    expect(activations).toHaveLength(8);
    for (const { histogram, min, max } of activations) {
      expect(min).toBeLessThan(max);
      expect(histogram.counts.reduce((a, b) => a + b)).toBeGreaterThan(16);
    }
    // 127 levels on each side of zero and one scale for each channel: never fewer than 5 bits of 6.02 dB.
    expect(Math.min(...weights.flatMap(({ sqnr }) => sqnr ?? []))).toBeGreaterThan(30);
    expect(read('static.html')).toContain('Activations that 8 bits fit worst');
  });

  it('gives the same page from the report as from the model', async () => {
    expect((await cli('report', 'all.json', '-o', 'again.html')).code).toBe(0);
    expect(read('again.html')).toBe(read('all.html'));
  });

  it.each([
    [['report'], 'Missing required args'],
    [['report', 'all.json'], 'The output file is missing'],
    [['report', 'all.json', '-o', 'x.html', '--formats', 'int8'], 'this is a report'],
    [['report', 'line.onnx', '-o', 'x.html', '--formats', 'int9'], 'There is no format "int9"'],
    [['report', 'none.json', '-o', 'x.html'], '[REPORT_INVALID]'],
    [['report', 'none.onnx', '-o', 'x.html'], '[MODEL_NOT_FOUND]'],
    [['report', 'broken.json', '-o', 'x.html'], 'models[0] has no "name"'],
    [['report', 'all.json', '-o', 'x.html', '--cosine', '1'], 'There is no flag "--cosine"'],
  ])('refuses %j', async (args, message) => {
    writeFileSync(join(folder, 'broken.json'), '{"version":1,"models":[{}]}');
    const { code, stderr } = await cli(...args);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(message) as string });
    expect(existsSync(join(folder, 'x.html'))).toBe(false);
  });
});
