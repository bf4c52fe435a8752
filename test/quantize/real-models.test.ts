import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Feeds } from '../../packages/unplugin-quantize/src/calibrate/index.ts';
import { accuracyMeter, findEngines, type Engine } from '../../packages/unplugin-quantize/src/evaluate/index.ts';
import { dtypeOf } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { scopesOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { distUrl, hasDist, runScript } from '../support/dist.ts';
import { models, sharedFolder, vadFolder } from '../support/models.ts';
import { countOps, optimizedModel } from '../support/optimized-model.ts';
import { quantize } from '../support/quantize-model.ts';
import { realFeeds } from '../support/real-feeds.ts';
import { longs, seededFloats, type Feeds as OrtFeeds } from '../support/run-model.ts';
import { drawnPage } from './drawn-page.ts';

const FORMATS = ['int8', 'int8-dynamic', 'int8-storage', 'fp16', 'fp16-storage'] as const;

/**
 * Lowest cosine of an output to the float32 model's. A weight rounded to 255 levels of its channel's largest, of about 3.5 standard
 * deviations, is off by 3.5 / 127 / sqrt(12) = 0.8 % of a standard deviation; so is an activation of a range of 8 of them in 255 levels.
 * Errors of n layers add up as sqrt(n) 0.8 %, 6 % for the 60 convolutions of the detector: a cosine of 1 - 0.06^2 / 2 = 0.998, a little
 * less where activations are rounded too. float16 rounds by at most 2^-12 of the value, 100 times less.
 */
const FLOORS: Record<(typeof FORMATS)[number], number> = { 'int8': 0.995, 'int8-dynamic': 0.995, 'int8-storage': 0.997, 'fp16': 0.9999, 'fp16-storage': 0.9999 };

const legacy = join(vadFolder, 'silero_vad_legacy.onnx');
const text = (): string[] => readFileSync(join(sharedFolder, 'data/charlm/valid.txt'), 'utf8').slice(0, 128).split('');
const vocabulary = (): string[] => JSON.parse(readFileSync(join(sharedFolder, 'data/charlm/chars.json'), 'utf8'));

/** Inputs like those that the models were trained on, as far as they can be made here: on noise the detector finds nothing, and compares nothing. */
const CASES: [string, { path: string; feeds: () => OrtFeeds }][] = [
  ['detection', { path: models.ocrDetection, feeds: () => ({ x: drawnPage(96, 192) }) }],
  ['recognition', { path: models.ocrRecognition, feeds: () => ({ x: drawnPage(48, 192) }) }],
  ['direction', { path: models.ocrDirection, feeds: () => ({ x: drawnPage(48, 192) }) }],
  ['silero', { path: models.silero, feeds: realFeeds.silero }],
  ['silero, legacy', { path: legacy, feeds: () => ({ input: seededFloats([1, 512]), sr: longs([], [16000]), h: seededFloats([2, 1, 64], 2), c: seededFloats([2, 1, 64], 3) }) }],
  ['mobilenet', { path: models.mobilenet, feeds: realFeeds.mobilenet }],
  ['charlm', { path: models.charlm, feeds: () => ({ input_ids: longs([1, 128], text().map((letter) => vocabulary().indexOf(letter))) }) }],
  ['sentiment', { path: models.sentiment, feeds: realFeeds.sentiment }],
];

let engines: Engine[] = [];
beforeAll(async () => {
  ({ engines } = await findEngines());
});

it('both engines are here', () => {
  expect(engines.map(({ name }) => name)).toEqual(['onnxruntime-node', 'onnxruntime-web']);
});

describe.each(CASES)('%s', (_, { path, feeds }) => {
  const isThere = existsSync(path);
  const source = isThere ? readFileSync(path) : new Uint8Array(0);
  const expected = new Map<string, Awaited<ReturnType<typeof run>>>();

  beforeAll(async () => {
    for (const engine of isThere ? engines : []) expected.set(engine.name, await run(engine, source, feedsOf(feeds())));
  });
  afterAll(() => expected.clear());

  it.skipIf(!isThere).each(FORMATS)('as %s runs in both engines close to float32', async (format) => {
    const { bytes, stream, sessionOptions } = quantize(source, { format, keepNames: false });
    expect(stream.byteLength).toBe(bytes.byteLength);
    expect(sessionOptions).toEqual({});
    for (const engine of engines) {
      const found = await run(engine, bytes, feedsOf(feeds()));
      for (const [name, reference] of Object.entries(expected.get(engine.name)!)) {
        const meter = accuracyMeter(name);
        meter.add(reference, found[name]!);
        expect(meter.result().cosine, `${engine.name} ${name}`).toBeGreaterThanOrEqual(FLOORS[format]);
      }
    }
  });

  it.skipIf(!isThere)('gives the same bytes each time', () => {
    for (const format of ['int8', 'fp16'] as const) {
      expect(Buffer.compare(quantize(source, { format, keepNames: false }).bytes, quantize(source, { format, keepNames: false }).bytes)).toBe(0);
    }
  });

  it.skipIf(!isThere).each(['int8-storage', 'fp16-storage'] as const)('as %s is float32 once it is loaded', async (format) => {
    const optimized = await optimizedModel(quantize(source, { format, keepNames: false }).bytes, 'basic');
    const small = scopesOf(optimized).flatMap(({ graph }) => graph.initializer).filter((proto) => ['int8', 'float16'].includes(dtypeOf(proto.dataType)!));
    expect(small).toEqual([]);
  });
});

/** Bytes that a format must stay within. */
const SIZES: [string, string, Format, number][] = [
  ['detection', models.ocrDetection, 'int8', 1_350_000],
  ['recognition', models.ocrRecognition, 'int8', 2_900_000],
  ['sentiment', models.sentiment, 'int8-dynamic', 22_950_000],
];

describe.each(SIZES)('%s', (_, path, format, limit) => {
  it.skipIf(!existsSync(path))(`as ${format} has at most ${limit} bytes`, () => {
    expect(quantize(readFileSync(path), { format, keepNames: false }).bytes.byteLength).toBeLessThanOrEqual(limit);
  });
});

describe.skipIf(!existsSync(models.sentiment))('a transformer in integers', () => {
  it.each([['sentiment', models.sentiment], ['charlm', models.charlm]])('%s has no integer product that onnxruntime does not fuse', async (_, path) => {
    const { model, bytes } = quantize(readFileSync(path), { format: 'int8' });
    const products = countOps(model)['MatMulInteger']!;
    expect(products).toBeGreaterThan(20);
    const fused = countOps(await optimizedModel(bytes, 'extended'));
    expect(fused['MatMulInteger'] ?? 0).toBe(0);
    expect((fused['DynamicQuantizeMatMul'] ?? 0) + (fused['MatMulIntegerToFloat'] ?? 0)).toBe(products);
  });
});

describe.skipIf(!hasDist)('the built package', () => {
  it('gives the same bytes in two processes', async () => {
    const script = `
      import { readFileSync } from 'node:fs';
      import { quantizeModel } from ${JSON.stringify(distUrl('core.js'))};
      for (const format of ${JSON.stringify(FORMATS)}) {
        const { report } = await quantizeModel(readFileSync(${JSON.stringify(models.ocrDirection)}), { format });
        console.log(format, report.artefact.sha256);
      }`;
    const [first, second] = [await runScript(script), await runScript(script, { cwd: import.meta.dirname })];
    expect(first.stderr).toBe('');
    expect(first.stdout.split('\n')).toHaveLength(FORMATS.length + 1);
    expect(second.stdout).toBe(first.stdout);
  });
});

async function run(engine: Engine, bytes: Uint8Array, feeds: Feeds): Promise<Record<string, { dims: readonly number[]; data: ArrayLike<number> }>> {
  const model = await engine.open(bytes);
  try {
    return Object.fromEntries(Object.entries(await model.run(feeds)).map(([name, { dims, data }]) => [name, { dims, data: Array.from(data as ArrayLike<number>, Number) }]));
  } finally {
    await model.close();
  }
}

function feedsOf(feeds: OrtFeeds): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { dtype: type, dims: [...dims], data: data as Float32Array }]));
}
