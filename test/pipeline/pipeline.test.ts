import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelOptions, type ModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { Pipeline, PipelineEvent, PipelineOptions } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import { distUrl, hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const SAMPLES = 'export default [0, 1, 2].map((i) => ({ x: { data: Float32Array.from({ length: 64 }, (_, k) => Math.sin(k * (i + 1))), dims: [1, 64] } }))';

let root: string;
let pipeline: Pipeline;
let events: PipelineEvent[];

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pipeline-')));
  events = [];
});
afterEach(async () => {
  await pipeline.close();
  rmSync(root, { recursive: true, force: true });
});

async function open(options: Partial<PipelineOptions> = {}): Promise<Pipeline> {
  const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
  return (pipeline = createPipeline({ root, cacheDir: 'cache', onProgress: (event) => events.push(event), ...options }));
}

const options = (given: ModelOptions = {}) => resolveModelOptions(given);
const drafts = (): string[] => (existsSync(join(root, 'cache/tmp')) ? readdirSync(join(root, 'cache/tmp')) : []);

/** Copies a model into the project with the age that real ones have. */
function addModel(source: string, name = 'model.onnx'): string {
  const path = join(root, name);
  copyFileSync(source, path);
  const before = new Date(Date.now() - 3_600_000);
  utimesSync(path, before, before);
  return path;
}

describe.skipIf(!hasDist)('the pipeline (needs the built package)', () => {
  it('takes expressions to the worker thread, and keeps their artefacts apart', async () => {
    addModel(models.ocrDirection);
    await open();
    const keptBy = async (exclude: ModelOptions['exclude']): Promise<string[]> => {
      const { report } = await pipeline.quantizeFile('model.onnx', options({ format: 'int8-storage', verify: false, exclude: exclude! }));
      return report.weights.filter(({ reason }) => reason === 'excluded by name').map(({ tensor }) => tensor);
    };
    const all = await keptBy([/^CONV2D_\d+\.w/i]);
    expect(all.length).toBeGreaterThan(10);
    expect(await keptBy(['conv2d_*.w*'])).toEqual(all);
    expect(await keptBy([/^CONV2D_\d+\.w/])).toEqual([]);
  });

  it('quantizes, checks, reports, and gives the same from the cache', async () => {
    const path = addModel(models.ocrDetection, 'det.onnx');
    await open();
    const miss = await pipeline.quantizeFile('det.onnx', options());
    expect(miss.cached).toBe(false);
    expect(miss.report).toMatchObject({
      name: 'det.onnx',
      requestedFormat: 'int8',
      format: 'int8',
      source: { bytes: readFileSync(path).byteLength, sha256: sha256(path) },
      artefact: { bytes: readFileSync(miss.file).byteLength, sha256: sha256(miss.file) },
      checks: [{ engine: 'onnxruntime-node', outcome: 'ran' }, { engine: 'onnxruntime-web', outcome: 'ran' }],
      accuracy: null,
      budget: [],
    });
    expect(miss.report.artefact.ratio).toBeLessThan(0.3);
    expect(miss.dependencies).toEqual([path]);
    expect(drafts()).toEqual([]);

    const hit = await pipeline.quantizeFile(path, options());
    expect(hit).toEqual({ ...miss, cached: true });
    await pipeline.close();
    expect(await (await open()).quantizeFile('det.onnx', options())).toEqual({ ...miss, cached: true });
    expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(2);
  });

  it('shares one run between requests at the same time', async () => {
    addModel(models.silero);
    await open();
    const results = await Promise.all([1, 2, 3].map(() => pipeline.quantizeFile('model.onnx', options())));
    expect(new Set(results.map(({ file }) => file)).size).toBe(1);
    expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(2);
  });

  it('keeps the main thread free while it works', async () => {
    addModel(models.ocrRecognition);
    await open();
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await pipeline.quantizeFile('model.onnx', options({ verify: false }));
    clearInterval(timer);
    // Had the work been done here, the timer would not have fired once between its start and its end.
    expect(turns).toBeGreaterThan(5);
  });

  it('judges a budget anew each time on the figures it has', async () => {
    addModel(models.ocrDetection);
    await open();
    const { report } = await pipeline.quantizeFile('model.onnx', options({ verify: false, budget: { ratio: 0.5 } }));
    expect(report.budget).toEqual([{ limit: 'ratio', asked: 0.5, found: report.artefact.ratio, held: true }]);
    await expect(pipeline.quantizeFile('model.onnx', options({ verify: false, budget: { ratio: 0.1 } }))).rejects.toMatchObject({ name: 'QuantizeError', code: 'BUDGET_BROKEN' });
    expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(1);
  });

  it('measures on samples, and again when they change', async () => {
    writeSplitModel(root);
    writeFileSync(join(root, 'samples.mjs'), SAMPLES);
    await open();
    const asked = options({ format: 'int8-dynamic', calibration: 'samples.mjs', budget: { cosine: 0.9 } });
    const first = await pipeline.quantizeFile('model.onnx', asked);
    expect(first.report.accuracy).toMatchObject({ samples: 3, synthetic: false });
    expect(first.dependencies).toEqual(['model.onnx', 'model.data', 'samples.mjs'].map((name) => join(root, name)));
    expect((await pipeline.quantizeFile('model.onnx', asked)).cached).toBe(true);
    writeFileSync(join(root, 'samples.mjs'), SAMPLES.replace('[0, 1, 2]', '[0, 1]'));
    const second = await pipeline.quantizeFile('model.onnx', asked);
    expect(second.report.accuracy).toMatchObject({ samples: 2 });
    expect(second.file).toBe(first.file);
    await expect(pipeline.quantizeFile('model.onnx', options({ ...asked, calibration: 'none.mjs' }))).rejects.toMatchObject({ code: 'SAMPLES_NOT_FOUND' });
  });

  it('makes another artefact when external data changes, and refuses a model without it', async () => {
    writeSplitModel(root);
    await open();
    const asked = options({ verify: false });
    const first = await pipeline.quantizeFile('model.onnx', asked);
    expect(first.report.source.bytes).toBe(readFileSync(join(root, 'model.onnx')).byteLength + 4 * 64 * 64);
    writeSplitModel(root, 'model.data', 2);
    const second = await pipeline.quantizeFile('model.onnx', asked);
    expect(second.report.artefact.sha256).not.toBe(first.report.artefact.sha256);
    rmSync(join(root, 'model.data'));
    await expect(pipeline.quantizeFile('model.onnx', asked)).rejects.toMatchObject({ code: 'EXTERNAL_DATA_MISSING', model: 'model.onnx' });
  });

  it('makes a damaged entry again, with the same bytes', async () => {
    addModel(models.silero);
    await open();
    const asked = options({ verify: false });
    const first = await pipeline.quantizeFile('model.onnx', asked);
    truncateSync(first.file, 1000);
    const second = await pipeline.quantizeFile('model.onnx', asked);
    expect(second).toEqual(first);
    expect(sha256(second.file)).toBe(first.report.artefact.sha256);
  });

  it.each<[string, (path: string) => void, ModelOptions, string]>([
    ['a missing model', (path) => rmSync(path), {}, 'MODEL_NOT_FOUND'],
    ['an empty model', (path) => writeFileSync(path, ''), {}, 'MODEL_EMPTY'],
    ['a text', (path) => writeFileSync(path, '<!doctype html><p>Not found</p>'), {}, 'MODEL_NOT_ONNX'],
    ['half a model', (path) => truncateSync(path, 1_000_000), {}, 'MODEL_TRUNCATED'],
    ['samples that do not fit', () => writeFileSync(join(root, 'samples.mjs'), 'export default [{ nose: [1] }]'), { calibration: 'samples.mjs' }, 'SAMPLES_INVALID'],
    ['a samples module that ends the process', () => writeFileSync(join(root, 'samples.mjs'), 'process.exit(0)'), { calibration: 'samples.mjs' }, 'WORKER_FAILED'],
  ])('refuses %s with one clear error', async (_, spoil, given, code) => {
    spoil(addModel(models.silero));
    await open();
    await expect(pipeline.quantizeFile('model.onnx', options(given))).rejects.toMatchObject({ name: 'QuantizeError', code });
    expect(drafts()).toEqual([]);
  });

  it('keeps nothing when it is asked to', async () => {
    addModel(models.silero);
    await open({ cacheDir: false });
    const { file } = await pipeline.quantizeFile('model.onnx', options({ verify: false }));
    expect(existsSync(file)).toBe(true);
    await pipeline.close();
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(root)).toEqual(['model.onnx']);
  });

  it('works with odd names', async () => {
    mkdirSync(join(root, 'ein Ordner'));
    const name = "ein Ordner/modèle 100% 'x' #1?.onnx";
    addModel(models.silero, name);
    await open();
    expect((await pipeline.quantizeFile(name, options())).report).toMatchObject({ name, checks: [{ outcome: 'ran' }, { outcome: 'ran' }] });
  });
});
