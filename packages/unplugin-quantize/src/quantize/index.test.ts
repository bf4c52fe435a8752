import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildModel, floats, ramp } from '../../../../test/support/build-model.ts';
import { product, weight } from '../../../../test/support/integer-arithmetic.ts';
import { models } from '../../../../test/support/models.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { bytesOf, runModel, seededFloats } from '../../../../test/support/run-model.ts';
import { makeNode } from '../graph/index.ts';
import { bytesSource, create, readPayload, StringStringEntryProtoSchema, TensorProto_DataLocation as DataLocation, type ByteSource, type Model } from '../onnx/index.ts';
import { FORMATS, MODEL_DEFAULTS, SAMPLED_FORMATS } from '../options.ts';
import type { Format } from '../types.ts';
import { quantizeSource } from './index.ts';

const formats = (Object.keys(FORMATS) as Format[]).filter((format) => !SAMPLED_FORMATS.includes(format));
const x = seededFloats([2, 32]);

describe('quantizeSource', () => {
  it.each(formats)('as %s announces the bytes that it gives, each time the same', (format) => {
    const source = bytesSource(bytesOf(product()), 'model');
    const { stream } = quantizeSource(source, undefined, { ...MODEL_DEFAULTS, format });
    const first = readPayload(stream);
    expect([...stream.chunks()].reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(stream.byteLength);
    expect(readPayload(stream)).toEqual(first);
    expect(readPayload(quantizeSource(source, undefined, { ...MODEL_DEFAULTS, format }).stream)).toEqual(first);
  });

  it('as none gives the source, byte for byte', () => {
    const source = readFileSync(models.ocrDirection);
    const result = quantize(source, { format: 'none' });
    expect(source.equals(result.bytes)).toBe(true);
    expect(result).toMatchObject({ format: 'none', weights: [], notes: [], minOnnxruntime: '1.9.0', sessionOptions: {}, externalLocations: [] });
    expect(result.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it.each(formats.filter((format) => format !== 'none'))('as %s leaves a model that would grow, and says so', (format) => {
    const source = bytesOf(product({ initializers: { w: weight([4, 2]) }, inputs: { x: 'float32[N,4]' }, outputs: { y: 'float32[N,2]' } }));
    const result = quantize(source, { format, keepNames: true });
    expect(result.format).toBe('none');
    expect(Buffer.compare(result.bytes, source)).toBe(0);
    expect(result.notes.at(-1)).toMatch(new RegExp(`^As ${format} the model would have \\d+ bytes in place of ${source.byteLength}: it is left as it is\\.$`));
    expect(result.weights).toMatchObject([{ tensor: 'w', scheme: 'kept', bytesBefore: 32, bytesAfter: 32 }]);
  });

  it('says when only the file around the weights became smaller', () => {
    const named = product({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'], {}, { name: 'a name of many letters that only people read' })], initializers: { w: weight([4, 2]) } });
    const result = quantize(named, { format: 'int8', keepNames: false });
    expect(result).toMatchObject({ format: 'int8', notes: ['As int8 no weight of the model changes: the file is only tidied up.'] });
    expect(result.weights[0]!.scheme).toBe('kept');
  });

  it('tells the release that runs the artefact after its opset was raised', () => {
    const old = product({ opset: 10, ir: 5 });
    expect(quantize(old, { format: 'int8-dynamic' }).minOnnxruntime).toBe('1.0.0');
    expect(quantize(product({ opset: 18 }), { format: 'int8-dynamic' }).minOnnxruntime).toBe('1.14.0');
  });

  it('decides about every float32 weight once', () => {
    const source = buildModel({
      nodes: [makeNode('MatMul', ['x', 'w'], ['m']), makeNode('Add', ['m', 'b'], ['y'])],
      initializers: { w: weight([32, 40]), b: ramp([40]) },
      inputs: { x: 'float32[2,32]' },
      outputs: { y: 'float32[2,40]' },
    });
    for (const format of formats.filter((format) => format !== 'none')) {
      const { weights } = quantize(source, { format, keepNames: true });
      expect(weights.map(({ tensor }) => tensor).sort()).toEqual(['b', 'w']);
    }
  });

  it('lists inputs without those that have a default', () => {
    const source = product({ ir: 3, opset: 9, inputs: { x: 'float32[N,32]', w: 'float32[32,40]' } });
    const { inputs, outputs } = quantize(source, { format: 'int8' });
    expect(inputs).toEqual([{ name: 'x', dtype: 'float32', dims: ['N', 32] }]);
    expect(outputs).toEqual([{ name: 'y', dtype: 'float32', dims: ['N', 40] }]);
  });

  it.each([
    ['MODEL_EMPTY', new Uint8Array(0)], ['MODEL_NOT_ONNX', new TextEncoder().encode('{"not": "a model"}')],
    ['MODEL_INVALID', bytesOf(product({ nodes: [makeNode('MatMul', ['x', 'nowhere'], ['y'])] }))],
  ])('refuses with %s', (code, bytes) => {
    expect(() => quantize(bytes, { format: 'int8' })).toThrow(expect.objectContaining({ name: 'QuantizeError', code, model: 'test model' }));
  });

  it('tells which weight is NaN when the artefact is read', () => {
    const source = product({ initializers: { w: floats([32, 40], [...Array<number>(1279).fill(1), NaN]) } });
    expect(() => quantize(source, { format: 'int8' })).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', node: 'w', hint: expect.stringContaining('Exclude it by name') }));
  });
});

describe('external data', () => {
  /** Moves two equal weights of a model to a file beside it. */
  function externalized(): { model: Model; file: Uint8Array } {
    const model = product({
      nodes: [makeNode('MatMul', ['x', 'w'], ['a']), makeNode('MatMul', ['x', 'v'], ['b']), makeNode('Add', ['a', 'b'], ['y'])],
      initializers: { w: weight([32, 40]), v: weight([32, 40]) },
    });
    const file = new Uint8Array(2 * 5120);
    model.proto.graph!.initializer.forEach((proto, i) => {
      file.set(readPayload(model.payloads[proto.payload]!), i * 5120);
      proto.payload = 0;
      delete (proto as { payload?: number }).payload;
      proto.dataLocation = DataLocation.EXTERNAL;
      proto.externalData = Object.entries({ location: 'weights.bin', offset: String(i * 5120), length: '5120' }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
    });
    return { model, file };
  }

  it.each(formats)('is inside the artefact of %s, and equal weights are one', async (format) => {
    const { model, file } = externalized();
    const files = { open: (location: string): ByteSource => bytesSource(file, location) };
    const result = quantize(model, { format }, files);
    expect(result.externalLocations).toEqual(['weights.bin']);
    const inside = product({ nodes: model.proto.graph!.node, initializers: { w: weight([32, 40]), v: weight([32, 40]) } });
    const expected = quantize(inside, { format });
    expect(result.weights).toEqual(expected.weights);
    expect(await runModel(result.bytes, { x })).toEqual(await runModel(expected.bytes, { x }));
  });

  it('that is not given is missed by name', () => {
    expect(() => quantize(externalized().model, { format: 'int8' })).toThrow(expect.objectContaining({ code: 'EXTERNAL_DATA_MISSING', node: 'w' }));
  });
});
