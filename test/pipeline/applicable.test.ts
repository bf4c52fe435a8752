import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { resolveModelOptions, type ModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { Pipeline, PipelineResult } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import { buildBytes } from '../support/build-model.ts';
import { distUrl, hasDist } from '../support/dist.ts';
import { weight } from '../support/integer-arithmetic.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

describe.skipIf(!hasDist)('a limit that does not concern every artefact of a model (needs the built package)', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pipeline-applicable-')));
  let pipeline: Pipeline;

  beforeAll(async () => {
    const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
    pipeline = createPipeline({ root, cacheDir: 'cache' });
    const nodes = [makeNode('MatMul', ['x', 'q'], ['a']), makeNode('Relu', ['a'], ['r']), makeNode('MatMul', ['r', 'w'], ['y'])];
    writeFileSync(join(root, 'm.onnx'), buildBytes({ nodes, initializers: { q: weight([64, 64]), w: weight([64, 64], 4) }, inputs: { x: 'float32[B,64]' }, outputs: { y: 'float32[B,64]' } }));
    writeFileSync(join(root, 'samples.mjs'), 'export default function* () { for (let i = 0; i < 8; i++) yield { x: { data: Float32Array.from({ length: 64 }, (_, j) => Math.sin(i + j)), dims: [1, 64] } }; }');
  });
  afterAll(async () => {
    await pipeline.close();
    rmSync(root, { recursive: true, force: true });
  });

  const quantize = (options: ModelOptions): Promise<PipelineResult> => pipeline.quantizeFile('m.onnx', resolveModelOptions({ verify: false, calibration: './samples.mjs', targets: ['webgpu', 'node'], ...options }));
  const bothFormats = { webgpu: 'int8-storage', node: 'int8-static' } as const;
  const note = 'budget.integerShare does not apply to int8-storage, which has no integer kernels with fixed scales.';

  it('is held where it does, and told where it does not', async () => {
    const { variants } = await quantize({ format: bothFormats, budget: { integerShare: 0.5, ratio: 0.9 } });
    expect(variants.map(({ report: { format, notes, budget } }) => [format, notes.includes(note), budget.map(({ limit, held }) => [limit, held])])).toEqual([
      ['int8-storage', true, [['ratio', true]]],
      ['int8-static', false, [['ratio', true], ['integerShare', true]]],
    ]);
  });

  it('leaves the other limits as they are', async () => {
    await expect(quantize({ format: bothFormats, budget: { integerShare: 1, maxBytes: 1 } })).rejects.toMatchObject({ code: 'BUDGET_BROKEN' });
  });

  it('is refused where it concerns none', async () => {
    await expect(quantize({ format: 'int8-storage', budget: { integerShare: 0.5 } })).rejects.toMatchObject({ code: 'METRIC_MISSING', option: 'budget.integerShare' });
    await expect(quantize({ format: 'int8-storage', targets: ['webgpu'], budget: { integerShare: 0.5 } })).rejects.toMatchObject({ code: 'METRIC_MISSING' });
    await expect(quantize({ format: 'none', budget: { integerShare: 0.5 } })).resolves.toMatchObject({ report: { format: 'none' } });
  });
});
