import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it } from 'vitest';
import { oneArtefact } from '../../packages/unplugin-quantize/src/cli/one-artefact.ts';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import { chooseVariant } from '../../packages/unplugin-quantize/src/runtime/variant.ts';
import type { Format, ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { buildBytes, ramp } from '../support/build-model.ts';
import { BUNDLERS } from './bundlers.ts';
import { importBuilt, makeProject } from './support.ts';

/** Scores for each word of a vocabulary of 96, which makes it a decoder, and a product that is worth 4 bits. */
const decoder = (): Uint8Array => buildBytes({
  nodes: [makeNode('Gather', ['words', 'ids'], ['e']), makeNode('MatMul', ['e', 'w1'], ['h']), makeNode('Tanh', ['h'], ['t']), makeNode('MatMul', ['t', 'w2'], ['scores'])],
  initializers: { words: ramp([96, 64]), w1: ramp([64, 256]), w2: ramp([256, 96]) },
  inputs: { ids: 'int64[N,L]' },
  outputs: { scores: 'float32[N,L,96]' },
});

const SAMPLES = 'export default function* () { for (let i = 0; i < 4; i++) yield { ids: { data: BigInt64Array.from({ length: 8 }, (_, j) => BigInt((7 * i + 11 * j) % 96)), dims: [1, 8] } }; }';

async function build(options: Options, query = '?quantize', platform: 'browser' | 'node' = 'node') {
  const root = makeProject({ 'main.js': `import model from './m.onnx${query}'; globalThis.document = undefined; globalThis.location ??= { href: 'http://x/' }; export default model;` });
  writeFileSync(join(root, 'm.onnx'), decoder());
  writeFileSync(join(root, 'samples.mjs'), SAMPLES);
  const output = await BUNDLERS.vite(root, { platform, format: 'esm', options: { cache: join(root, 'cache'), ...options } });
  const { models } = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] };
  return { ...output, reports: models, onnx: output.files.filter((file) => file.endsWith('.onnx')) };
}

const device = (hasFloat16: boolean) => ({ name: 'gpu', hasFloat16 });

describe('a decoder for WebGPU', () => {
  it('is made for adapters with half precision and for those without, and each takes its own before anything is downloaded', async () => {
    const { main, reports, onnx } = await build({ format: 'auto', targets: ['webgpu', 'wasm', 'node'] });
    const { default: model } = await importBuilt<{ default: QuantizedModel }>(main);
    expect(model.variants.map(({ target, format }) => [target, format])).toEqual([['webgpu', 'int4-fp16'], ['webgpu', 'int4'], ['node', 'int4'], ['wasm', 'int8']]);
    const choices = [true, false].map((hasFloat16) => chooseVariant(model, 'webgpu', device(hasFloat16), expect.unreachable).format);
    expect(choices).toEqual(['int4-fp16', 'int4']);
    expect(chooseVariant(model, 'wasm', device(true), expect.unreachable).format).toBe('int8');
    expect(onnx).toHaveLength(3);
    expect(reports.map(({ targets, needs, format, checks }) => [targets?.join(), needs, format, checks.map(({ outcome }) => outcome).join()])).toEqual([
      ['wasm', undefined, 'int8', 'ran'],
      ['webgpu', 'shader-f16', 'int4-fp16', expect.stringContaining('ran')],
      ['webgpu,node', undefined, 'int4', expect.stringContaining('ran')],
    ]);
    for (const { tolerance } of model.variants) expect(tolerance).toBeDefined();
  });

  it('downloads one of them, which the report counts', async () => {
    const { reports, onnx, outDir } = await build({ format: 'auto', targets: ['webgpu'], verify: false }, '?quantize', 'browser');
    const sizes = onnx.map((file) => statSync(join(outDir, file)).size);
    expect(reports.map(({ firstVisit }) => firstVisit?.model).sort()).toEqual(sizes.sort());
  });

  it('shares a file between targets that come to the same bytes', async () => {
    const { onnx, reports } = await build({ format: 'auto', targets: ['webgpu', 'node-cuda'], verify: false });
    expect(reports.map(({ targets, needs, format }) => [targets?.join(), needs, format])).toEqual([['node-cuda', undefined, 'int4-fp16'], ['webgpu', undefined, 'int4'], ['webgpu', 'shader-f16', 'int4-fp16']]);
    expect(onnx).toHaveLength(2);
  });

  it('has one file that runs everywhere as its URL, and where a format is named', async () => {
    const { main, onnx } = await build({ format: 'auto', targets: ['webgpu'], verify: false }, '?quantize&url');
    expect(onnx).toHaveLength(1);
    expect(readFileSync(main, 'utf8')).toContain(onnx[0]!.split('/').at(-1)!);
    expect((await build({ format: { webgpu: 'int4' }, targets: ['webgpu'], verify: false })).onnx).toHaveLength(1);
  });

  it('has none in half precision where that breaks a budget, which is told', async () => {
    const measured = (cosine: number) => build({ format: 'auto', targets: ['webgpu'], calibration: './samples.mjs', budget: { cosine }, onFail: 'fallback' });
    const cosineOf = ({ reports }: Awaited<ReturnType<typeof build>>, format: Format): number => reports.find((report) => report.format === format)!.accuracy!.outputs[0]!.cosine;
    const both = await measured(0);
    const [plain, half] = [cosineOf(both, 'int4'), cosineOf(both, 'int4-fp16')];
    // Half-precision activations add a little error to that of the weights.
    expect(plain).toBeGreaterThan(half);
    const { reports, onnx } = await measured((plain + half) / 2);
    expect(onnx).toHaveLength(1);
    expect(reports).toMatchObject([{ format: 'int4', notes: [expect.stringMatching(/^There is no int4-fp16 for webgpu with shader-f16: as that the model does not hold its budget/)] }]);
  });

  it('is one file that runs everywhere on the command line', () => {
    const root = makeProject({});
    writeFileSync(join(root, 'm.onnx'), decoder());
    expect(oneArtefact(join(root, 'm.onnx'), resolveModelOptions({ format: 'auto', targets: ['webgpu'] })).plan).toMatchObject({ format: 'int4', targets: ['webgpu'] });
  });
});
