import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import { compressFile } from '../../packages/unplugin-quantize/src/pipeline/steps/compressed.ts';
import { distUrl, hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');
type Result = Awaited<ReturnType<ReturnType<PipelineModule['createPipeline']>['quantizeFile']>>;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'extras-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function quantize(model: string, options: Parameters<typeof resolveModelOptions>[0]): Promise<Result> {
  const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
  const pipeline = createPipeline({ root: folder, cacheDir: join(folder, 'cache') });
  try {
    return await pipeline.quantizeFile(model, resolveModelOptions({ verify: false, ...options }));
  } finally {
    await pipeline.close();
  }
}

describe.skipIf(!hasDist)('figures that are asked for (needs the built package)', () => {
  it('are latency and compressed sizes, once for all builds', async () => {
    const first = await quantize(models.ocrDirection, { latency: true, compressed: true });
    const { source, artefact, latency } = first.report;
    expect(source.compressed).toEqual(await compressFile(models.ocrDirection));
    expect(artefact.compressed).toEqual(await compressFile(first.file));
    expect(latency).toMatchObject({ engine: 'onnxruntime-node', threads: null, synthetic: true });
    expect(latency!.ratio.latency.low).toBeLessThanOrEqual(latency!.ratio.latency.ratio);
    expect(latency!.rounds).toBeGreaterThanOrEqual(6);
    expect(latency!.energy!.source.multiplyAdds['float32']).toBeGreaterThan(1e6);

    const second = await quantize(models.ocrDirection, { latency: true, compressed: true });
    expect(second).toMatchObject({ cached: true });
    expect(second.report).toEqual(first.report);
  });

  it('are not there unless asked for, and leave the artefact as it is', async () => {
    const plain = await quantize(models.ocrDirection, {});
    expect(plain.report).not.toHaveProperty('latency');
    expect(plain.report.source).not.toHaveProperty('compressed');
    const asked = await quantize(models.ocrDirection, { compressed: true });
    expect(asked.file).toBe(plain.file);
  });

  it('are in reports that show everything', async () => {
    const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
    const pipeline = createPipeline({ root: folder, cacheDir: join(folder, 'cache') });
    const { report, file } = await pipeline.quantizeFile(models.ocrDirection, resolveModelOptions({ verify: false }));
    const { source, artefact, details } = await pipeline.describe(report);
    await pipeline.close();
    expect([source.compressed, artefact.compressed]).toEqual([await compressFile(models.ocrDirection), await compressFile(file)]);
    expect(details).toBeDefined();
  });

  it('count external data', async () => {
    const model = writeSplitModel(folder);
    const { report } = await quantize(model, { compressed: true });
    const [file, data] = [await compressFile(model), await compressFile(join(folder, 'model.data'))];
    expect(report.source.compressed).toEqual({ gzip: file.gzip + data.gzip, brotli: file.brotli + data.brotli });
    expect(report.source.bytes).toBe(statSync(model).size + statSync(join(folder, 'model.data')).size);
  });
});
