import { existsSync, readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { minMaxStatistics } from '../../../../../test/support/min-max-statistics.ts';
import { models } from '../../../../../test/support/models.ts';
import { countOps, optimizedModel } from '../../../../../test/support/optimized-model.ts';
import { quantize } from '../../../../../test/support/quantize-model.ts';
import { realFeeds } from '../../../../../test/support/real-feeds.ts';
import { runModel, type Feeds, type Outputs } from '../../../../../test/support/run-model.ts';
import { loadWebEngine } from '../../evaluate/engine-web.ts';
import { bytesSource, readModel } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { createContext, type QuantizeOptions } from '../context.ts';
import { planStatic } from './plan.ts';
import { prepareStatic } from './prepare.ts';
import type { Statistics } from './statistics.ts';
import { graphViews } from './views.ts';
import { kernelsOf } from './work.ts';

type Name = 'ocrDetection' | 'ocrRecognition' | 'ocrDirection' | 'mobilenet' | 'sentiment';

/** Lowest cosine of the first output, and the share of multiply-adds in integers. */
const MODELS: [Name, cosine: number, share: number, Partial<QuantizeOptions>][] = [
  ['ocrDetection', 0.97, 0.969, {}],
  ['ocrRecognition', 0.9, 1, {}],
  ['ocrDirection', 0.98, 1, {}],
  ['mobilenet', 0.98, 1, {}],
  ['mobilenet', 0.99, 0.9, { integerDepthwise: false }],
  ['sentiment', 0.999, 1, {}],
];

describe.each(MODELS)('%s with fixed scales', (name, lowest, share, extra) => {
  const path = models[name];
  const options: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int8-static', keepNames: true, ...extra };

  it.skipIf(!existsSync(path))('is fused as predicted, and close to float32 in both engines', async () => {
    const source = readFileSync(path);
    const feeds = name === 'ocrDetection' ? await picture() : realFeeds[name]();
    const statistics = await minMaxStatistics(source, options, [feeds]);
    const { bytes, integerShare, format } = quantize(source, options, undefined, { statistics });
    expect(format).toBe('int8-static');
    expect(integerShare!.share).toBeGreaterThanOrEqual(share - 1e-9);

    const found = countOps(await optimizedModel(bytes, 'extended'));
    const predicted = predictedKernels(source, options, statistics);
    for (const kernel of KERNELS) expect({ kernel, count: found[kernel] ?? 0 }).toEqual({ kernel, count: predicted[kernel] ?? 0 });

    const expected = await runModel(source, feeds, 'all');
    expect(cosine(expected, await runModel(bytes, feeds, 'all'))).toBeGreaterThan(lowest);
    expect(cosine(expected, await runInWeb(bytes, feeds))).toBeGreaterThan(lowest);
  });
});

async function runInWeb(model: Uint8Array, feeds: Feeds): Promise<Outputs> {
  const session = await (await loadWebEngine()).open(model);
  const outputs = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { dtype: type, dims: [...dims], data: data as Float32Array }])));
  await session.close();
  return outputs;
}

/** Operators that only fusing makes. */
const KERNELS = ['QLinearConv', 'QGemm', 'QLinearMatMul', 'MatMulIntegerToFloat', 'QLinearAdd', 'QLinearMul', 'QLinearAveragePool', 'QLinearGlobalAveragePool', 'QLinearLeakyRelu', 'QLinearSigmoid', 'QLinearSoftmax', 'QLinearConcat'];

function predictedKernels(source: Uint8Array, options: QuantizeOptions, statistics: Statistics): Record<string, number> {
  const model = readModel(bytesSource(source, 'model'));
  prepareStatic(model, options);
  const counts: Record<string, number> = {};
  for (const kernel of planStatic(graphViews(createContext(model, options, { statistics }))).flatMap(({ plan }) => kernelsOf(plan))) counts[kernel] = (counts[kernel] ?? 0) + 1;
  return counts;
}

/** Text to be found: noise has none, and what is left of it says nothing. */
async function picture(): Promise<Feeds> {
  const [width, height] = [416, 160];
  const path = new URL('../../../../../examples/vite-ocr/src/assets/sample.png', import.meta.url).pathname;
  const pixels = await sharp(path).removeAlpha().resize(width, height, { fit: 'fill' }).raw().toBuffer();
  const values = Float32Array.from({ length: pixels.length }, (_, i) => (pixels[(i % (width * height)) * 3 + Math.floor(i / (width * height))]! / 255 - 0.45) / 0.225);
  return { x: new Tensor('float32', values, [1, 3, height, width]) };
}

function cosine(a: Outputs, b: Outputs): number {
  const [x, y] = [a, b].map((outputs) => Object.values(outputs)[0]!.data as Float32Array) as [Float32Array, Float32Array];
  const dot = (u: Float32Array, v: Float32Array): number => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}
