import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesSource } from './source.ts';
import { createCursor, encodePrefix, encodeVarint, MAX_FIELD, type Field } from './wire.ts';

const fieldsOf = (bytes: number[] | Uint8Array): Field[] => {
  const array = Uint8Array.from(bytes);
  return [...createCursor(bytesSource(array)).fields(0, array.length)];
};

describe('varints', () => {
  it('are read as they were written', () => {
    fc.assert(fc.property(fc.maxSafeNat().map((n) => n % 2 ** 49), (value) => {
      const bytes = encodeVarint(value);
      expect(createCursor(bytesSource(bytes)).varint(0)).toEqual({ value, end: bytes.length });
    }));
  });

  it.each([[0, [0]], [127, [127]], [128, [0x80, 1]], [300, [0xac, 2]], [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]]])('%i has known bytes', (value, bytes) => {
    expect([...encodeVarint(value)]).toEqual(bytes);
  });

  it.each([
    ['without an end', [0x80, 0x80], 'MODEL_TRUNCATED'],
    ['longer than 10 bytes', Array<number>(11).fill(0x80), 'MODEL_NOT_ONNX'],
  ])('%s are refused', (_, bytes, code) => {
    expect(() => createCursor(bytesSource(Uint8Array.from(bytes))).varint(0)).toThrow(expect.objectContaining({ code }));
  });
});

describe('fields', () => {
  it('are found with their places', () => {
    expect(fieldsOf([0x08, 0x96, 0x01, 0x12, 0x02, 7, 8, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8])).toEqual([
      { no: 1, wireType: 0, start: 0, contentStart: 1, end: 3 },
      { no: 2, wireType: 2, start: 3, contentStart: 5, end: 7 },
      { no: 3, wireType: 5, start: 7, contentStart: 8, end: 12 },
      { no: 4, wireType: 1, start: 12, contentStart: 13, end: 21 },
    ]);
  });

  it('take any number up to the largest', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: MAX_FIELD }), fc.uint8Array({ maxLength: 200 }), (no, content) => {
      const prefix = encodePrefix(no, content.length);
      const [field, ...others] = fieldsOf([...prefix, ...content]);
      expect(others).toHaveLength(0);
      expect(field).toEqual({ no, wireType: 2, start: 0, contentStart: prefix.length, end: prefix.length + content.length });
    }));
  });

  it('are found across the window that is read at once', () => {
    const bytes = new Uint8Array(300_000);
    let at = 0;
    let count = 0;
    for (; at + 1003 < bytes.length; count++) {
      bytes.set(encodePrefix(1 + (count % 15), 1000), at);
      at += 1003;
    }
    expect(fieldsOf(bytes.subarray(0, at))).toHaveLength(count);
  });

  it.each([
    ['a length beyond the end', [0x0a, 5, 1], 'MODEL_TRUNCATED'],
    ['a length of more than 2^49', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 'MODEL_TRUNCATED'],
    ['a length of 2^63', [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 'MODEL_TRUNCATED'],
    ['a short fixed field', [0x09, 1, 2, 3], 'MODEL_TRUNCATED'],
    ['field number 0', [0x02, 0], 'MODEL_NOT_ONNX'],
    ['a field number that is too large', [...encodeVarint((MAX_FIELD + 1) * 8), 1], 'MODEL_NOT_ONNX'],
    ['a group', [0x0b, 0x0c], 'MODEL_NOT_ONNX'],
    ['wire type 7', [0x0f], 'MODEL_NOT_ONNX'],
  ])('refuse %s', (_, bytes, code) => {
    expect(() => fieldsOf(bytes)).toThrow(expect.objectContaining({ code, model: 'model', hint: expect.any(String) }));
  });
});
