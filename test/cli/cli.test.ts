import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { distFolder, distUrl, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';
import { VAD_SAMPLES } from '../support/vad-samples.ts';

type CoreModule = typeof import('../../packages/unplugin-quantize/src/core.ts');
type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'cli-')));
  copyFileSync(models.ocrDetection, join(folder, 'det.onnx'));
  copyFileSync(models.silero, join(folder, 'vad.onnx'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BIN = join(distFolder, 'cli/main.js');
const cli = (...args: string[]): Promise<ProgramResult> => runNode([BIN, ...args], { cwd: folder });
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const reportOf = (path: string): ModelReport => (JSON.parse(readFileSync(path, 'utf8')) as { models: ModelReport[] }).models[0]!;

describe.skipIf(!hasDist)('unplugin-quantize quantize (needs the built package)', () => {
  it('writes the artefact, a table and a report', async () => {
    const { code, stdout, stderr } = await cli('quantize', 'det.onnx', '-o', 'small.onnx', '--json', 'out/report.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^det\.onnx\s+4\.75 MB\s+→\s+1\.\d\d MB\s+−7\d\.\d %\s+int8\n/);
    const report = reportOf(join(folder, 'out/report.json'));
    expect(report).toMatchObject({
      name: 'det.onnx',
      source: { sha256: sha256(join(folder, 'det.onnx')) },
      artefact: { sha256: sha256(join(folder, 'small.onnx')), bytes: readFileSync(join(folder, 'small.onnx')).byteLength },
      checks: [{ engine: 'onnxruntime-node', outcome: 'ran' }, { engine: 'onnxruntime-web', outcome: 'ran' }],
    });
    expect(readdirSync(folder).sort()).toEqual(['det.onnx', 'out', 'small.onnx', 'vad.onnx']);
  });

  it.each(['det.onnx', 'vad.onnx'])('makes of %s what the pipeline and the core make, in every process', async (model) => {
    const runs = await Promise.all(['one', 'two'].map((name) => cli('quantize', model, '-o', name, '--no-verify')));
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    const bytes = readFileSync(join(folder, 'one'));
    expect(bytes.equals(readFileSync(join(folder, 'two')))).toBe(true);

    const core = (await import(distUrl('core.js'))) as CoreModule;
    expect(bytes.equals((await core.quantizeModel(join(folder, model))).bytes)).toBe(true);

    const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
    const pipeline = createPipeline({ root: folder, cacheDir: false });
    const { file } = await pipeline.quantizeFile(model, resolveModelOptions({ verify: false }));
    expect(bytes.equals(readFileSync(file))).toBe(true);
    await pipeline.close();
  });

  it('measures on samples and holds a budget', async () => {
    writeFileSync(join(folder, 'samples.mjs'), VAD_SAMPLES);
    const { code, stdout } = await cli('quantize', 'vad.onnx', '-o', 'out.onnx', '--format', 'fp16-storage', '--calibration', 'samples.mjs', '--samples', '2', '--cosine', '0.99', '--ratio', '0.6', '--json', 'r.json');
    expect(code).toBe(0);
    expect(stdout).toContain('✓ budget');
    const { accuracy, budget } = reportOf(join(folder, 'r.json'));
    expect(accuracy).toMatchObject({ engine: 'onnxruntime-node', samples: 2, synthetic: false });
    expect(budget.map(({ limit, held }) => [limit, held])).toEqual([['cosine', true], ['ratio', true]]);
  });

  it('ends with 1 for a broken budget, reports it and writes no model', async () => {
    const { code, stdout, stderr } = await cli('quantize', 'det.onnx', '-o', 'out.onnx', '--max-bytes', '1000', '--no-verify', '--json', 'r.json');
    expect(code).toBe(1);
    expect(stdout).toContain('✗ budget (maxBytes)');
    expect(stderr).toContain('[BUDGET_BROKEN]');
    expect(reportOf(join(folder, 'r.json')).budget).toMatchObject([{ limit: 'maxBytes', asked: 1000, held: false }]);
    expect(readdirSync(folder).sort()).toEqual(['det.onnx', 'r.json', 'vad.onnx']);
  });

  it('keeps an older output when the budget is broken', async () => {
    writeFileSync(join(folder, 'out.onnx'), 'older');
    expect((await cli('quantize', 'det.onnx', '-o', 'out.onnx', '--max-bytes', '1000', '--no-verify')).code).toBe(1);
    expect(readFileSync(join(folder, 'out.onnx'), 'utf8')).toBe('older');
    expect((await cli('quantize', 'det.onnx', '-o', 'out.onnx', '--no-verify')).code).toBe(0);
    expect(readFileSync(join(folder, 'out.onnx')).byteLength).toBeGreaterThan(1_000_000);
  });

  it('passes the options of a model on', async () => {
    const weight = 'conv2d_417.w_0';
    await cli('quantize', 'det.onnx', '-o', 'out.onnx', '--format', 'int8-storage', '--exclude', weight, '--exclude', 'nothing,else', '--keep-names', '--no-verify', '--json', 'r.json');
    const { weights, requestedFormat } = reportOf(join(folder, 'r.json'));
    expect(requestedFormat).toBe('int8-storage');
    expect(weights.find(({ tensor }) => tensor === weight)).toMatchObject({ scheme: 'kept' });
    expect(weights.filter(({ scheme }) => scheme === 'int8-storage').length).toBeGreaterThan(10);
    // Only a name of the inner graph shows whether names were kept.
    expect(readFileSync(join(folder, 'out.onnx')).includes('p2o.Conv.1')).toBe(true);
    await cli('quantize', 'det.onnx', '-o', 'short.onnx', '--no-verify');
    expect(readFileSync(join(folder, 'short.onnx')).includes('p2o.Conv.1')).toBe(false);
  });

  it('puts external data into the output', async () => {
    writeSplitModel(folder);
    expect((await cli('quantize', 'model.onnx', '-o', 'out/whole.onnx')).code).toBe(2);
    mkdirSync(join(folder, 'out'));
    const { code, stderr } = await cli('quantize', 'model.onnx', '-o', 'out/whole.onnx', '--format', 'none', '--cosine', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(join(folder, 'out/whole.onnx')).byteLength).toBeGreaterThan(4 * 64 * 64);
  });

  it('puts weights into a second file, runs the pair and reports its size', async () => {
    const { code, stderr } = await cli('quantize', 'vad.onnx', '-o', 'small.onnx', '--format', 'fp16-storage', '--external-data', '--cosine', '0.9', '--json', 'r.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readdirSync(folder).sort()).toEqual(['det.onnx', 'r.json', 'small.onnx', 'small.onnx.data', 'vad.onnx']);
    const [model, data] = ['small.onnx', 'small.onnx.data'].map((name) => join(folder, name)) as [string, string];
    const [modelBytes, dataBytes] = [readFileSync(model).byteLength, readFileSync(data).byteLength];
    const { artefact, checks } = reportOf(join(folder, 'r.json'));
    expect(artefact).toMatchObject({ bytes: modelBytes + dataBytes, sha256: sha256(model), data: { location: 'small.onnx.data', bytes: dataBytes, sha256: sha256(data) } });
    expect(checks.map(({ engine, outcome }) => [engine, outcome])).toEqual([['onnxruntime-node', 'ran'], ['onnxruntime-web', 'ran']]);
  });

  it('keeps the content of a pair that only gets another name', async () => {
    writeSplitModel(folder);
    expect((await cli('quantize', 'model.onnx', '-o', 'copy.onnx', '--format', 'none', '--external-data', '--cosine', '1')).code).toBe(0);
    expect(readFileSync(join(folder, 'copy.onnx.data')).equals(readFileSync(join(folder, 'model.data')))).toBe(true);
    expect(readFileSync(join(folder, 'copy.onnx')).includes('copy.onnx.data')).toBe(true);
  });

  it.each([
    ['as the output', 'out.onnx', ['-o', 'out.onnx']],
    ['as the output\'s data', 'out.onnx.data', ['-o', 'out.onnx', '--external-data']],
  ])('does not replace the external data of the source %s', async (_, location, args) => {
    writeSplitModel(folder, location);
    const before = sha256(join(folder, location));
    const { code, stderr } = await cli('quantize', 'model.onnx', ...args, '--no-verify');
    expect(code).toBe(2);
    expect(stderr).toContain('replace the external data');
    expect(sha256(join(folder, location))).toBe(before);
    expect(readdirSync(folder).sort()).toEqual(['det.onnx', location, 'model.onnx', 'vad.onnx'].sort());
  });

  it('leaves neither file behind for a broken budget', async () => {
    expect((await cli('quantize', 'det.onnx', '-o', 'out.onnx', '--external-data', '--max-bytes', '1000', '--no-verify')).code).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(['det.onnx', 'vad.onnx']);
  });

  const refusals: [string, string[], string, RegExp][] = [
    ['a missing model', ['none.onnx', '-o', 'out.onnx'], 'MODEL_NOT_FOUND', /model: none\.onnx/],
    ['a folder', ['.', '-o', 'out.onnx'], 'MODEL_NOT_FOUND', /is a folder/],
    ['half a model', ['half.onnx', '-o', 'out.onnx'], 'MODEL_TRUNCATED', /model: half\.onnx/],
    ['no output', ['det.onnx'], 'OPTION_INVALID', /-o/],
    ['the model as output', ['det.onnx', '-o', './det.onnx'], 'OPTION_INVALID', /replace the model/],
    ['a folder that is not there', ['det.onnx', '-o', 'none/out.onnx'], 'WRITE_FAILED', /does not exist/],
    ['a format that is not there', ['det.onnx', '-o', 'out.onnx', '--format', 'int9'], 'OPTION_INVALID', /Did you mean "int8"/],
    ['a misspelt flag', ['det.onnx', '-o', 'out.onnx', '--max-byts', '9'], 'OPTION_UNKNOWN', /Did you mean "--max-bytes"/],
    ['a flag without its value', ['det.onnx', '-o', 'out.onnx', '--format'], 'OPTION_INVALID', /format/],
    ['a limit that is no number', ['det.onnx', '-o', 'out.onnx', '--cosine', 'high'], 'OPTION_INVALID', /cosine/],
    ['samples that are not there', ['vad.onnx', '-o', 'out.onnx', '--calibration', 'none.ts'], 'SAMPLES_NOT_FOUND', /none\.ts/],
    ['samples that do not fit', ['vad.onnx', '-o', 'out.onnx', '--calibration', 'bad.mjs'], 'SAMPLES_INVALID', /nose/],
    ['samples that end the process', ['vad.onnx', '-o', 'out.onnx', '--calibration', 'exit.mjs'], 'WORKER_FAILED', /vad\.onnx/],
    ['a second model', ['det.onnx', 'vad.onnx', '-o', 'out.onnx'], 'OPTION_INVALID', /vad\.onnx/],
    ['no model', ['-o', 'out.onnx'], 'OPTION_INVALID', /model/],
  ];
  it.each(refusals)('ends with 2 for %s and leaves nothing', async (_, args, error, place) => {
    copyFileSync(join(folder, 'vad.onnx'), join(folder, 'half.onnx'));
    truncateSync(join(folder, 'half.onnx'), 1_000_000);
    writeFileSync(join(folder, 'bad.mjs'), 'export default [{ nose: [1] }]');
    writeFileSync(join(folder, 'exit.mjs'), 'process.exit(0)');
    const before = readdirSync(folder);
    const { code, stdout, stderr } = await cli('quantize', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error /);
    expect(stderr).toContain(`[${error}]`);
    expect(stderr).toMatch(place);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.skipIf(process.platform === 'win32')('removes its draft when it is interrupted', async () => {
    writeFileSync(join(folder, 'slow.mjs'), 'process.stderr.write("measuring"); await new Promise((resolve) => setTimeout(resolve, 60_000));');
    const before = readdirSync(folder);
    const child = spawn(process.execPath, [BIN, 'quantize', 'vad.onnx', '-o', 'out.onnx', '--calibration', 'slow.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stderr.once('data', resolve));
    expect(readdirSync(folder).length).toBe(before.length + 1);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe.skipIf(!hasDist)('options beside a model (needs the built package)', () => {
  it('are used unless flags say otherwise, and shown with their origin', async () => {
    writeFileSync(join(folder, 'det.onnx.quantize.json'), '{ "format": "fp16-storage", "exclude": ["conv1*"], "budget": { "ratio": 0.6 } }');
    const { code, stdout } = await cli('quantize', 'det.onnx', '-o', 'a.onnx', '--no-verify');
    expect(code).toBe(0);
    expect(stdout).toContain('  fp16-storage');
    expect((await cli('quantize', 'det.onnx', '-o', 'b.onnx', '--no-verify', '--format', 'int8')).stdout).not.toContain('fp16-storage');

    const shown = (await cli('inspect', 'det.onnx')).stdout;
    expect(shown).toMatch(/^ {2}format +fp16-storage +det\.onnx\.quantize\.json$/m);
    expect(shown).toMatch(/^ {2}exclude +\["conv1\*"\] +det\.onnx\.quantize\.json$/m);
    expect(shown).toMatch(/^ {2}block +32 +default$/m);
    const { settings } = JSON.parse((await cli('inspect', 'det.onnx', '--json')).stdout) as { settings: unknown[] };
    expect(settings).toContainEqual({ option: 'budget', value: { ratio: 0.6 }, from: 'det.onnx.quantize.json' });
    expect((await cli('inspect', 'vad.onnx')).stdout).not.toContain('default');
  });

  it('name a preset, which flags do too', async () => {
    writeFileSync(join(folder, 'vad.onnx.quantize.json'), '{ "preset": "smallest" }');
    const shown = (await cli('inspect', 'vad.onnx')).stdout;
    expect(shown).toMatch(/^ {2}preset +smallest +vad\.onnx\.quantize\.json$/m);
    expect(shown).toMatch(/^ {2}format +\{.*"wasm":"int4-storage".*\} +preset smallest$/m);
    const made = async (...flags: string[]) => (await cli('quantize', 'vad.onnx', '-o', 'a.onnx', '--no-verify', ...flags)).stdout;
    expect(await made('--targets', 'wasm')).toContain('  int4-storage');
    expect(await made('--preset', 'most-accurate')).toContain('  fp16-storage');
    expect(await made('--preset', 'most-accurate', '--format', 'int8-storage')).toContain('  int8-storage');
    const { code, stderr } = await cli('quantize', 'vad.onnx', '-o', 'a.onnx', '--preset', 'small');
    expect([code, stderr]).toEqual([2, expect.stringContaining('"small" is not a value of "preset"')]);
  });

  it('are refused with their place', async () => {
    writeFileSync(join(folder, 'det.onnx.quantize.json'), '{ "formt": "int8" }');
    for (const args of [['inspect', 'det.onnx'], ['quantize', 'det.onnx', '-o', 'a.onnx']]) {
      const { code, stderr } = await cli(...args);
      expect(code).toBe(2);
      expect(stderr).toContain('det.onnx.quantize.json: There is no option "formt". [OPTION_UNKNOWN]');
      expect(stderr).toContain('hint: Did you mean "format"?');
    }
  });
});

describe.skipIf(!hasDist)('unplugin-quantize inspect (needs the built package)', () => {
  it('shows what a model consists of', async () => {
    const { code, stdout } = await cli('inspect', 'det.onnx');
    expect(code).toBe(0);
    for (const line of [/det\.onnx {2}4\.75 MB {2}IR 8 {2}opset ai\.onnx 11/, /Conv +62/, /Constant nodes +342 tensors +4\.69 MB/, /conv2d_417\.w_0 +float32\[384,384,1,1\]/, /int8-storage +1\.\d\d MB +−7/]) {
      expect(stdout).toMatch(line);
    }
  });

  it('gives JSON with the sizes that quantizing reaches', async () => {
    const { stdout } = await cli('inspect', 'vad.onnx', '--json');
    const inspection = JSON.parse(stdout) as { weights: Record<string, { tensors: number; bytes: number }>; largest: unknown[]; formats: { format: string; bytes: number | null; note: string }[] };
    expect(inspection).toMatchObject({ irVersion: 8, opsets: { 'ai.onnx': 16 }, inputs: [{ name: 'input', dtype: 'float32' }, { name: 'state' }, { name: 'sr', dtype: 'int64', dims: [] }] });
    expect(inspection.largest).toHaveLength(10);
    expect(inspection.weights['subgraphs']!.bytes).toBeGreaterThan(2_000_000);
    const core = (await import(distUrl('core.js'))) as CoreModule;
    const needSamples = inspection.formats.filter(({ bytes }) => bytes === null);
    expect(needSamples.map(({ format, note }) => [format, note])).toEqual([['int8-static', expect.stringContaining('SAMPLES_NOT_FOUND')]]);
    for (const { format, bytes } of inspection.formats.filter(({ bytes: size }) => size !== null)) {
      const made = await core.quantizeModel(join(folder, 'vad.onnx'), { format: format as 'int8' });
      expect(made.bytes.byteLength).toBe(bytes);
    }
  });

  it('says what it can of a model whose external data is missing', async () => {
    rmSync(join(writeSplitModel(folder), '../model.data'));
    const { code, stdout } = await cli('inspect', 'model.onnx');
    expect(code).toBe(0);
    expect(stdout).toMatch(/external data +1 tensors +16\.38 kB/);
    expect(stdout).toContain('[EXTERNAL_DATA_MISSING]');
  });

  it.each([['none.onnx'], [], ['det.onnx', '--jsn']].map((args) => [args]))('ends with 2 for %j', async (args) => {
    const { code, stderr } = await cli('inspect', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error /);
  });
});

describe.skipIf(!hasDist)('unplugin-quantize (needs the built package)', () => {
  it('explains itself', async () => {
    const { version } = JSON.parse(readFileSync(join(distFolder, '../package.json'), 'utf8')) as { version: string };
    expect((await cli('--version')).stdout).toContain(version);
    expect((await cli('--help')).stdout).toContain('inspect <model>');
    const { stdout, code } = await cli('quantize', '--help');
    expect(code).toBe(0);
    for (const flag of ['--format', '--ops', '--exclude', '--calibration', '--samples', '--cosine', '--max-bytes', '--ratio', '--no-verify', '--json', '--keep-names']) expect(stdout).toContain(flag);
  });

  it.each([[], ['inspct', 'det.onnx'], ['--format', 'int8']].map((args) => [args]))('ends with 2 for %j', async (args) => {
    const { code, stderr, stdout } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error /);
  });

  it('colours errors for nobody but a terminal', async () => {
    const { stderr } = await cli('inspect', 'none.onnx');
    expect(existsSync(join(folder, 'none.onnx'))).toBe(false);
    expect(stderr).not.toContain('\u001b');
  });
});
