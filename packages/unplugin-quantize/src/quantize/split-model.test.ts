import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNode } from '../graph/index.ts';
import { buildModel, floats } from '../../../../test/support/build-model.ts';
import { models } from '../../../../test/support/models.ts';
import { bytesOf, seededFloats, type Feeds } from '../../../../test/support/run-model.ts';
import { bytesSource, readPayload } from '../onnx/index.ts';
import { MODEL_DEFAULTS } from '../options.ts';
import type { Format } from '../types.ts';
import { quantizeSource, type QuantizedSource } from './index.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'split-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const source = new Uint8Array(readFileSync(models.ocrDirection));
const split = (format: Format, bytes: Uint8Array = source): QuantizedSource => quantizeSource(bytesSource(bytes), undefined, { ...MODEL_DEFAULTS, format }, {}, 'weights.bin');
const whole = (format: Format): Uint8Array => readPayload(quantizeSource(bytesSource(source), undefined, { ...MODEL_DEFAULTS, format }).stream);

async function run(model: Uint8Array | string, feeds: Feeds): Promise<unknown[]> {
  const options = { logSeverityLevel: 3, intraOpNumThreads: 1 } as const;
  const session = await (typeof model === 'string' ? ort.InferenceSession.create(model, options) : ort.InferenceSession.create(model, options));
  const results = await session.run(feeds);
  await session.release();
  return Object.values(results).map(({ data }) => data);
}

describe('a model in two files', () => {
  it.each(['int8', 'int8-storage', 'int4', 'fp16'] as const)('computes as %s what it computes in one', async (format) => {
    const { stream, data } = split(format);
    expect(data).toMatchObject({ location: 'weights.bin' });
    const path = join(folder, 'model.onnx');
    writeFileSync(path, readPayload(stream));
    writeFileSync(join(folder, 'weights.bin'), readPayload(data!.stream));
    expect(data!.stream.byteLength).toBeGreaterThan(stream.byteLength / 2);
    const feeds = { x: seededFloats([1, 3, 48, 192]) };
    expect(await run(path, feeds)).toEqual(await run(whole(format), feeds));
  });

  it('has the same bytes each time', () => {
    const [one, two] = ['int8', 'int8'].map(() => split('int8')) as [QuantizedSource, QuantizedSource];
    expect(readPayload(one.stream)).toEqual(readPayload(two.stream));
    expect(readPayload(one.data!.stream)).toEqual(readPayload(two.data!.stream));
  });

  it('is one file where nothing is large', () => {
    const model = buildModel({ nodes: [makeNode('Add', ['x', 'b'], ['y'])], inputs: { x: 'float32[4]' }, outputs: { y: 'float32[4]' }, initializers: { b: floats([4], [1, 2, 3, 4]) } });
    const bytes = bytesOf(model);
    const { stream, data } = split('none', bytes);
    expect(data).toBeUndefined();
    expect(readPayload(stream)).toEqual(bytes);
  });
});
