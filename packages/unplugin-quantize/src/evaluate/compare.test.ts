import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSamples, type Feeds } from '../calibrate/index.ts';
import { ModelProtoSchema } from '../onnx/index.ts';
import { checkArtefact } from './check.ts';
import { compareModels, type ComparedSample } from './compare.ts';
import type { Engine } from './engine.ts';
import { findEngines, type FoundEngines } from './find-engines.ts';
import { CLS, SILERO, tinyModel } from '../../test/evaluate-models.ts';
import { findSyntheticFeeds } from './synthetic-feeds.ts';

let found: FoundEngines;
let engine: Engine;
/** PP-OCR's direction classifier with the weights of its convolutions cut to bfloat16: 8 bits of mantissa are left. */
let coarse: Uint8Array;

beforeAll(async () => {
  found = await findEngines();
  engine = found.engines[0]!;
  const model = fromBinary(ModelProtoSchema, await readFile(CLS));
  for (const node of model.graph!.node) {
    const raw = node.opType === 'Constant' ? node.attribute[0]?.t?.rawData : undefined;
    if (raw === undefined || raw.length <= 1024) continue;
    for (let i = 0; i < raw.length; i += 4) raw.fill(0, i, i + 2);
  }
  coarse = toBinary(ModelProtoSchema, model);
});

function* images(count: number): Generator<Feeds> {
  for (let seed = 0; seed < count; seed++) {
    const data = Float32Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin((i * (seed + 3)) / 50));
    yield { x: { dtype: 'float32', dims: [1, 3, 48, 192], data } };
  }
}

async function* given(samples: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<ComparedSample> {
  for await (const feeds of samples) yield { feeds };
}

async function outputsOf(model: string | Uint8Array, samples: Iterable<Feeds>): Promise<number[][]> {
  const session = await engine.open(model);
  const rows: number[][] = [];
  for (const feeds of samples) rows.push(Object.values(await session.run(feeds)).flatMap(({ data }) => [...(data as Float32Array)]));
  await session.close();
  return rows;
}

describe('compareModels', () => {
  it('finds no distance between a model and itself, in either engine', async () => {
    for (const each of found.engines) {
      const { accuracy, notes } = await compareModels({ engine: each, source: SILERO, artefact: await readFile(SILERO), samples: given(openSamples(fileURLToPath(new URL('../../../../test/reference/npz/silero.npz', import.meta.url)))) });
      expect(notes).toEqual([]);
      expect(accuracy).toMatchObject({ engine: each.name, engineVersion: each.version, samples: 1, synthetic: false });
      expect(accuracy.outputs.map(({ name }) => name)).toEqual(['output', 'stateN']);
      for (const output of accuracy.outputs) expect(output).toMatchObject({ cosine: 1, meanCosine: 1, maxAbsError: 0, meanAbsError: 0, sqnr: null });
      // output is [1,1]: a row of one element has no largest one to compare.
      expect(accuracy.outputs.map(({ top1Agreement }) => top1Agreement)).toEqual([null, 1]);
    }
  });

  it('measures real coarse weights as a plain formula does', async () => {
    const progress: number[] = [];
    const { accuracy } = await compareModels({ engine, source: CLS, artefact: coarse, samples: given(images(4)), onProgress: (done) => progress.push(done) });
    expect(progress).toEqual([1, 2, 3, 4]);
    const [a, b] = [await outputsOf(CLS, images(4)), await outputsOf(coarse, images(4))];
    const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    const errors = a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i]![j]!)));
    const [output] = accuracy.outputs;
    expect(output!.cosine).toBeCloseTo(Math.min(...a.map((row, i) => dot(row, b[i]!) / Math.sqrt(dot(row, row) * dot(b[i]!, b[i]!)))), 12);
    expect(output!.maxAbsError).toBe(Math.max(...errors));
    expect(output!.sqnr).toBeCloseTo(10 * Math.log10(dot(a.flat(), a.flat()) / dot(errors, errors)), 9);
    // Relative weight errors below 2^-7 must move the result, but not far.
    expect(output!.maxAbsError).toBeGreaterThan(0);
    expect(output!.cosine).toBeLessThan(1);
    expect(output!.cosine).toBeGreaterThan(0.9);
  });

  it('keeps no sample: the next one is asked for after the last was run', async () => {
    const log: string[] = [];
    function* logged(): Generator<Feeds> {
      for (const feeds of images(3)) {
        log.push('asked');
        yield feeds;
      }
    }
    await compareModels({ engine, source: CLS, artefact: CLS, samples: given(logged()), onProgress: () => log.push('done') });
    expect(log).toEqual(['asked', 'done', 'asked', 'done', 'asked', 'done']);
  });

  it('flags NaN that only the artefact has, skips text, compares integers', async () => {
    const inputs = [{ name: 'x', dtype: 'float32' as const }, { name: 'ids', dtype: 'int64' as const }, { name: 'words', dtype: 'string' as const }];
    const outputs = [{ name: 'y', dtype: 'float32' as const }, { name: 'z', dtype: 'int64' as const }, { name: 'text', dtype: 'string' as const }];
    const model = (op: string): Uint8Array => tinyModel([{ op, inputs: ['x'], outputs: ['y'] }, { op: 'Neg', inputs: ['ids'], outputs: ['z'] }, { op: 'Identity', inputs: ['words'], outputs: ['text'] }], inputs, outputs);
    const samples = [{ x: [1, -4], ids: [3, -4], words: ['a', 'b'] }];
    const { accuracy, notes } = await compareModels({ engine, source: model('Abs'), artefact: model('Sqrt'), samples: given(samples), synthetic: true });
    expect(accuracy.outputs).toMatchObject([{ name: 'y', cosine: 0, sqnr: -200 }, { name: 'z', cosine: 1, sqnr: null }]);
    expect(notes).toEqual([
      expect.stringContaining('proves little'),
      'Output "text" was not compared: it is text.',
      'Output "y" has 1 elements that are NaN, infinite or absent in only one of source and artefact.',
    ]);
  });

  it.each<[string, Iterable<unknown>, RegExp]>([
    ['no samples', [], /not one was given/],
    ['an unknown name', [{ y: [1] }], /Sample 0 .*not an input/],
    ['a later sample that does not fit', [...images(1), { x: { data: new Float32Array(2), dims: [1, 2] } }], /Sample 1 does not fit the input "x"/],
    ['sizes that the source refuses', [{ x: { data: new Float32Array(3), dims: [1, 3, 1, 1] } }, { x: { data: new Float32Array(0), dims: [0, 3, 0, 0] } }], /Sample [01] does not run in the source model/],
  ])('refuses %s', async (_, samples, message) => {
    const error: unknown = await compareModels({ engine, source: CLS, artefact: CLS, samples: given(samples), model: 'cls.onnx' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SAMPLES_INVALID', model: 'cls.onnx', message: expect.stringMatching(message) });
  });

  it('refuses an artefact that lost an output', async () => {
    const io = [{ name: 'x', dtype: 'float32' as const }];
    const model = (output: string): Uint8Array => tinyModel([{ op: 'Abs', inputs: ['x'], outputs: [output] }], io, [{ name: output, dtype: 'float32' }]);
    await expect(compareModels({ engine, source: model('y'), artefact: model('other'), samples: given([[1]]) })).rejects.toMatchObject({ code: 'ENGINE_REJECTED', node: 'y' });
  });
});

describe('checkArtefact', () => {
  it('runs a real artefact once in every engine', async () => {
    const ran = found.engines.map(({ name, version }) => ({ engine: name, version, outcome: 'ran' }));
    expect(await checkArtefact({ found, source: CLS, artefact: coarse })).toEqual(ran);
    expect(await checkArtefact({ found, source: CLS, artefact: coarse, sample: [...images(1)][0] })).toEqual(ran);
  });

  it('lists an engine that is missing', async () => {
    const partly = { engines: [], missing: [{ engine: 'onnxruntime-web' as const, reason: 'not installed' }] };
    expect(await checkArtefact({ found: partly, source: CLS, artefact: CLS })).toEqual([{ engine: 'onnxruntime-web', version: null, outcome: 'not-run', reason: 'not installed' }]);
  });

  it('throws when only the artefact is refused, and reports when the source is refused too', async () => {
    const broken = tinyModel([{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }], [{ name: 'x', dtype: 'float32' }], [{ name: 'y', dtype: 'float32' }]);
    const error: unknown = await checkArtefact({ found, source: CLS, artefact: broken, model: 'cls.onnx' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_REJECTED', model: 'cls.onnx', message: expect.stringMatching(/runs the source but not the artefact: .*NoSuchOperator/) });
    const checks = await checkArtefact({ found, source: broken, artefact: broken });
    expect(checks).toHaveLength(2);
    for (const check of checks) expect(check).toMatchObject({ outcome: 'not-run', reason: expect.stringContaining('NoSuchOperator') });
  });

  it('does not blame the model for a sample that does not fit', async () => {
    await expect(checkArtefact({ found, source: CLS, artefact: CLS, sample: { y: 1 } })).rejects.toMatchObject({ code: 'SAMPLES_INVALID' });
  });
});

it('gives the reason when no generated input runs', async () => {
  const bytes = tinyModel([{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }], [{ name: 'a', dtype: 'float32', dims: [2, 3] }, { name: 'b', dtype: 'float32', dims: ['m', 'n'] }], [{ name: 'y', dtype: 'float32', dims: [2, 'n'] }]);
  const model = await engine.open(bytes);
  expect(await findSyntheticFeeds(model)).toMatchObject({ reason: expect.stringMatching(/cannot run the model on a float32\[2,3\], b float32\[/) });
  await model.close();
});
