import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomModel } from '../../../../test/support/random-model.ts';
import { concatBytes, field, fixed32, message, modelBytes, packed, text, varint } from '../../../../test/support/wire-format.ts';
import { tensorsOf } from '../graph/scope.ts';
import { bytesSource, CHUNK_BYTES, cloneModel, readModel, readPayload, tensorOf, writeModel, type Model } from './index.ts';
import { readSkeleton } from './skeleton.ts';
import { spliceSkeleton } from './splice.ts';
import { MAX_FIELD } from './wire.ts';

const write = (model: Model): Uint8Array => readPayload(writeModel(model));
const read = (bytes: Uint8Array): Model => readModel(bytesSource(bytes, 'random'));

describe('a model at random', () => {
  it('is written byte for byte as it was read', () => {
    fc.assert(fc.property(randomModel, (bytes) => {
      expect(Buffer.compare(write(read(bytes)), bytes)).toBe(0);
    }), { numRuns: 500 });
  });

  it('is taken apart and put together again without parsing', () => {
    fc.assert(fc.property(randomModel, (bytes) => {
      const skeleton = readSkeleton(bytesSource(bytes));
      const whole = spliceSkeleton(skeleton.bytes, skeleton.payloads, 'random');
      expect(whole.byteLength).toBe(bytes.length);
      expect(Buffer.compare(readPayload(whole), bytes)).toBe(0);
    }), { numRuns: 500 });
  });

  it('leaves no tensor data above 1 kB in the structure', () => {
    fc.assert(fc.property(randomModel, (bytes) => {
      const model = read(bytes);
      for (const tensor of tensorsOf(model)) expect(Object.hasOwn(tensor, 'payload') ? 0 : tensor.rawData.length + tensor.floatData.length * 4).toBeLessThan(1024);
      for (const payload of model.payloads) expect(payload.byteLength).toBeGreaterThanOrEqual(1024);
    }));
  });

  it('has the same bytes as its clone, which can be edited alone', () => {
    fc.assert(fc.property(randomModel, (bytes) => {
      const model = read(bytes);
      const copy = cloneModel(model);
      copy.proto.graph!.name = 'another';
      copy.payloads.push({ field: 9, byteLength: 0, chunks: () => [] });
      expect(Buffer.compare(write(model), bytes)).toBe(0);
    }), { numRuns: 50 });
  });
});

const raw = Uint8Array.from({ length: 2000 }, (_, i) => i);
const header = concatBytes([field(1, 0, varint(500)), field(2, 0, varint(1))]);
const forged = field(MAX_FIELD, 0, varint(0));
const initializer = (...fields: Uint8Array[]): Uint8Array => field(5, 2, message(...fields));

describe('the project’s own field number', () => {
  const honest = initializer(header, text(8, 'honest'), field(9, 2, message(raw)));

  const large = field(9, 2, message(raw));
  const name = text(8, 'w');
  it.each([
    ['a small tensor', [header, name, forged], [header, name]],
    ['a tensor of nothing else', [forged], []],
    ['a large tensor, in front', [forged, header, name, large], [header, name, large]],
    ['a large tensor, behind', [header, name, large, forged], [header, name, large]],
    ['a large tensor, twice', [header, forged, name, large, forged], [header, name, large]],
    ['a tensor, as text', [header, name, field(MAX_FIELD, 2, message(varint(0)))], [header, name]],
  ])('is dropped from %s', (_, fields, clean) => {
    const model = read(modelBytes(honest, initializer(...fields)));
    const own = model.proto.graph!.initializer[1]!;
    expect(Object.hasOwn(own, 'payload') ? own.payload : 1).toBe(1);
    expect(Buffer.compare(write(model), modelBytes(honest, initializer(...clean)))).toBe(0);
  });

  it('is dropped from tensors of nodes, subgraphs, functions, training graphs and sparse tensors', () => {
    const evil = message(header, forged);
    const node = (content: Uint8Array): Uint8Array => concatBytes([text(4, 'Op'), field(5, 2, message(text(1, 'a'), content))]);
    const graphOf = (content: Uint8Array): Uint8Array => field(1, 2, message(node(content)));
    const inner = message(graphOf(field(10, 2, evil)));
    const bytes = concatBytes([
      modelBytes(
        honest, graphOf(field(5, 2, evil)), graphOf(field(6, 2, inner)), graphOf(field(11, 2, inner)), graphOf(field(22, 2, message(field(2, 2, evil)))),
        graphOf(field(23, 2, message(field(1, 2, evil)))), field(15, 2, message(field(1, 2, evil))),
      ),
      field(20, 2, message(field(1, 2, inner), field(2, 2, message(initializer(header, forged))))),
      field(25, 2, message(field(7, 2, message(node(field(5, 2, evil)))), field(11, 2, message(field(5, 2, evil))))),
    ]);
    const tag = varint(BigInt(MAX_FIELD) * 8n);
    const countTags = (data: Uint8Array): number => [...data.keys()].filter((at) => tag.every((byte, i) => data[at + i] === byte)).length;
    expect(countTags(bytes)).toBe(10);
    // Only the honest tensor's own index is left.
    const { bytes: skeleton, payloads } = readSkeleton(bytesSource(bytes));
    expect(payloads).toHaveLength(1);
    expect(countTags(skeleton)).toBe(1);
  });
});

describe('writing', () => {
  it('keeps data where it was among the fields of its tensor', () => {
    const bytes = modelBytes(initializer(header, packed(4, Array.from({ length: 500 }, (_, i) => fixed32(i))), text(8, 'w'), text(12, 'doc')));
    expect(Buffer.compare(write(read(bytes)), bytes)).toBe(0);
  });

  it('refuses data of another length than was announced', () => {
    const model = read(modelBytes(initializer(header, field(9, 2, message(raw)))));
    model.payloads[0] = { ...model.payloads[0]!, chunks: () => [raw.subarray(1)] };
    expect(() => write(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('refuses an index without data', () => {
    const model = read(modelBytes(initializer(header, field(9, 2, message(raw)))));
    model.payloads.pop();
    expect(() => write(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('gives tensors in pieces of a buffer that is used again', () => {
    const large = new Uint8Array(3 * CHUNK_BYTES + 5).map((_, i) => i % 253);
    const model = read(modelBytes(initializer(field(1, 0, varint(large.length)), field(2, 0, varint(2)), text(8, 'w'), field(9, 2, message(large)))));
    const tensor = tensorOf(model, model.proto.graph!.initializer[0]!);
    const sizes = [...tensor.chunks()].map((chunk) => chunk.byteLength);
    expect(sizes).toEqual([CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 5]);
    expect(Buffer.compare(readPayload(tensor), large)).toBe(0);
  });
});
