import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { Pipeline, PipelineResult } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import type { Canary, CanaryTolerance } from '../../packages/unplugin-quantize/src/types.ts';
import { distUrl } from '../support/dist.ts';
import { models } from '../support/models.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

let root: string;
let pipeline: Pipeline;
const open = async (cacheDir: string): Promise<Pipeline> => ((await import(distUrl('pipeline/index.js'))) as PipelineModule).createPipeline({ root, cacheDir });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'canary-'));
  copyFileSync(models.silero, join(root, 'vad.onnx'));
  pipeline = await open('cache');
});
afterAll(async () => {
  await pipeline.close();
  rmSync(root, { recursive: true, force: true });
});

const ARRAYS = { float32: Float32Array, int64: BigInt64Array } as const;

/** Written from the types' description alone, as anything that reads modules would be. */
async function answersOf(file: string, ort: typeof node, canary: Canary): Promise<Record<string, { dims: readonly number[]; values: ArrayLike<number> }>> {
  const feeds = Object.entries(canary.inputs).map(([name, { dtype, dims, data }]) => {
    const bytes = Uint8Array.from(Buffer.from(data, 'base64')).buffer;
    const kept = [...new ARRAYS[dtype as keyof typeof ARRAYS](bytes)];
    const count = dims.reduce((product, dim) => product * dim, 1);
    const all = Array.from({ length: count }, (_, i) => kept[i % kept.length]!);
    const values = dtype === 'int64' ? BigInt64Array.from(all as bigint[]) : Float32Array.from(all as number[]);
    return [name, new ort.Tensor(dtype as 'float32', values as Float32Array, dims)] as const;
  });
  const session = await ort.InferenceSession.create(file);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { dims, values: data as Float32Array }]));
}

/** The largest part of what is allowed that an answer takes. */
function worst({ dims, step, data }: Canary['outputs'][string], answer: { dims: readonly number[]; values: ArrayLike<number> }, { absolute, relative }: CanaryTolerance): number {
  expect(answer.dims).toEqual(dims);
  const reference = new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer);
  return Math.max(...Array.from(reference, (right, i) => Math.abs(answer.values[i * step]! - right) / (absolute + relative * Math.abs(right))));
}

const quantize = (from: Pipeline): Promise<PipelineResult> => from.quantizeFile('vad.onnx', resolveModelOptions({ targets: ['webgpu', 'wasm'], format: { wasm: 'fp16-storage' } }));

describe('the canary of a build (needs the built package)', () => {
  it('is answered rightly by every artefact in both engines, the same when it comes from the cache and in another build', async () => {
    const made = await quantize(pipeline);
    const canary = made.canary!;
    expect(Object.keys(canary.inputs).sort()).toEqual(['input', 'sr', 'state']);
    expect(made.variants.map(({ report }) => report.format)).toEqual(['int8-storage', 'fp16-storage']);
    for (const { file, tolerance } of made.variants) {
      expect(Object.keys(tolerance!)).toEqual(Object.keys(canary.outputs));
      for (const ort of [node, web as unknown as typeof node]) {
        const answers = await answersOf(file, ort, canary);
        for (const [name, output] of Object.entries(canary.outputs)) expect(worst(tolerance![name]!.expected ?? output, answers[name]!, tolerance![name]!)).toBeLessThan(1);
      }
    }
    const hit = await quantize(pipeline);
    expect([hit.cached, hit.canary, hit.variants]).toEqual([true, canary, made.variants]);
    const other = await open('other');
    try {
      const again = await quantize(other);
      expect([again.canary, again.variants.map(({ tolerance }) => tolerance)]).toEqual([canary, made.variants.map(({ tolerance }) => tolerance)]);
    } finally {
      await other.close();
    }
  });

  it('tells a wrong answer', async () => {
    const { canary, variants } = await quantize(pipeline);
    const wrong = { dims: canary!.outputs['output']!.dims, values: [0.804] };
    for (const { tolerance } of variants) expect(worst(tolerance!['output']!.expected ?? canary!.outputs['output']!, wrong, tolerance!['output']!)).toBeGreaterThan(1);
  });

  it('is not made where nothing is to be run', async () => {
    const { canary, variants } = await pipeline.quantizeFile('vad.onnx', resolveModelOptions({ verify: false, targets: ['wasm'] }));
    expect([canary, variants[0]!.tolerance]).toEqual([null, undefined]);
  });
});
